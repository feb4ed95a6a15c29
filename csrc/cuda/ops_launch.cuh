#pragma once

// One __global__ function per functor of the torch operators. Included by a .cu file for each precision.

#include <cuda_runtime.h>

#include "cuda/kernels/ops/list.h"
#include "cuda/ops_interface.h"

namespace tlmlp::cuda::ops {

template <class F> __global__ void __launch_bounds__(256) each(const F functor) {
    const std::int64_t n = functor.size(), step = std::int64_t(gridDim.x) * blockDim.x;
    for (std::int64_t i = std::int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += step) {
        functor(i);
    }
}

template <class T, std::size_t I = 0> int launch(int place, const void *functor, int index) {
    if constexpr (I < std::tuple_size_v<List<T>>) {
        if (place != int(I)) {
            return launch<T, I + 1>(place, functor, index);
        }
        using F = std::tuple_element_t<I, List<T>>;
        const F &f = *static_cast<const F *>(functor);
        const std::int64_t n = f.size(), blocks = (n + 255) / 256, most = 1 << 20;
        int before = index; // the caller's device stays the current one
        cudaError_t error = cudaGetDevice(&before);
        error = error == cudaSuccess ? cudaSetDevice(index) : error;
        if (error != cudaSuccess || n == 0) {
            cudaSetDevice(before);
            return error;
        }
        each<F><<<unsigned(blocks < most ? blocks : most), 256>>>(f);
        error = cudaGetLastError();
        cudaSetDevice(before);
        return error;
    } else {
        return cudaErrorInvalidValue;
    }
}

} // namespace tlmlp::cuda::ops
