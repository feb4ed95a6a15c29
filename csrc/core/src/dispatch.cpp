#include "dispatch.h"

#include <cstdlib>

#include "tlmlp/error.h"

namespace tlmlp::engine {

#if TLMLP_X86
const Kernels<float> &kernels_avx512(float);
const Kernels<double> &kernels_avx512(double);
const Kernels<float> &kernels_avx2(float);
const Kernels<double> &kernels_avx2(double);
#endif
const Kernels<float> &kernels_portable(float);
const Kernels<double> &kernels_portable(double);

std::vector<std::string> available_levels() {
    std::vector<std::string> levels;
#if TLMLP_X86
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma")) {
        levels.push_back("avx512");
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        levels.push_back("avx2");
    }
#endif
    levels.push_back("portable");
    return levels;
}

template <class T> const Kernels<T> &find_kernels(const std::string &level) {
    const char *forced = std::getenv("TLMLP_SIMD");
    const std::string wanted = !level.empty() ? level : forced ? forced : "";
    std::string known;
    for (const std::string &name : available_levels()) {
        known += (known.empty() ? "" : ", ") + name;
        if (!wanted.empty() && name != wanted) {
            continue;
        }
#if TLMLP_X86
        if (name == "avx512") {
            return kernels_avx512(T());
        }
        if (name == "avx2") {
            return kernels_avx2(T());
        }
#endif
        return kernels_portable(T());
    }
    throw Error("no SIMD level '" + wanted + "' on this machine (option `level` or TLMLP_SIMD); choose from " + known);
}

template const Kernels<float> &find_kernels(const std::string &);
template const Kernels<double> &find_kernels(const std::string &);

} // namespace tlmlp::engine
