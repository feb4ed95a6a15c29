#include "cuda/launch.cuh"

extern "C" int tlmlp_cuda_launch_double(int kernel, const void *job, int pass, const tlmlp_cuda_shape *shape,
                                        void *stream) {
    return tlmlp::cuda::launch_number<double>(kernel, job, pass, *shape, stream);
}
