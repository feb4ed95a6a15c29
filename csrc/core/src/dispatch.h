#pragma once

#include <string>
#include <vector>

#include "layout.h"

namespace tlmlp::engine {

/// Kernels of a level by name; empty: of TLMLP_SIMD where that is set, else the best. Throws Error for a level that
/// does not exist or that this machine cannot run.
template <class T> const Kernels<T> &find_kernels(const std::string &level);

/// Levels that this machine can run, best first.
std::vector<std::string> available_levels();

} // namespace tlmlp::engine
