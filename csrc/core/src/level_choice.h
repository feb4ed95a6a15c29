#pragma once

#include <string>
#include <vector>

namespace tlmlp::engine {

/// Instruction levels that this machine can run, best first; the last is "portable".
std::vector<std::string> available_levels();

/// The level of that name; empty: that of the environment variable TLMLP_SIMD where it is set, else the best. Throws Error
/// for a level that does not exist or that this machine cannot run.
std::string choose_level(const std::string &name);

/// Of the tables of kernels that one source makes, compiled once per level, that of choose_level(name).
template <class Table> const Table &at_level(const std::string &name) {
    const std::string level = choose_level(name);
#if TLMLP_X86
    if (level == "avx512") {
        return Table::avx512();
    }
    if (level == "avx2") {
        return Table::avx2();
    }
#endif
    return Table::portable();
}

/// Declares the tables of Kernels<T>, which the sources of the levels define.
#define TLMLP_LEVEL_TABLES(Kernels, T)                                                                                 \
    template <> const Kernels<T> &Kernels<T>::avx512();                                                                \
    template <> const Kernels<T> &Kernels<T>::avx2();                                                                  \
    template <> const Kernels<T> &Kernels<T>::portable()

} // namespace tlmlp::engine
