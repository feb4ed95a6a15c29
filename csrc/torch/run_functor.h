#pragma once

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include "cuda/kernels/ops/list.h"
#include "cuda/ops_interface.h"

namespace tlmlp {

/// Runs a functor of csrc/cuda/kernels/ops where the tensor `on` lies. T is float or double.
template <class T, class F> void run(const F &functor, const at::Tensor &on) {
    if (!on.is_cuda()) {
        if constexpr (requires { functor.row(0); }) {
            at::parallel_for(0, functor.rows(), 64, [&](std::int64_t first, std::int64_t last) {
                for (std::int64_t r = first; r < last; ++r) {
                    functor.row(r);
                }
            });
        } else {
            at::parallel_for(0, functor.size(), 64, [&](std::int64_t first, std::int64_t last) {
                for (std::int64_t i = first; i < last; ++i) {
                    functor(i);
                }
            });
        }
        return;
    }
#ifdef TLMLP_CUDA
    // The default stream is the current one unless a program says otherwise; another would need torch's CUDA headers.
    const c10::Stream stream = c10::impl::VirtualGuardImpl(c10::DeviceType::CUDA).getStream(on.device());
    TORCH_CHECK(stream.id() == 0, "the operators of tlmlp run on the default CUDA stream; leave the torch.cuda.stream "
                                  "that this call is in");
    constexpr int place = cuda::ops::place<F, T>();
    const auto launch = sizeof(T) == 4 ? tlmlp_cuda_op_float : tlmlp_cuda_op_double;
    const int error = launch(place, &functor, on.device().index());
    TORCH_CHECK(error == 0, "an operator of tlmlp cannot be launched on ", on.device(), ": CUDA error ", error);
#else
    TORCH_CHECK(false, "this build of tlmlp has no CUDA; build it with TLMLP_CUDA=ON for operators on ", on.device());
#endif
}

template <class T> const T *input(const at::Tensor &t) { return t.defined() ? t.const_data_ptr<T>() : nullptr; }
template <class T> T *output(at::Tensor &t) { return t.defined() && t.numel() > 0 ? t.data_ptr<T>() : nullptr; }

} // namespace tlmlp
