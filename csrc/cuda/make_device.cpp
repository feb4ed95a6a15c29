#include "cuda/make_device.h"

#include "tlmlp/error.h"

namespace tlmlp::cuda {

std::unique_ptr<Device> make_device(const std::string &name) {
    if (name == "cuda-on-cpu") {
        return make_host_device();
    }
    if (name == "cuda") {
        return make_cuda_device();
    }
    if (name.rfind("cuda:", 0) == 0 && name.size() > 5 && name.size() < 9 &&
        name.find_first_not_of("0123456789", 5) == std::string::npos) {
        return make_cuda_device(std::stoi(name.substr(5)));
    }
    throw Error("the device must be 'cpu', 'cuda', 'cuda:N' or 'cuda-on-cpu', got '" + name + "'");
}

} // namespace tlmlp::cuda
