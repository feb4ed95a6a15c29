#include "crowding.h"

#include <algorithm>
#include <cmath>
#include <compare>
#include <cstdio>
#include <string>
#include <vector>

#include "few_atoms.h"
#include "tlmlp/error.h"

namespace tlmlp {

namespace {

constexpr double most_trials = 1e8;
constexpr double farthest = 1e9; // cells, or cutoffs in an open direction

std::string rounded(double x) {
    char text[40];
    std::snprintf(text, sizeof text, "%.3g", x);
    return text;
}

/// Atoms in a cube whose diagonal is the reach: each is a neighbour of each. At an even density an atom has
/// 4/3 pi sqrt(27) = 22 times as many neighbours.
struct Cube {
    std::int64_t atoms = 0, first = 0;
};

Cube fullest_cube(std::int64_t n_atoms, const double *positions, const std::array<double, 9> &cell,
                  const std::array<double, 9> &inverse, const std::array<bool, 3> &pbc, double reach) {
    struct Entry {
        std::array<std::int64_t, 3> cube;
        std::int64_t atom;
        auto operator<=>(const Entry &) const = default;
    };
    std::vector<Entry> entries(static_cast<std::size_t>(n_atoms));
    const double edge = reach / std::sqrt(3.0);
    for (std::int64_t i = 0; i < n_atoms; ++i) {
        const double *r = positions + 3 * i;
        double inside[3] = {r[0], r[1], r[2]};
        for (std::size_t k = 0; k < 3; ++k) {
            const double u = r[0] * inverse[k] + r[1] * inverse[3 + k] + r[2] * inverse[6 + k];
            if (!(std::abs(u) < (pbc[k] ? farthest : farthest * reach))) {
                throw Error("atom " + std::to_string(i) + " is more than 1e9 " + (pbc[k] ? "cells" : "cutoffs") +
                            " away from the origin");
            }
            const double whole = pbc[k] ? std::floor(u) : 0.0;
            for (std::size_t x = 0; x < 3; ++x) {
                inside[x] -= whole * cell[3 * k + x];
            }
        }
        for (std::size_t x = 0; x < 3; ++x) {
            entries[i].cube[x] = static_cast<std::int64_t>(std::floor(inside[x] / edge));
        }
        entries[i].atom = i;
    }
    std::sort(entries.begin(), entries.end());
    Cube fullest, now;
    for (std::size_t k = 0; k < entries.size(); ++k) {
        if (k == 0 || entries[k - 1].cube != entries[k].cube) {
            now = {0, entries[k].atom};
        }
        ++now.atoms;
        fullest = now.atoms > fullest.atoms ? now : fullest;
    }
    return fullest;
}

/// Neighbours of one atom, counted one by one; throws when they are too many.
void count_neighbours(std::int64_t atom, std::int64_t n_atoms, const double *positions,
                      const std::array<double, 9> &cell, const std::array<double, 9> &inverse,
                      const std::array<int, 3> &images, double reach, bool thin) {
    std::int64_t count = 0, nearest = atom;
    double smallest = reach * reach;
    for (std::int64_t j = 0; j < n_atoms; ++j) {
        double d[3], whole[3];
        for (std::size_t x = 0; x < 3; ++x) {
            d[x] = positions[3 * j + x] - positions[3 * atom + x];
        }
        for (std::size_t k = 0; k < 3; ++k) { // the image next to the atom
            whole[k] = images[k] ? std::round(d[0] * inverse[k] + d[1] * inverse[3 + k] + d[2] * inverse[6 + k]) : 0.0;
        }
        for (int a = -images[0]; a <= images[0]; ++a) {
            for (int b = -images[1]; b <= images[1]; ++b) {
                for (int c = -images[2]; c <= images[2]; ++c) {
                    double square = 0.0;
                    for (std::size_t x = 0; x < 3; ++x) {
                        const double v = d[x] + (a - whole[0]) * cell[x] + (b - whole[1]) * cell[3 + x] +
                                         (c - whole[2]) * cell[6 + x];
                        square += v * v;
                    }
                    if (!(square < reach * reach) || (j == atom && a == 0 && b == 0 && c == 0)) {
                        continue;
                    }
                    if (square <= smallest) {
                        smallest = square;
                        nearest = j;
                    }
                    if (++count > most_neighbours) {
                        throw_crowded(atom, nearest, std::sqrt(smallest), reach, thin);
                    }
                }
            }
        }
    }
}

} // namespace

void throw_crowded(std::int64_t atom, std::int64_t other, double distance, double reach, bool thin) {
    if (other == atom || thin) {
        const std::string nearest = other == atom ? "its own image" : "atom " + std::to_string(other);
        throw Error("the cell is too thin: within " + rounded(reach) + " Angstrom of atom " + std::to_string(atom) +
                    " there are more than " + std::to_string(most_neighbours) + " neighbours, the nearest is " +
                    nearest + ", " + rounded(distance) + " Angstrom away");
    }
    throw Error("atoms " + std::to_string(atom) + " and " + std::to_string(other) + " and at least " +
                std::to_string(most_neighbours - 1) + " others lie within " + rounded(reach) +
                " Angstrom: the positions have collapsed, or are not in Angstrom");
}

void check_crowding(std::int64_t n_atoms, const double *positions, const std::array<double, 9> &cell,
                    const std::array<double, 9> &inverse, const std::array<bool, 3> &pbc, double reach) {
    std::array<double, 3> apart{}, around{};
    double images = 1.0, thin = 1.0;
    for (std::size_t k = 0; k < 3; ++k) {
        const double x = inverse[k], y = inverse[3 + k], z = inverse[6 + k];
        apart[k] = 1.0 / std::sqrt(x * x + y * y + z * z);
        around[k] = pbc[k] ? std::ceil(reach / apart[k]) + 1.0 : 0.0;
        images *= 2.0 * around[k] + 1.0;
        thin *= pbc[k] ? std::max(1.0, reach / std::sqrt(3.0) / apart[k]) : 1.0;
    }
    const double atoms = static_cast<double>(n_atoms);
    const double trials = (n_atoms <= few_atoms ? atoms * atoms : atoms) * images;
    if (!(images <= 125.0) && !(trials <= most_trials)) { // 125: the reach fits into the cell
        const std::size_t k = around[0] >= around[1]   ? (around[0] >= around[2] ? 0 : 2)
                              : around[1] >= around[2] ? 1
                                                       : 2;
        throw Error("the cell is too thin: its planes along lattice vector " + std::to_string(k) + " are " +
                    rounded(apart[k]) + " Angstrom apart, so that neighbours within " + rounded(reach) +
                    " Angstrom are spread over " + rounded(images) + " cells; are the lengths in Angstrom?");
    }
    constexpr double evenly = 22.0;
    if (n_atoms <= few_atoms) {
        return; // they are counted while all pairs are tried
    }
    const Cube fullest = fullest_cube(n_atoms, positions, cell, inverse, pbc, reach);
    if (evenly * static_cast<double>(fullest.atoms) * thin > static_cast<double>(most_neighbours)) {
        std::array<int, 3> tried{};
        std::copy(around.begin(), around.end(), tried.begin());
        count_neighbours(fullest.first, n_atoms, positions, cell, inverse, tried, reach, thin > 100.0);
    }
}

} // namespace tlmlp
