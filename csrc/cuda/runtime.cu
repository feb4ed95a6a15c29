// Memory, streams and recordings.
#include <cuda_runtime.h>

#include <cstring>

#include "cuda/interface.h"

namespace {
cudaStream_t stream_of(void *stream) { return static_cast<cudaStream_t>(stream); }
} // namespace

extern "C" {

int tlmlp_cuda_device_count(int *count) { return cudaGetDeviceCount(count); }

int tlmlp_cuda_open(int index, void **stream, int *max_shared_bytes, char *name, int name_size) {
    cudaDeviceProp properties;
    int code = cudaSetDevice(index);
    if (code == cudaSuccess) {
        code = cudaGetDeviceProperties(&properties, index);
    }
    if (code != cudaSuccess) {
        return code;
    }
    std::strncpy(name, properties.name, static_cast<std::size_t>(name_size) - 1);
    name[name_size - 1] = '\0';
    *max_shared_bytes = static_cast<int>(properties.sharedMemPerBlockOptin);
    cudaStream_t made = nullptr;
    code = cudaStreamCreateWithFlags(&made, cudaStreamNonBlocking);
    *stream = made;
    return code;
}

void tlmlp_cuda_close(int index, void *stream) {
    cudaSetDevice(index);
    cudaStreamDestroy(stream_of(stream));
}

const char *tlmlp_cuda_error(int code) { return cudaGetErrorString(static_cast<cudaError_t>(code)); }

int tlmlp_cuda_allocate(int index, std::size_t bytes, void **memory) {
    const cudaError_t code = cudaSetDevice(index);
    return code == cudaSuccess ? cudaMalloc(memory, bytes) : code;
}

void tlmlp_cuda_release(int index, void *memory) {
    cudaSetDevice(index);
    cudaFree(memory);
}

int tlmlp_cuda_upload(void *to, const void *from, std::size_t bytes, void *stream) {
    const cudaError_t code = cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream_of(stream));
    // Pageable memory is staged before the call returns; pinned memory would be read later.
    return code == cudaSuccess ? cudaStreamSynchronize(stream_of(stream)) : code;
}

int tlmlp_cuda_download(void *to, const void *from, std::size_t bytes, void *stream) {
    const cudaError_t code = cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream_of(stream));
    return code == cudaSuccess ? cudaStreamSynchronize(stream_of(stream)) : code;
}

int tlmlp_cuda_copy(void *to, const void *from, std::size_t bytes, void *stream) {
    return cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream_of(stream));
}

int tlmlp_cuda_synchronize(void *stream) { return cudaStreamSynchronize(stream_of(stream)); }

int tlmlp_cuda_begin_capture(void *stream) {
    return cudaStreamBeginCapture(stream_of(stream), cudaStreamCaptureModeThreadLocal);
}

int tlmlp_cuda_end_capture(void *stream, void **recording) {
    cudaGraph_t graph = nullptr;
    cudaError_t code = cudaStreamEndCapture(stream_of(stream), &graph);
    if (code != cudaSuccess) {
        return code;
    }
    cudaGraphExec_t made = nullptr;
    code = cudaGraphInstantiate(&made, graph, 0);
    cudaGraphDestroy(graph);
    *recording = made;
    return code;
}

int tlmlp_cuda_replay(void *recording, void *stream) {
    return cudaGraphLaunch(static_cast<cudaGraphExec_t>(recording), stream_of(stream));
}

void tlmlp_cuda_drop(void *recording) { cudaGraphExecDestroy(static_cast<cudaGraphExec_t>(recording)); }
}
