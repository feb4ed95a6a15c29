#pragma once

#include "cuda/device.h"

namespace tlmlp::cuda {

/// By its name: "cuda", "cuda:N", "cuda-on-cpu". Throws Error for others.
std::unique_ptr<Device> make_device(const std::string &name);

} // namespace tlmlp::cuda
