// In the place of cuda_device.cpp where CUDA is off.
#include "cuda/device.h"
#include "tlmlp/error.h"

namespace tlmlp::cuda {

std::unique_ptr<Device> make_cuda_device(int) {
    throw Error("this build of tlmlp has no CUDA: on a machine with nvcc, reinstall it from source with "
                "`pip install --no-build-isolation . -C cmake.define.TLMLP_CUDA=ON`");
}
bool built_with_cuda() { return false; }
int cuda_devices() { return 0; }

} // namespace tlmlp::cuda
