#pragma once

// What ops_float.cu and ops_double.cu offer, in C types. 0 or a CUDA error code comes back.

extern "C" {

/// Runs the functor at `place` of tlmlp::cuda::ops::List for all its numbers on the default stream of GPU `index`.
int tlmlp_cuda_op_float(int place, const void *functor, int index);
int tlmlp_cuda_op_double(int place, const void *functor, int index);
}
