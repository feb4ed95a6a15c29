#include <cstdlib>
#include <cstring>

#include "kernels.h"

namespace tlmlp::kernels {

namespace baseline {
template <class T> const Table<T> *functions();
}
#if defined(TLMLP_X86)
namespace avx2 {
template <class T> const Table<T> *functions();
}
namespace avx512 {
template <class T> const Table<T> *functions();
}
#endif

namespace {

template <class T> const Table<T> *choose() {
    const char *wanted = std::getenv("TLMLP_SIMD");
    const auto allowed = [wanted](const char *level) { return !wanted || std::strcmp(wanted, level) == 0; };
#if defined(TLMLP_X86)
    if (allowed("avx512") && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
        return avx512::functions<T>();
    }
    if ((allowed("avx2") || allowed("avx512")) && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        return avx2::functions<T>();
    }
#endif
    return baseline::functions<T>();
}

} // namespace

template <class T> const Table<T> &table() {
    static const Table<T> *const chosen = choose<T>();
    return *chosen;
}

template const Table<float> &table<float>();
template const Table<double> &table<double>();

} // namespace tlmlp::kernels
