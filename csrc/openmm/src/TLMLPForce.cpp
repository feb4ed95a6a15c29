#include "tlmlp/openmm/TLMLPForce.h"

#include <cmath>
#include <fstream>
#include <sstream>

#include <openmm/OpenMMException.h>

#include "TLMLPForceImpl.h"

namespace tlmlp {

using OpenMM::OpenMMException;

namespace {

std::shared_ptr<const std::string> read(const std::string &path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream bytes;
    bytes << file.rdbuf();
    if (!file || bytes.str().empty()) {
        throw OpenMMException("TLMLPForce: cannot read the model file " + path);
    }
    return std::make_shared<const std::string>(std::move(bytes).str());
}

} // namespace

TLMLPForce::TLMLPForce(const std::string &path) : TLMLPForce(read(path), path) {}

TLMLPForce::TLMLPForce(std::shared_ptr<const std::string> model, const std::string &name)
    : model_(std::move(model)), modelName_(name) {
    setName("TLMLPForce");
}

int TLMLPForce::addAtom(int particle, int atomicNumber) {
    atoms_.push_back({particle, atomicNumber});
    return static_cast<int>(atoms_.size()) - 1;
}

void TLMLPForce::setPrecision(const std::string &precision) {
    if (precision != "single" && precision != "double") {
        throw OpenMMException("TLMLPForce: precision must be single or double, got " + precision);
    }
    precision_ = precision;
}

void TLMLPForce::setSkin(double nanometers) {
    if (!(nanometers >= 0.0 && std::isfinite(nanometers))) {
        throw OpenMMException("TLMLPForce: the skin must be 0 or more, got " + std::to_string(nanometers) + " nm");
    }
    skin_ = nanometers;
}

void TLMLPForce::setThreads(int threads) {
    if (threads < 0) {
        throw OpenMMException("TLMLPForce: threads must be 0 or more, got " + std::to_string(threads));
    }
    threads_ = threads;
}

void TLMLPForce::setScaleParameter(const std::string &name, double defaultValue) {
    scaleName_ = name;
    scaleDefault_ = defaultValue;
}

OpenMM::ForceImpl *TLMLPForce::createImpl() const { return new TLMLPForceImpl(*this); }

TLMLPForce::Statistics TLMLPForce::getStatistics(OpenMM::Context &context) const {
    return dynamic_cast<const TLMLPForceImpl &>(const_cast<TLMLPForce *>(this)->getImplInContext(context)).statistics();
}

} // namespace tlmlp
