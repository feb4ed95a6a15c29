#include "level_choice.h"

#include <algorithm>
#include <cstdlib>

#include "tlmlp/error.h"

namespace tlmlp::engine {

std::vector<std::string> available_levels() {
    std::vector<std::string> levels;
#if TLMLP_X86
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma")) {
        levels.push_back("avx512");
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        levels.push_back("avx2");
    }
#endif
    levels.push_back("portable");
    return levels;
}

std::string choose_level(const std::string &name) {
    const std::vector<std::string> levels = available_levels();
    const char *forced = std::getenv("TLMLP_SIMD");
    const std::string wanted = !name.empty() ? name : forced && *forced ? forced : levels.front();
    if (std::find(levels.begin(), levels.end(), wanted) != levels.end()) {
        return wanted;
    }
    std::string known;
    for (const std::string &level : levels) {
        known += (known.empty() ? "" : ", ") + level;
    }
    throw Error("no SIMD level '" + wanted + "' on this machine (option `level` or TLMLP_SIMD); choose from " + known);
}

} // namespace tlmlp::engine
