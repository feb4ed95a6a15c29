#pragma once

// What the .cu files offer, in C types: no CUDA header is needed to call it. Functions return 0 or a CUDA error code.

#include <cstddef>
#include <cstdint>

extern "C" {

int tlmlp_cuda_device_count(int *count);
int tlmlp_cuda_open(int index, void **stream, int *max_shared_bytes, char *name, int name_size);
void tlmlp_cuda_close(int index, void *stream);
const char *tlmlp_cuda_error(int code);
int tlmlp_cuda_allocate(int index, std::size_t bytes, void **memory);
void tlmlp_cuda_release(int index, void *memory);
int tlmlp_cuda_upload(void *to, const void *from, std::size_t bytes, void *stream);
int tlmlp_cuda_download(void *to, const void *from, std::size_t bytes, void *stream);
int tlmlp_cuda_copy(void *to, const void *from, std::size_t bytes, void *stream);
int tlmlp_cuda_synchronize(void *stream);
int tlmlp_cuda_begin_capture(void *stream);
int tlmlp_cuda_end_capture(void *stream, void **recording);
int tlmlp_cuda_replay(void *recording, void *stream);
void tlmlp_cuda_drop(void *recording);

/// Where a block's shared memory does not suffice, `scratch` (blocks * stride bytes) stands in for it; else null.
struct tlmlp_cuda_shape {
    unsigned blocks, threads;
    std::size_t shared;
    void *scratch;
    std::size_t stride;
};

/// `job` is a tlmlp::cuda::Job<float>, Job<double>, Motion.
int tlmlp_cuda_launch_float(int kernel, const void *job, int pass, const tlmlp_cuda_shape *shape, void *stream);
int tlmlp_cuda_launch_double(int kernel, const void *job, int pass, const tlmlp_cuda_shape *shape, void *stream);
int tlmlp_cuda_launch_motion(int kernel, const void *motion, const tlmlp_cuda_shape *shape, void *stream);
}
