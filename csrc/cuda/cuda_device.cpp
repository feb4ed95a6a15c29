// The NVIDIA GPU, through the C interface of the .cu files.
#include "cuda/kernels/kernels.h"
#include "cuda/kernels/motion.h"
#include "cuda/device.h"
#include "cuda/interface.h"
#include "tlmlp/error.h"

namespace tlmlp::cuda {

namespace {

void check(int code, const char *what) {
    if (code != 0) {
        throw Error(std::string("CUDA: ") + what + " failed: " + tlmlp_cuda_error(code));
    }
}

class CudaDevice final : public Device {
  public:
    explicit CudaDevice(int index) : index_(index) {
        char name[256];
        check(tlmlp_cuda_open(index, &stream_, &max_shared_, name, sizeof(name)), "opening the GPU");
        name_ = name;
    }
    ~CudaDevice() override {
        release(scratch_);
        tlmlp_cuda_close(index_, stream_);
    }
    std::string name() const override { return name_; }
    void *allocate(std::size_t bytes) override {
        void *memory = nullptr;
        check(tlmlp_cuda_allocate(index_, bytes > 0 ? bytes : 1, &memory), "allocating memory");
        return memory;
    }
    void release(void *memory) noexcept override {
        if (memory) {
            tlmlp_cuda_release(index_, memory);
        }
    }
    void upload(void *to, const void *from, std::size_t bytes) override {
        check(tlmlp_cuda_upload(to, from, bytes, stream_), "copying to the GPU");
    }
    void download(void *to, const void *from, std::size_t bytes) override {
        check(tlmlp_cuda_download(to, from, bytes, stream_), "a kernel, or copying from the GPU,");
    }
    void copy(void *to, const void *from, std::size_t bytes) override {
        check(tlmlp_cuda_copy(to, from, bytes, stream_), "copying on the GPU");
    }
    void launch(Kernel kernel, const Job<float> &job, int pass) override {
        launch_job(kernel, job, pass, tlmlp_cuda_launch_float);
    }
    void launch(Kernel kernel, const Job<double> &job, int pass) override {
        launch_job(kernel, job, pass, tlmlp_cuda_launch_double);
    }
    void launch(MotionKernel kernel, const Motion &motion) override {
        const tlmlp_cuda_shape shape{static_cast<unsigned>(motion_blocks(kernel, motion)),
                                     static_cast<unsigned>(motion_threads_of(kernel)), 256 * sizeof(std::int64_t),
                                     nullptr, 0};
        if (shape.blocks > 0) {
            check(tlmlp_cuda_launch_motion(static_cast<int>(kernel), &motion, &shape, stream_), "launching a kernel");
        }
    }
    void synchronize() override { check(tlmlp_cuda_synchronize(stream_), "a kernel"); }

    bool begin_recording() override {
        check(tlmlp_cuda_begin_capture(stream_), "recording a graph");
        return true;
    }
    void *end_recording() override {
        void *recording = nullptr;
        check(tlmlp_cuda_end_capture(stream_, &recording), "recording a graph");
        return recording;
    }
    void replay(void *recording) override { check(tlmlp_cuda_replay(recording, stream_), "launching a graph"); }
    void drop(void *recording) noexcept override {
        if (recording) {
            tlmlp_cuda_drop(recording);
        }
    }

  private:
    template <class T, class Launch> void launch_job(Kernel kernel, const Job<T> &job, int pass, Launch &&launch) {
        const Shape wanted = shape_of(kernel, job);
        if (wanted.blocks == 0) {
            return;
        }
        tlmlp_cuda_shape shape{static_cast<unsigned>(wanted.blocks), static_cast<unsigned>(wanted.threads),
                               wanted.shared, nullptr, 0};
        if (wanted.shared > static_cast<std::size_t>(max_shared_)) {
            // Layers too wide for shared memory work in ordinary memory, a few blocks at a time.
            shape.stride = (wanted.shared + 255) / 256 * 256;
            shape.blocks = shape.blocks < scratch_blocks ? shape.blocks : scratch_blocks;
            if (scratch_bytes_ < shape.stride * scratch_blocks) {
                release(scratch_);
                scratch_ = nullptr;
                scratch_ = allocate(shape.stride * scratch_blocks);
                scratch_bytes_ = shape.stride * scratch_blocks;
            }
            shape.scratch = scratch_;
        }
        check(launch(static_cast<int>(kernel), &job, pass, &shape, stream_), "launching a kernel");
    }

    static constexpr unsigned scratch_blocks = 512;
    int index_, max_shared_ = 0;
    void *stream_ = nullptr, *scratch_ = nullptr;
    std::size_t scratch_bytes_ = 0;
    std::string name_;
};

} // namespace

std::unique_ptr<Device> make_cuda_device(int index) {
    const int count = cuda_devices();
    if (count == 0) {
        throw Error("no GPU can be used here: nvidia-smi should list one, with a driver new enough for this build");
    }
    if (index < 0 || index >= count) {
        throw Error("there is no GPU " + std::to_string(index) + ", only 0 to " + std::to_string(count - 1));
    }
    return std::make_unique<CudaDevice>(index);
}

bool built_with_cuda() { return true; }

int cuda_devices() {
    int count = 0;
    return tlmlp_cuda_device_count(&count) == 0 ? count : 0;
}

} // namespace tlmlp::cuda
