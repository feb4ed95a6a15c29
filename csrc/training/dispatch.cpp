#include "dispatch.h"

#include "level_choice.h"

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
    const std::string name = engine::choose_level({});
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

template const Kernels<float> &find_kernels();
template const Kernels<double> &find_kernels();

} // namespace tlmlp::training
