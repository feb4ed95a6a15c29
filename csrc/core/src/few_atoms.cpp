#include "few_atoms.h"

#include <cmath>
#include <string>

#include "crowding.h"
#include "tlmlp/error.h"

namespace tlmlp {

namespace {

constexpr double farthest = 1e9; // cells, so that lattice vectors fit into 32 bits

inline int floor_of(double x) {
    const int cut = static_cast<int>(x);
    return cut - (cut > x);
}

/// The error about the atom whose pairs begin at `first`, with its nearest neighbour.
[[noreturn]] void refuse_crowd(const PairList &pairs, std::size_t first, const double *positions,
                               const std::array<double, 9> &cell, double reach) {
    const std::int64_t atom = pairs.target[first];
    std::int64_t nearest = atom;
    double smallest = reach * reach;
    for (std::size_t e = first; e < pairs.source.size(); ++e) {
        const std::int64_t j = pairs.source[e];
        double square = 0.0;
        for (std::size_t x = 0; x < 3; ++x) {
            const double v = positions[3 * j + static_cast<std::int64_t>(x)] -
                             positions[3 * atom + static_cast<std::int64_t>(x)] + pairs.shift[3 * e] * cell[x] +
                             pairs.shift[3 * e + 1] * cell[3 + x] + pairs.shift[3 * e + 2] * cell[6 + x];
            square += v * v;
        }
        if (square < smallest) {
            smallest = square;
            nearest = j;
        }
    }
    throw_crowded(atom, nearest, std::sqrt(smallest), reach);
}

} // namespace

void find_all_pairs(std::int64_t n_atoms, const double *positions, const std::array<double, 9> &cell,
                    const std::array<double, 9> &inverse, const std::array<bool, 3> &pbc, double reach,
                    PairList &pairs) {
    pairs.source.clear();
    pairs.target.clear();
    pairs.shift.clear();
    // A pair within reach is at most this many cells apart along each direction: planes lie 1 / |column of the inverse|
    // from each other. The margin is for rounding.
    std::array<double, 3> bound{};
    for (std::size_t k = 0; k < 3; ++k) {
        const double x = inverse[k], y = inverse[3 + k], z = inverse[6 + k];
        bound[k] = reach * std::sqrt(x * x + y * y + z * z) * (1.0 + 1e-9) + 1e-9;
    }
    // Each atom in units of the cell: less than one, and the cell it is in.
    std::vector<double> inside(static_cast<std::size_t>(3 * n_atoms), 0.0);
    std::vector<std::int32_t> box(static_cast<std::size_t>(3 * n_atoms), 0);
    for (std::size_t i = 0; i < inside.size(); i += 3) {
        for (std::size_t k = 0; k < 3; ++k) {
            if (!pbc[k]) {
                continue;
            }
            const double u =
                positions[i] * inverse[k] + positions[i + 1] * inverse[3 + k] + positions[i + 2] * inverse[6 + k];
            if (!(std::abs(u) < farthest)) {
                throw Error("atom " + std::to_string(i / 3) + " is more than 1e9 cells away from the origin");
            }
            const double whole = std::floor(u);
            inside[i + k] = u - whole;
            box[i + k] = static_cast<std::int32_t>(whole);
        }
    }
    const double reach_squared = reach * reach;
    std::array<int, 3> low{}, high{};
    for (std::size_t i = 0; i < inside.size(); i += 3) {
        const std::size_t first = pairs.source.size();
        for (std::size_t j = 0; j < inside.size(); j += 3) {
            for (std::size_t k = 0; k < 3; ++k) {
                if (pbc[k]) {
                    const double apart = inside[j + k] - inside[i + k];
                    low[k] = -floor_of(bound[k] + apart) - box[j + k] + box[i + k];
                    high[k] = floor_of(bound[k] - apart) - box[j + k] + box[i + k];
                }
            }
            const double d[3] = {positions[j] - positions[i], positions[j + 1] - positions[i + 1],
                                 positions[j + 2] - positions[i + 2]};
            for (int a = low[0]; a <= high[0]; ++a) {
                for (int b = low[1]; b <= high[1]; ++b) {
                    for (int c = low[2]; c <= high[2]; ++c) {
                        const double x = d[0] + a * cell[0] + b * cell[3] + c * cell[6];
                        const double y = d[1] + a * cell[1] + b * cell[4] + c * cell[7];
                        const double z = d[2] + a * cell[2] + b * cell[5] + c * cell[8];
                        if (!(x * x + y * y + z * z < reach_squared) || (i == j && a == 0 && b == 0 && c == 0)) {
                            continue;
                        }
                        pairs.target.push_back(static_cast<std::int64_t>(i / 3));
                        pairs.source.push_back(static_cast<std::int64_t>(j / 3));
                        pairs.shift.insert(pairs.shift.end(), {a, b, c});
                        if (pairs.source.size() - first > static_cast<std::size_t>(most_neighbours)) {
                            refuse_crowd(pairs, first, positions, cell, reach);
                        }
                    }
                }
            }
        }
    }
}

} // namespace tlmlp
