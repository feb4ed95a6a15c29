#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cuda/kernels/cuda_job.h"
#include "cuda/kernels/lists.h"

namespace tlmlp::cuda {

/// Memory and launches of one device; the kernels run on it. All calls are in order; download waits.
class Device {
  public:
    virtual ~Device() = default;
    virtual std::string name() const = 0;
    virtual void *allocate(std::size_t bytes) = 0;
    virtual void release(void *memory) noexcept = 0;
    virtual void upload(void *to, const void *from, std::size_t bytes) = 0;
    virtual void download(void *to, const void *from, std::size_t bytes) = 0;
    virtual void copy(void *to, const void *from, std::size_t bytes) = 0;
    virtual void launch(Kernel kernel, const Job<float> &job, int pass) = 0;
    virtual void launch(Kernel kernel, const Job<double> &job, int pass) = 0;
    virtual void launch(MotionKernel kernel, const Motion &motion) = 0;
    virtual void synchronize() = 0;

    /// Records what is launched until `end_recording` and runs it at once from then on. False: this device does not record.
    virtual bool begin_recording() { return false; }
    /// A recording for `replay`, released by `drop`.
    virtual void *end_recording() { return nullptr; }
    virtual void replay(void *) {}
    virtual void drop(void *) noexcept {}
};

/// The CPU in the place of a device: runs the same kernels, block after block. For tests and where there is no GPU.
/// `threads` > 1: that many threads play each block, with barriers, to show that none is missing.
std::unique_ptr<Device> make_host_device(int threads = 1);

/// An NVIDIA GPU; throws Error when this build has no CUDA, or when no GPU can be used.
std::unique_ptr<Device> make_cuda_device(int index = 0);

/// Whether this build has CUDA, and how many GPUs can be used now.
bool built_with_cuda();
int cuda_devices();

/// Memory on a device that only grows; contents are lost on growth.
class Memory {
  public:
    explicit Memory(Device &device) : device_(&device) {}
    Memory(Memory &&other) noexcept
        : device_(other.device_), data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
    Memory &operator=(Memory &&) = delete;
    ~Memory() { device_->release(data_); }

    template <class T> T *resize(std::size_t n) {
        const std::size_t wanted = n * sizeof(T);
        if (wanted > bytes_) {
            device_->release(std::exchange(data_, nullptr));
            bytes_ = 0;
            data_ = device_->allocate(wanted);
            bytes_ = wanted;
        }
        return static_cast<T *>(data_);
    }
    template <class T> T *assign(const T *from, std::size_t n) {
        T *to = resize<T>(n);
        if (n > 0) {
            device_->upload(to, from, n * sizeof(T));
        }
        return to;
    }
    template <class T> T *data() const { return static_cast<T *>(data_); }
    std::size_t bytes() const { return bytes_; }

  private:
    Device *device_;
    void *data_ = nullptr;
    std::size_t bytes_ = 0;
};

} // namespace tlmlp::cuda
