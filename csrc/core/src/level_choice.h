#pragma once

#include <string>
#include <vector>

namespace tlmlp::engine {

/// Instruction levels that this machine can run, best first; the last is "portable".
std::vector<std::string> available_levels();

/// The level of that name; empty: that of the environment variable TLMLP_SIMD where it is set, else the best. Throws Error
/// for a level that does not exist or that this machine cannot run.
std::string choose_level(const std::string &name);

} // namespace tlmlp::engine
