#pragma once

// One __global__ function per body. Included by a .cu file for each precision.

#include <cuda_runtime.h>

#include "cuda/bodies/kernels.h"
#include "cuda/interface.h"

namespace tlmlp::cuda {

extern __shared__ __align__(64) char shared_memory[];

/// Registers are bounded so that at least two blocks of a tile fit a multiprocessor.
template <Kernel K, class T>
__global__ void __launch_bounds__(K == Kernel::segments ? 160 : 2 * tile_lanes<float>)
    body_kernel(const Job<T> job, int pass, char *scratch, std::size_t stride) {
    const DeviceBlock block{int(blockIdx.x), int(gridDim.x), scratch ? scratch + blockIdx.x * stride : shared_memory};
    run_body<K, T>(block, job, pass);
}

template <Kernel K, class T> int launch_body(const Job<T> &job, int pass, const tlmlp_cuda_shape &shape, void *stream) {
    const std::size_t shared = shape.scratch ? 0 : shape.shared;
    if (shared > 48 * 1024) { // more than that has to be asked for
        const cudaError_t error = cudaFuncSetAttribute(reinterpret_cast<const void *>(&body_kernel<K, T>),
                                                       cudaFuncAttributeMaxDynamicSharedMemorySize, int(shared));
        if (error != cudaSuccess) {
            return error;
        }
    }
    body_kernel<K, T><<<shape.blocks, shape.threads, shared, static_cast<cudaStream_t>(stream)>>>(
        job, pass, static_cast<char *>(shape.scratch), shape.stride);
    return cudaGetLastError();
}

template <class T>
int launch_number(int kernel, const void *from, int pass, const tlmlp_cuda_shape &shape, void *stream) {
    const Job<T> &job = *static_cast<const Job<T> *>(from);
    switch (static_cast<Kernel>(kernel)) {
    case Kernel::geometry:
        return launch_body<Kernel::geometry>(job, pass, shape, stream);
    case Kernel::edges_forward:
        return launch_body<Kernel::edges_forward>(job, pass, shape, stream);
    case Kernel::centres_forward:
        return launch_body<Kernel::centres_forward>(job, pass, shape, stream);
    case Kernel::outputs:
        return launch_body<Kernel::outputs>(job, pass, shape, stream);
    case Kernel::edges_backward:
        return launch_body<Kernel::edges_backward>(job, pass, shape, stream);
    case Kernel::centres_backward:
        return launch_body<Kernel::centres_backward>(job, pass, shape, stream);
    case Kernel::geometry_backward:
        return launch_body<Kernel::geometry_backward>(job, pass, shape, stream);
    case Kernel::forces:
        return launch_body<Kernel::forces>(job, pass, shape, stream);
    case Kernel::segments:
        return launch_body<Kernel::segments>(job, pass, shape, stream);
    case Kernel::systems:
        return launch_body<Kernel::systems>(job, pass, shape, stream);
    default:
        return cudaErrorInvalidValue;
    }
}

} // namespace tlmlp::cuda
