#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace tlmlp {

/// Pairs (target i, source j, lattice vector S) with |r_j + S cell - r_i| < reach, grouped by target.
struct PairList {
    std::vector<std::int64_t> source, target;
    std::vector<std::int32_t> shift; ///< [pair][3]
};

/// Systems up to this size are searched by find_all_pairs, which is at least as fast there as lists of cells.
constexpr std::int64_t few_atoms = 256;

/// Tries all pairs of atoms, and of their images those alone whose lattice planes are close enough: N^2 tests of a few
/// nanoseconds each. `positions` is [n_atoms][3]. Rows of `cell` along which the system is open are unit vectors normal
/// to the others, and `inverse` is the inverse of it. check_crowding must have passed. Throws Error when an atom is too
/// many cells away or has more neighbours than most_neighbours.
void find_all_pairs(std::int64_t n_atoms, const double *positions, const std::array<double, 9> &cell,
                    const std::array<double, 9> &inverse, const std::array<bool, 3> &pbc, double reach,
                    PairList &pairs);

} // namespace tlmlp
