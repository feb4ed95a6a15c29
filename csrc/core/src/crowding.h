#pragma once

#include <array>
#include <cstdint>

namespace tlmlp {

/// More neighbours of one atom than this are refused: condensed matter has some tens to hundreds.
constexpr std::int64_t most_neighbours = 10000;

/// Throws Error, before anything is searched, when the neighbours within `reach` would be more than that. The same
/// holds for a cell so thin that the search would try more than a hundred million images. Positions are finite
/// [n_atoms][3]; rows of `cell` along which the system is open are unit vectors normal to the others, `inverse` is
/// the inverse of it. Costs one pass over the atoms. The neighbours of a few atoms (few_atoms.h) are counted where
/// all pairs are tried.
void check_crowding(std::int64_t n_atoms, const double *positions, const std::array<double, 9> &cell,
                    const std::array<double, 9> &inverse, const std::array<bool, 3> &pbc, double reach);

/// The error about an atom with too many neighbours; `other` is its nearest, `distance` Angstrom away; `thin` says that
/// the cell is why.
[[noreturn]] void throw_crowded(std::int64_t atom, std::int64_t other, double distance, double reach,
                                bool thin = false);

} // namespace tlmlp
