#include "dispatch.h"

#include <cstdlib>
#include <cstring>

namespace tlmlp::training {

#if TLMLP_X86
const Kernels<float> &kernels_avx512(float);
const Kernels<double> &kernels_avx512(double);
const Kernels<float> &kernels_avx2(float);
const Kernels<double> &kernels_avx2(double);
#endif
const Kernels<float> &kernels_portable(float);
const Kernels<double> &kernels_portable(double);

template <class T> const Kernels<T> &find_kernels() {
    const char *wanted = std::getenv("TLMLP_SIMD");
    const auto allowed = [wanted](const char *level) { return !wanted || std::strcmp(wanted, level) == 0; };
#if TLMLP_X86
    if (allowed("avx512") && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma")) {
        return kernels_avx512(T());
    }
    if ((allowed("avx2") || allowed("avx512")) && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        return kernels_avx2(T());
    }
#endif
    return kernels_portable(T());
}

template const Kernels<float> &find_kernels();
template const Kernels<double> &find_kernels();

} // namespace tlmlp::training
