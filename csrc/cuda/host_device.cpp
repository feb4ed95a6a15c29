#include <cstdlib>
#include <cstring>
#include <new>
#include <thread>
#include <condition_variable>
#include <mutex>

#include "cuda/kernels/kernels.h"
#include "cuda/kernels/motion.h"
#include "cuda/device.h"

namespace tlmlp::cuda {

namespace {

/// All threads wait for each other.
class Barrier {
  public:
    explicit Barrier(int threads) : threads_(threads) {}
    void wait() {
        std::unique_lock<std::mutex> lock(mutex_);
        const long round = round_;
        if (++waiting_ == threads_) {
            waiting_ = 0;
            ++round_;
            changed_.notify_all();
            return;
        }
        changed_.wait(lock, [&] { return round_ != round; });
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    int threads_, waiting_ = 0;
    long round_ = 0;
};

class HostDevice final : public Device {
  public:
    explicit HostDevice(int threads) : threads_(threads) {}
    std::string name() const override { return "CPU in the place of a device"; }
    void *allocate(std::size_t bytes) override {
        void *memory = std::malloc(bytes > 0 ? bytes : 1);
        if (!memory) {
            throw std::bad_alloc();
        }
        std::memset(memory, 0xff, bytes); // not a number in every type: what is read was written
        return memory;
    }
    void release(void *memory) noexcept override { std::free(memory); }
    void upload(void *to, const void *from, std::size_t bytes) override { std::memcpy(to, from, bytes); }
    void download(void *to, const void *from, std::size_t bytes) override { std::memcpy(to, from, bytes); }
    void copy(void *to, const void *from, std::size_t bytes) override { std::memmove(to, from, bytes); }
    void launch(Kernel kernel, const Job<float> &job, int pass) override { launch_job(kernel, job, pass); }
    void launch(Kernel kernel, const Job<double> &job, int pass) override { launch_job(kernel, job, pass); }
    void launch(MotionKernel kernel, const Motion &motion) override {
        run_blocks(motion_blocks(kernel, motion), 256 * sizeof(std::int64_t), [&](const HostBlock &block) {
            switch (kernel) {
            case MotionKernel::count:
                return run_motion<MotionKernel::count>(block, motion);
            case MotionKernel::scan:
                return run_motion<MotionKernel::scan>(block, motion);
            case MotionKernel::fill:
                return run_motion<MotionKernel::fill>(block, motion);
            case MotionKernel::reverse:
                return run_motion<MotionKernel::reverse>(block, motion);
            case MotionKernel::push:
                return run_motion<MotionKernel::push>(block, motion);
            case MotionKernel::repel:
                return run_motion<MotionKernel::repel>(block, motion);
            case MotionKernel::repelled:
                return run_motion<MotionKernel::repelled>(block, motion);
            default:
                return run_motion<MotionKernel::kick>(block, motion);
            }
        });
    }
    void synchronize() override {}

  private:
    template <class T> void launch_job(Kernel kernel, const Job<T> &job, int pass) {
        const Shape shape = shape_of(kernel, job);
        run_blocks(shape.blocks, shape.shared, [&](const HostBlock &block) {
            switch (kernel) {
            case Kernel::geometry:
                return run_kernel<Kernel::geometry>(block, job, pass);
            case Kernel::edges_forward:
                return run_kernel<Kernel::edges_forward>(block, job, pass);
            case Kernel::centres_forward:
                return run_kernel<Kernel::centres_forward>(block, job, pass);
            case Kernel::outputs:
                return run_kernel<Kernel::outputs>(block, job, pass);
            case Kernel::edges_backward:
                return run_kernel<Kernel::edges_backward>(block, job, pass);
            case Kernel::centres_backward:
                return run_kernel<Kernel::centres_backward>(block, job, pass);
            case Kernel::geometry_backward:
                return run_kernel<Kernel::geometry_backward>(block, job, pass);
            case Kernel::forces:
                return run_kernel<Kernel::forces>(block, job, pass);
            case Kernel::segments:
                return run_kernel<Kernel::segments>(block, job, pass);
            default:
                return run_kernel<Kernel::systems>(block, job, pass);
            }
        });
    }

    template <class Run> void run_blocks(std::int64_t blocks, std::size_t shared, Run &&run) {
        shared_.resize(shared / sizeof(Aligned) + 1);
        Barrier barrier(threads_);
        const auto play = [&](int thread) {
            for (std::int64_t k = 0; k < blocks; ++k) {
                HostBlock block{int(k), int(blocks), shared_.data(), thread, threads_, nullptr, &barrier};
                if (threads_ > 1) {
                    block.wait = [](void *b) { static_cast<Barrier *>(b)->wait(); };
                    barrier.wait(); // one block after the other: they share the memory
                }
                run(block);
            }
        };
        std::vector<std::thread> others;
        for (int thread = 1; thread < threads_; ++thread) {
            others.emplace_back(play, thread);
        }
        play(0);
        for (std::thread &other : others) {
            other.join();
        }
    }

    struct alignas(64) Aligned {
        char bytes[64];
    };
    int threads_;
    std::vector<Aligned> shared_;
};

} // namespace

std::unique_ptr<Device> make_host_device(int threads) { return std::make_unique<HostDevice>(threads); }

} // namespace tlmlp::cuda
