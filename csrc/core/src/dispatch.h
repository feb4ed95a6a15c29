#pragma once

#include <string>

#include "layout.h"

namespace tlmlp::engine {

/// Kernels of the level that `choose_level` gives.
template <class T> const Kernels<T> &find_kernels(const std::string &level);

} // namespace tlmlp::engine
