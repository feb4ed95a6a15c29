#include "cuda/ops_launch.cuh"

extern "C" int tlmlp_cuda_op_double(int place, const void *functor, int index) {
    return tlmlp::cuda::ops::launch<double>(place, functor, index);
}
