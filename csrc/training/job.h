#pragma once

// Plain structs through which the driver of a force-matching step and its kernels of each instruction level share
// memory. Slots, chunks, lanes and tiles are those of the engine (core/src/layout.h).
//
// A step takes four sweeps over the network:
//   forward   energies E_i, keeping preactivations p and slopes s'(p)
//   reverse   g = dE/dr, keeping the adjoint x_bar of every activation
//   tangent   derivatives x_dot along a given vector v of the edges, keeping p_dot
//   second    the derivative of Phi = sum_i w_i E_i + v.g by the weights. v.g is the tangent of E, so this is the
//             reverse sweep of a forward sweep that carries tangents. The adjoints of the tangents x_dot are the x_bar of
//             the reverse sweep; those of the values x, x_bar2, are found on the way.
// A dense layer y = s(p), p = W x + b, gives with p_bar2 = s' y_bar2 + s'' p_dot y_bar and p_bar = s' y_bar:
//     W_bar += p_bar2 x^T + p_bar x_dot^T,   b_bar += p_bar2,   x_bar2 += W^T p_bar2
// so a layer costs six matrix products in all: one forward, one reverse, one tangent, three second.

#include "layout.h"

namespace tlmlp::training {

using engine::bias_lanes;
using engine::Chunk;
using engine::chunk_atoms;
using engine::Dense;
using engine::Interaction;
using engine::lane_pad;
using engine::Network;
using engine::output_group;
using engine::OutputBlock;
using engine::pad_to;
using engine::row_pad;
using engine::Sizes;

template <class T> struct Job {
    const Network<T> *network = nullptr;
    const Chunk *chunks = nullptr;
    const std::int32_t *first = nullptr, *count = nullptr; ///< [atoms]
    const std::int32_t *reverse = nullptr;                 ///< [slots] slot of i -> j; of dummies: their own
    const std::int32_t *species = nullptr;                 ///< [atoms]
    const std::int32_t *source = nullptr;                  ///< [slots]
    const double *vector = nullptr;                        ///< [slots][3] nm
    std::int64_t slots = 0, atoms = 0, n_chunks = 0;

    // Lane arrays. *_slope: derivative by the distance; *_dot: along v.
    T *unit = nullptr, *inverse = nullptr;            ///< 3 rows; 1/d
    T *radial_slope = nullptr;                        ///< radial_p rows
    T *basis = nullptr, *basis_slope = nullptr;       ///< basis rows
    T *harmonics = nullptr, *harmonics_dot = nullptr; ///< harmonics rows
    T *distance_dot = nullptr;                        ///< 1 row
    T *geometry_bar = nullptr;                        ///< 4 rows: dE/dd (basis alone), dE/du

    // Tile arrays of radial_p rows.
    T *radial = nullptr, *radial_dot = nullptr, *radial_bar = nullptr, *radial_bar2 = nullptr;
    // Tile arrays of embed_p rows, [blocks + 1] of messages, [blocks] of the others.
    T *message = nullptr, *message_dot = nullptr, *message_bar2 = nullptr;                          ///< the last: one
    T *embed_pre = nullptr, *embed_slope = nullptr, *embed_bar = nullptr, *embed_pre_dot = nullptr; ///< one each
    T *kj = nullptr, *kj_pre = nullptr, *kj_slope = nullptr, *kj_pre_dot = nullptr;
    T *gated_bar = nullptr;           ///< adjoint of act(kj) * gate
    T *h = nullptr, *h_dot = nullptr; ///< input of `final`
    /// Of the layers of an update, tile arrays of slopes() * embed_p rows, [blocks].
    T *pre = nullptr, *slope = nullptr, *act_bar = nullptr, *pre_dot = nullptr;

    // Row arrays [blocks][slots][directional_p].
    T *y = nullptr, *y_pre = nullptr, *y_slope = nullptr, *y_dot = nullptr, *y_pre_dot = nullptr, *y_bar = nullptr;
    T *z = nullptr, *z_dot = nullptr, *z_bar = nullptr, *z_bar2 = nullptr; ///< z of the reverse edge; adjoints of z
    T *A = nullptr; ///< [blocks][atoms][directional_p / row_pad][harmonics][row_pad]

    // Output blocks, [blocks + 1][chunks][rows][chunk_atoms].
    T *s = nullptr, *s_dot = nullptr, *s_bar = nullptr; ///< embed_p rows
    /// output_p rows of each layer; the slope of one without activation is not used.
    T *output_pre = nullptr, *output_slope = nullptr, *output_bar = nullptr, *output_pre_dot = nullptr;

    double *atom_energy = nullptr;         ///< [atoms]
    double *vector_bar = nullptr;          ///< [slots][3] g
    const double *vector_dot = nullptr;    ///< [slots][3] v
    const double *energy_weight = nullptr; ///< [atoms] w
};

/// The kernels of one instruction level and precision; `pass` is 0..blocks, descending in the reverse sweeps.
template <class T> struct Kernels {
    const char *level;
    std::ptrdiff_t (*scratch)(const Sizes &sizes, int max_lanes, int max_edges_of_atom);
    void (*forward)(const Job<T> &, const Chunk &, int pass, T *scratch, int max_lanes, int max_edges);
    void (*reverse)(const Job<T> &, const Chunk &, int pass, T *scratch, int max_lanes, int max_edges);
    void (*tangent)(const Job<T> &, const Chunk &, int pass, T *scratch, int max_lanes, int max_edges);
    void (*second)(const Job<T> &, const Chunk &, int pass, T *scratch, int max_lanes, int max_edges, T *gradient);
};

} // namespace tlmlp::training
