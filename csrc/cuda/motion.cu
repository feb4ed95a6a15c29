#include <cuda_runtime.h>

#include "cuda/kernels/motion.h"
#include "cuda/interface.h"

namespace tlmlp::cuda {

extern __shared__ __align__(64) char motion_memory[];

template <MotionKernel K> __global__ void __launch_bounds__(256) motion_kernel(const Motion motion) {
    run_motion<K>(DeviceBlock{int(blockIdx.x), int(gridDim.x), motion_memory}, motion);
}

} // namespace tlmlp::cuda

extern "C" int tlmlp_cuda_launch_motion(int kernel, const void *from, const tlmlp_cuda_shape *shape, void *stream) {
    using namespace tlmlp::cuda;
    const Motion &motion = *static_cast<const Motion *>(from);
    const auto to = static_cast<cudaStream_t>(stream);
    switch (static_cast<MotionKernel>(kernel)) {
    case MotionKernel::count:
        motion_kernel<MotionKernel::count><<<shape->blocks, shape->threads, shape->shared, to>>>(motion);
        break;
    case MotionKernel::scan:
        motion_kernel<MotionKernel::scan><<<shape->blocks, shape->threads, shape->shared, to>>>(motion);
        break;
    case MotionKernel::fill:
        motion_kernel<MotionKernel::fill><<<shape->blocks, shape->threads, shape->shared, to>>>(motion);
        break;
    case MotionKernel::reverse:
        motion_kernel<MotionKernel::reverse><<<shape->blocks, shape->threads, shape->shared, to>>>(motion);
        break;
    case MotionKernel::push:
        motion_kernel<MotionKernel::push><<<shape->blocks, shape->threads, shape->shared, to>>>(motion);
        break;
    case MotionKernel::kick:
        motion_kernel<MotionKernel::kick><<<shape->blocks, shape->threads, shape->shared, to>>>(motion);
        break;
    case MotionKernel::repel:
        motion_kernel<MotionKernel::repel><<<shape->blocks, shape->threads, shape->shared, to>>>(motion);
        break;
    case MotionKernel::repelled:
        motion_kernel<MotionKernel::repelled><<<shape->blocks, shape->threads, shape->shared, to>>>(motion);
        break;
    default:
        return cudaErrorInvalidValue;
    }
    return cudaGetLastError();
}
