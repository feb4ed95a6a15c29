#include "TLMLPForceProxy.h"

#include <array>
#include <cstdint>

#include <openmm/OpenMMException.h>
#include <openmm/serialization/SerializationNode.h>

#include "tlmlp/openmm/TLMLPForce.h"

namespace tlmlp {

using OpenMM::OpenMMException;
using OpenMM::SerializationNode;

namespace {

constexpr int version = 1;
constexpr char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string base64_encode(const std::string &bytes) {
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        std::uint32_t word = 0;
        for (std::size_t k = 0; k < 3; ++k) {
            word = word << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u);
        }
        for (std::size_t k = 0; k < 4; ++k) {
            out += i + k > bytes.size() ? '=' : alphabet[word >> (18 - 6 * k) & 63];
        }
    }
    return out;
}

std::string base64_decode(const std::string &text) {
    std::array<int, 256> value;
    value.fill(-1);
    for (int k = 0; k < 64; ++k) {
        value[static_cast<unsigned char>(alphabet[k])] = k;
    }
    std::string out;
    out.reserve(text.size() / 4 * 3);
    std::uint32_t word = 0;
    int bits = 0;
    for (const char c : text) {
        if (c == '=') {
            break;
        }
        const int six = value[static_cast<unsigned char>(c)];
        if (six < 0) {
            throw OpenMMException("TLMLPForce: the model in the XML is damaged (not base64)");
        }
        word = word << 6 | static_cast<std::uint32_t>(six);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out += static_cast<char>(word >> bits & 255);
        }
    }
    return out;
}

} // namespace

void TLMLPForceProxy::serialize(const void *object, SerializationNode &node) const {
    const TLMLPForce &force = *static_cast<const TLMLPForce *>(object);
    node.setIntProperty("version", version);
    node.setIntProperty("forceGroup", force.getForceGroup());
    node.setStringProperty("name", force.getName());
    node.setStringProperty("file", force.getModelName());
    node.setStringProperty("precision", force.getPrecision());
    node.setBoolProperty("periodic", force.usesPeriodicBoundaryConditions());
    node.setDoubleProperty("skin", force.getSkin());
    node.setIntProperty("threads", force.getThreads());
    node.setStringProperty("device", force.getDevice());
    node.setBoolProperty("warns", force.getWarnsOfClosePairs());
    node.setStringProperty("scale", force.getScaleParameter());
    node.setDoubleProperty("scaleDefault", force.getScaleDefaultValue());
    node.setStringProperty("model", base64_encode(*force.getModel()));
    SerializationNode &atoms = node.createChildNode("Atoms");
    for (const auto &[particle, number] : force.getAtoms()) {
        atoms.createChildNode("Atom").setIntProperty("p", particle).setIntProperty("z", number);
    }
}

void *TLMLPForceProxy::deserialize(const SerializationNode &node) const {
    const int found = node.getIntProperty("version");
    if (found != version) {
        throw OpenMMException("TLMLPForce: the XML has version " + std::to_string(found) +
                              ", this tlmlp reads version " + std::to_string(version) +
                              ": use the tlmlp that wrote it");
    }
    auto model = std::make_shared<const std::string>(base64_decode(node.getStringProperty("model")));
    auto force = std::make_unique<TLMLPForce>(std::move(model), node.getStringProperty("file"));
    force->setForceGroup(node.getIntProperty("forceGroup", 0));
    force->setName(node.getStringProperty("name", force->getName()));
    force->setPrecision(node.getStringProperty("precision"));
    force->setUsesPeriodicBoundaryConditions(node.getBoolProperty("periodic"));
    force->setSkin(node.getDoubleProperty("skin"));
    force->setThreads(node.getIntProperty("threads"));
    force->setDevice(node.getStringProperty("device", "cpu"));
    force->setWarnsOfClosePairs(node.getBoolProperty("warns", true));
    force->setScaleParameter(node.getStringProperty("scale"), node.getDoubleProperty("scaleDefault"));
    for (const SerializationNode &atom : node.getChildNode("Atoms").getChildren()) {
        force->addAtom(atom.getIntProperty("p"), atom.getIntProperty("z"));
    }
    return force.release();
}

} // namespace tlmlp
