#pragma once

// One __global__ function per kernel. Included by a .cu file for each precision.

#include <cuda_runtime.h>

#include "cuda/kernels/kernels.h"
#include "cuda/interface.h"

namespace tlmlp::cuda {

extern __shared__ __align__(64) char shared_memory[];

/// Registers are bounded so that at least two blocks of a tile fit a multiprocessor.
/// `in_shared` is known to the compiler, which then addresses shared memory as such.
template <Kernel K, class T, bool in_shared>
__global__ void __launch_bounds__(K == Kernel::segments ? 160 : 2 * tile_lanes<float>)
    device_kernel(const Job<T> job, int pass, char *scratch, std::size_t stride) {
    const DeviceBlock block{int(blockIdx.x), int(gridDim.x), in_shared ? shared_memory : scratch + blockIdx.x * stride};
    run_kernel<K, T>(block, job, pass);
}

/// Kernels whose shared memory grows with the width of the layers.
inline constexpr bool may_need_scratch(Kernel kernel) {
    return kernel == Kernel::edges_forward || kernel == Kernel::edges_backward || kernel == Kernel::centres_forward ||
           kernel == Kernel::centres_backward || kernel == Kernel::outputs;
}

template <Kernel K, class T>
int launch_kernel(const Job<T> &job, int pass, const tlmlp_cuda_shape &shape, void *stream) {
    const auto to = static_cast<cudaStream_t>(stream);
    if constexpr (may_need_scratch(K)) {
        if (shape.scratch) {
            device_kernel<K, T, false>
                <<<shape.blocks, shape.threads, 0, to>>>(job, pass, static_cast<char *>(shape.scratch), shape.stride);
            return cudaGetLastError();
        }
    }
    if (shape.shared > 48 * 1024) { // more than that has to be asked for
        const cudaError_t error = cudaFuncSetAttribute(reinterpret_cast<const void *>(&device_kernel<K, T, true>),
                                                       cudaFuncAttributeMaxDynamicSharedMemorySize, int(shape.shared));
        if (error != cudaSuccess) {
            return error;
        }
    }
    device_kernel<K, T, true><<<shape.blocks, shape.threads, shape.shared, to>>>(job, pass, nullptr, 0);
    return cudaGetLastError();
}

template <class T>
int launch_number(int kernel, const void *from, int pass, const tlmlp_cuda_shape &shape, void *stream) {
    const Job<T> &job = *static_cast<const Job<T> *>(from);
    switch (static_cast<Kernel>(kernel)) {
    case Kernel::geometry:
        return launch_kernel<Kernel::geometry>(job, pass, shape, stream);
    case Kernel::edges_forward:
        return launch_kernel<Kernel::edges_forward>(job, pass, shape, stream);
    case Kernel::centres_forward:
        return launch_kernel<Kernel::centres_forward>(job, pass, shape, stream);
    case Kernel::outputs:
        return launch_kernel<Kernel::outputs>(job, pass, shape, stream);
    case Kernel::edges_backward:
        return launch_kernel<Kernel::edges_backward>(job, pass, shape, stream);
    case Kernel::centres_backward:
        return launch_kernel<Kernel::centres_backward>(job, pass, shape, stream);
    case Kernel::geometry_backward:
        return launch_kernel<Kernel::geometry_backward>(job, pass, shape, stream);
    case Kernel::forces:
        return launch_kernel<Kernel::forces>(job, pass, shape, stream);
    case Kernel::segments:
        return launch_kernel<Kernel::segments>(job, pass, shape, stream);
    case Kernel::systems:
        return launch_kernel<Kernel::systems>(job, pass, shape, stream);
    default:
        return cudaErrorInvalidValue;
    }
}

} // namespace tlmlp::cuda
