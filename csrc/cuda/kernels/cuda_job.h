#pragma once

// What one evaluation on a device reads and writes. Edges are sorted by target atom j -> i; those of atom i are
// offsets[i] .. offsets[i + 1]. There are two kinds of arrays per edge: rows, with the channels of an edge side by
// side, and tiles of tile_lanes edges. In a tile, channels are rows of lanes, as they lie in shared memory: index
// (tile * rows + channel) * tile_lanes + lane.

#include <cstddef>
#include <cstdint>

#include "src/layout.h"
#include "tlmlp/math/macros.h"

namespace tlmlp::cuda {

using engine::Dense;
using engine::Interaction;
using engine::Network;
using engine::OutputBlock;
using engine::Sizes;

/// Edges of a tile: with 64 a layer of 32 outputs is 128 items of 4 edges and 4 outputs; float64 takes half of them
/// for the shared memory.
template <class T> inline constexpr int tile_lanes = sizeof(T) == 4 ? 64 : 32;
inline constexpr int atom_lanes = 32;    ///< atoms of a tile of the output networks
inline constexpr int centre_edges = 16;  ///< edges of an atom that are in shared memory at a time
inline constexpr int segment_atoms = 64; ///< atoms whose energies and virials are added up first

/// The directional sums' weights per l and n are packed for row_pad channels.
template <class T> TLMLP_HD inline const T *radial_weights(const T *packed, int basis, int k, int channel) {
    return packed + (std::ptrdiff_t(channel / engine::row_pad) * basis + k) * engine::row_pad +
           channel % engine::row_pad;
}

/// Atoms of one system that are added up together.
struct Segment {
    std::int32_t first, last;
};

template <class T> struct Job {
    Network<T> network; ///< all pointers into device memory
    std::int64_t atoms = 0, systems = 0, segments = 0;
    std::int64_t capacity = 0;                     ///< edges that the arrays have room for
    const std::int32_t *n_edges = nullptr;         ///< [1] edges there are
    const std::int32_t *species = nullptr;         ///< [atoms]
    const std::int32_t *offsets = nullptr;         ///< [atoms + 1]
    const std::int32_t *source = nullptr;          ///< [edges]
    const std::int32_t *target = nullptr;          ///< [edges]
    const std::int32_t *reverse = nullptr;         ///< [edges] the edge i -> j
    const double *vector = nullptr;                ///< [edges][3] r_j - r_i in nm
    const Segment *segment = nullptr;              ///< [segments]
    const std::int32_t *system_segments = nullptr; ///< [systems + 1] first segment of each
    const double *energy_shift = nullptr;          ///< [species] eV

    T *unit = nullptr;                    ///< rows of 3
    T *position = nullptr;                ///< local variable of the table
    std::int32_t *interval = nullptr;     ///< interval of the table, -1 beyond the cutoff
    T *radial = nullptr;                  ///< rows of radial_p
    T *basis = nullptr;                   ///< rows of basis
    T *harmonics = nullptr;               ///< rows of harmonics
    T *message = nullptr;                 ///< [blocks + 1] tiles of embed_p
    T *y = nullptr;                       ///< [blocks] rows of directional_p
    T *z = nullptr;                       ///< [blocks] rows of directional_p, of the edge itself
    T *A = nullptr;                       ///< [blocks][atoms][harmonics][directional_p] A_j / N_l
    T *sums = nullptr;                    ///< [outputs][atoms][embed_p] s_i
    T *sums_bar = nullptr;                ///< the same, dE/ds_i
    T *message_bar = nullptr;             ///< tiles of embed_p
    T *z_bar = nullptr, *y_bar = nullptr; ///< rows of directional_p
    T *radial_bar = nullptr;              ///< rows of radial_p
    T *geometry_bar = nullptr;            ///< rows of 4: dE/dt of the table's variable, dE/du
    double *vector_bar = nullptr;         ///< rows of 3, kJ/mol/nm
    double *atom_part = nullptr;          ///< [outputs][atoms] numbers of the output blocks
    double *atom_virial = nullptr;        ///< [atoms][9]
    double *segment_part = nullptr;       ///< [segments][10]
    // Results in eV and Angstrom.
    double *head_value = nullptr, *forces = nullptr; ///< [heads][atoms], energies first; [atoms][3]
    double *energy = nullptr, *virial = nullptr;     ///< [systems], [systems][9]
    int gradient = 1;

    TLMLP_HD std::int64_t tiles() const { return (capacity + tile_lanes<T> - 1) / tile_lanes<T>; }
    TLMLP_HD T *message_tile(int block, std::int64_t tile) const {
        return message + (block * tiles() + tile) * network.sizes.embed_p * tile_lanes<T>;
    }
    TLMLP_HD T *message_bar_tile(std::int64_t tile) const {
        return message_bar + tile * network.sizes.embed_p * tile_lanes<T>;
    }
    TLMLP_HD T *rows(T *array, int block) const { return array + block * capacity * network.sizes.directional_p; }
    TLMLP_HD T *A_of(int block, std::int64_t atom) const {
        return A + (block * atoms + atom) * network.sizes.harmonics * network.sizes.directional_p;
    }
};

/// In the order of a step.
enum class Kernel : int {
    geometry,          ///< edges: distances, bases, harmonics
    edges_forward,     ///< tiles, pass b = 0..blocks: the messages m_b, and y of block b
    centres_forward,   ///< atoms, pass b: s_i of output block b, A_j and z of block b
    outputs,           ///< tiles of atoms, all output blocks: their numbers and dE/ds_i
    edges_backward,    ///< tiles, pass b = blocks..0: dE/dm_b complete, back to m_{b-1} and z_{b-1}
    centres_backward,  ///< atoms, pass b: from dE/dz to dE/dy and the edges' geometry
    geometry_backward, ///< edges: dE/dvector
    forces,            ///< atoms: forces, heads' numbers, virials
    segments,          ///< sums over segments of atoms
    systems,           ///< sums over the segments of each system
    count
};

} // namespace tlmlp::cuda
