// What the library offers by name: OpenMM's two plugin functions, and a few functions in C for Python.
#include <openmm/OpenMMException.h>
#include <openmm/Platform.h>

#include "TLMLPForceProxy.h"
#include "tlmlp/openmm/TLMLPForce.h"

#define TLMLP_EXPORT extern "C" __attribute__((visibility("default")))

namespace {

/// "8.5" of "8.5.2": OpenMM's classes keep their layout within a series.
std::string series_of(const std::string &version) {
    const std::size_t first = version.find('.');
    return version.substr(0, first == std::string::npos ? first : version.find('.', first + 1));
}

std::string refusal;

bool register_proxy() {
    static const bool fits = [] {
        const std::string running = OpenMM::Platform::getOpenMMVersion();
        if (series_of(running) != TLMLP_OPENMM_SERIES) {
            refusal = "the native force of tlmlp was built for OpenMM " TLMLP_OPENMM_SERIES ", this is OpenMM " +
                      running + ": run `tlmlp openmm build`";
            return false;
        }
        OpenMM::SerializationProxy::registerProxy(typeid(tlmlp::TLMLPForce), new tlmlp::TLMLPForceProxy());
        return true;
    }();
    return fits;
}

} // namespace

TLMLP_EXPORT void registerPlatforms() {}

/// OpenMM calls this where it loads the library as a plugin; there are no kernels, since a TLMLPForce runs on any
/// platform by the kernel that OpenMM has for forces in C++.
TLMLP_EXPORT void registerKernelFactories() {
    if (!register_proxy()) {
        throw OpenMM::OpenMMException(refusal);
    }
}

/// Makes TLMLPForce known to OpenMM's XML reader; the reason why not, or NULL.
TLMLP_EXPORT const char *tlmlp_openmm_register() { return register_proxy() ? nullptr : refusal.c_str(); }

/// Evaluations, neighbour lists made, seconds in the engine for energies and forces, and for neighbours, evaluations
/// without forces, of this force in this context; -1 if it is another force.
TLMLP_EXPORT int tlmlp_openmm_statistics(OpenMM::Force *force, OpenMM::Context *context, double *out) {
    try {
        const auto *own = dynamic_cast<const tlmlp::TLMLPForce *>(force);
        if (!own) {
            return -1;
        }
        const auto statistics = own->getStatistics(*context);
        out[0] = static_cast<double>(statistics.evaluations);
        out[1] = static_cast<double>(statistics.neighbourBuilds);
        out[2] = statistics.engineSeconds;
        out[3] = statistics.neighbourSeconds;
        out[4] = static_cast<double>(statistics.energiesAlone);
        return 0;
    } catch (const std::exception &) {
        return -1;
    }
}
