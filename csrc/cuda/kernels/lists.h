#pragma once

// Systems that live on the device: their atoms, their cells, and neighbour lists made there. Every atom is compared with
// every atom of its system over the images that can be in reach: for 64 atoms in a cell wider than twice the cutoff 64
// comparisons an atom, 4,096 a system, a thousandth of the network's work; for systems of many thousand atoms a list
// from the host is better. Which images are in reach follows from the cell's widths, so small and skewed cells work.

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "cuda/kernels/block.h"
#include "tlmlp/math/zbl.h"

namespace tlmlp::cuda {

enum class MotionKernel : int {
    count,    ///< atoms: how many neighbours
    scan,     ///< one block: offsets of the atoms' edges
    fill,     ///< atoms: source, target, vector, image of each edge
    reverse,  ///< atoms: the edge in the other direction
    push,     ///< atoms: half a kick, and the drift with the thermostat in its middle
    kick,     ///< atoms: the other half of the kick; the step is done
    repel,    ///< atoms: forces and energy of the short-range repulsion, where the model has one
    repelled, ///< systems: its energy
    last
};

/// Angstrom, fs, amu, eV, K.
struct Motion {
    std::int64_t atoms = 0, systems = 0;
    std::int64_t capacity = 0;                ///< edges there is room for
    const std::int32_t *system = nullptr;     ///< [atoms]
    const std::int32_t *first_atom = nullptr; ///< [systems + 1]
    const double *cell = nullptr;             ///< [systems][9] rows are lattice vectors, complete in open directions
    const double *inverse_cell = nullptr;     ///< [systems][9]
    const std::int32_t *periodic = nullptr;   ///< [systems][3]
    const std::int32_t *images = nullptr;     ///< [systems][3] in reach on either side of the nearest one
    double cutoff = 0.0;
    double *positions = nullptr;  ///< [atoms][3]
    double *velocities = nullptr; ///< [atoms][3]
    double *forces = nullptr;     ///< [atoms][3]
    const double *mass = nullptr; ///< [atoms]

    std::int32_t *counts = nullptr;  ///< [atoms]
    std::int32_t *offsets = nullptr; ///< [atoms + 1], cut off at the capacity
    std::int32_t *n_edges = nullptr; ///< [1] at most the capacity
    std::int32_t *wanted = nullptr;  ///< [1] largest number of edges that was ever needed
    std::int32_t *source = nullptr, *target = nullptr, *reverse = nullptr; ///< [edges]
    std::int32_t *image = nullptr; ///< [edges] lattice vectors added to the source, packed
    double *vector = nullptr;      ///< [edges][3] nm

    const math::ZblPair *pairs = nullptr;  ///< [species][species]; null: no repulsion
    const std::int32_t *species = nullptr; ///< [atoms]
    std::int32_t n_species = 0;
    double *repulsion = nullptr; ///< [atoms] eV, half of each pair's
    double *energy = nullptr;    ///< [systems] eV, the network's, to which the repulsion is added

    double time_step = 0.0;              ///< fs
    double friction = 0.0;               ///< 1/fs; 0: constant energy
    const double *temperature = nullptr; ///< [systems]
    const std::uint64_t *seed = nullptr; ///< [systems]
    std::int64_t *step = nullptr;        ///< [1] steps done
};

inline constexpr int motion_threads = 64;

/// What pack_image can hold, less one for rounding.
inline constexpr int farthest_image = 510;

TLMLP_HD inline std::int32_t pack_image(int a, int b, int c) {
    return ((a + 512) << 20) | ((b + 512) << 10) | (c + 512);
}
TLMLP_HD inline std::int32_t opposite_image(std::int32_t image) {
    return pack_image(512 - (image >> 20), 512 - (image >> 10 & 1023), 512 - (image & 1023));
}

/// Calls found(source, packed image, vector) for every neighbour of the atom, in a fixed order. The vector of the reverse
/// edge is the exact negative, so that both directions are found or none. Pairs whose image cannot be packed (positions
/// that are not finite or hundreds of cells apart, see Replicas) are left out.
template <class Found> TLMLP_HD inline void each_neighbour(const Motion &m, std::int64_t atom, Found &&found) {
    const std::int64_t system = m.system[atom];
    const double *h = m.cell + 9 * system, *inverse = m.inverse_cell + 9 * system;
    const std::int32_t *images = m.images + 3 * system, *periodic = m.periodic + 3 * system;
    const double limit = m.cutoff * m.cutoff;
    const double *here = m.positions + 3 * atom;
    for (std::int32_t j = m.first_atom[system]; j < m.first_atom[system + 1]; ++j) {
        const double *there = m.positions + 3 * std::int64_t(j);
        const double d[3] = {there[0] - here[0], there[1] - here[1], there[2] - here[2]};
        int nearest[3];
        bool near = true;
        for (int k = 0; k < 3; ++k) {
            const double fraction = d[0] * inverse[k] + d[1] * inverse[3 + k] + d[2] * inverse[6 + k];
            near = near && fabs(fraction) < farthest_image - images[k]; // false for NaN
            nearest[k] = near && periodic[k] ? -int(rint(fraction)) : 0;
        }
        if (!near) {
            continue;
        }
        for (int a = nearest[0] - images[0]; a <= nearest[0] + images[0]; ++a) {
            for (int b = nearest[1] - images[1]; b <= nearest[1] + images[1]; ++b) {
                for (int c = nearest[2] - images[2]; c <= nearest[2] + images[2]; ++c) {
                    double v[3];
                    for (int k = 0; k < 3; ++k) {
                        v[k] = d[k] + (a * h[k] + b * h[3 + k] + c * h[6 + k]);
                    }
                    const double square = v[0] * v[0] + v[1] * v[1] + v[2] * v[2];
                    if (square < limit && (j != atom || a != 0 || b != 0 || c != 0)) {
                        found(j, pack_image(a, b, c), v);
                    }
                }
            }
        }
    }
}

template <class Block, class Body> TLMLP_HD inline void each_atom(const Block &block, std::int64_t atoms, Body &&body) {
    for (std::int64_t first = std::int64_t(block.index) * motion_threads; first < atoms;
         first += std::int64_t(block.count) * motion_threads) {
        const int n = int(atoms - first < motion_threads ? atoms - first : motion_threads);
        block.for_each(n, [&](int k) { body(first + k); });
    }
}

template <class Block> TLMLP_HD inline void count_neighbours(const Block &block, const Motion &m) {
    each_atom(block, m.atoms, [&](std::int64_t atom) {
        int n = 0;
        each_neighbour(m, atom, [&n](std::int32_t, std::int32_t, const double *) { ++n; });
        m.counts[atom] = n;
    });
}

/// Exclusive sums of the counts; `shared` holds a number per part.
template <class Block> TLMLP_HD inline void scan_counts(const Block &block, const Motion &m) {
    constexpr int parts = 256;
    std::int64_t *sums = static_cast<std::int64_t *>(block.shared);
    const std::int64_t size = (m.atoms + parts - 1) / parts;
    const auto end_of = [&](int part) { return (part + 1) * size < m.atoms ? (part + 1) * size : m.atoms; };
    block.for_each(parts, [&](int part) {
        std::int64_t sum = 0;
        for (std::int64_t i = part * size; i < end_of(part); ++i) {
            sum += m.counts[i];
        }
        sums[part] = sum;
    });
    block.sync();
    block.for_each(1, [&](int) {
        std::int64_t sum = 0;
        for (int part = 0; part < parts; ++part) {
            const std::int64_t own = sums[part];
            sums[part] = sum;
            sum += own;
        }
        m.offsets[m.atoms] = *m.n_edges = std::int32_t(sum < m.capacity ? sum : m.capacity);
        *m.wanted = sum > *m.wanted ? std::int32_t(sum < INT32_MAX ? sum : INT32_MAX) : *m.wanted;
    });
    block.sync();
    block.for_each(parts, [&](int part) {
        std::int64_t sum = sums[part];
        for (std::int64_t i = part * size; i < end_of(part); ++i) {
            m.offsets[i] = std::int32_t(sum < m.capacity ? sum : m.capacity);
            sum += m.counts[i];
        }
    });
    block.sync();
}

template <class Block> TLMLP_HD inline void fill_neighbours(const Block &block, const Motion &m) {
    each_atom(block, m.atoms, [&](std::int64_t atom) {
        std::int64_t at = m.offsets[atom];
        const std::int64_t end = m.offsets[atom + 1];
        each_neighbour(m, atom, [&](std::int32_t j, std::int32_t image, const double *v) {
            if (at < end) {
                m.source[at] = j;
                m.target[at] = std::int32_t(atom);
                m.image[at] = image;
                for (int k = 0; k < 3; ++k) {
                    m.vector[3 * at + k] = 0.1 * v[k];
                }
                ++at;
            }
        });
    });
}

/// With a full list every edge has its reverse; where the list was cut off, an edge stands in for itself: the numbers are
/// then wrong, `wanted` says so, and the caller repeats the steps with more room.
template <class Block> TLMLP_HD inline void match_reverses(const Block &block, const Motion &m) {
    each_atom(block, m.atoms, [&](std::int64_t atom) {
        for (std::int64_t at = m.offsets[atom]; at < m.offsets[atom + 1]; ++at) {
            const std::int32_t j = m.source[at], image = opposite_image(m.image[at]);
            std::int32_t found = std::int32_t(at);
            for (std::int32_t back = m.offsets[j]; back < m.offsets[j + 1]; ++back) {
                if (m.source[back] == atom && m.image[back] == image) {
                    found = back;
                    break;
                }
            }
            m.reverse[at] = found;
        }
    });
}

} // namespace tlmlp::cuda
