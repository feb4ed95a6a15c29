#pragma once

// Plain structs through which the driver of a force-matching step and its kernels of each instruction level share
// memory. Slots, chunks, lanes and tiles are those of the engine (core/src/layout.h).
//
// A step takes four sweeps over the network:
//   forward   energies E_i, keeping preactivations p and slopes s'(p)
//   reverse   g = dE/dr, keeping the adjoint eta of every activation
//   tangent   derivatives (a dot) along a given vector v of the edges, keeping p dot
//   second    the derivative of Phi = sum_i w_i E_i + v.g by the weights. v.g is the tangent of E, so this is the
//             reverse sweep of a forward sweep that carries tangents. The adjoints of the tangents are the eta of the
//             reverse sweep; those of the values ("bar2" here) are found on the way.
// A dense layer y = s(p), p = W x + b, gives with pi = s' y_bar2 + s'' p_dot eta and pi_dot = s' eta:
//     W_bar += pi x^T + pi_dot x_dot^T,   b_bar += pi,   x_bar2 += W^T pi
// so a layer costs six matrix products in all: one forward, one reverse, one tangent, three second.

#include "layout.h"

namespace tlmlp::training {

using engine::Chunk;
using engine::Dense;
using engine::Sizes;
using engine::chunk_atoms;
using engine::lane_pad;
using engine::output_group;
using engine::pad_to;
using engine::row_pad;

/// A bias's gradient is kept as one partial sum per SIMD lane; no level has more lanes.
inline constexpr int bias_lanes = 16;

/// A dense layer and where its gradient lies in a gradient array: [out_p][in padded to row_pad] for the weight, then
/// [out_p][bias_lanes] for the bias.
template <class T> struct Layer {
    Dense<T> dense;
    std::ptrdiff_t gradient = 0;
    std::ptrdiff_t bias_gradient() const {
        return gradient + std::ptrdiff_t(pad_to(dense.out, output_group)) * pad_to(dense.in, row_pad);
    }
};

/// Layers of `update`: up, ji, before (two per residual), final, after.
inline constexpr int layer_up = 0, layer_ji = 1, layer_before = 2;
inline int layer_final(const Sizes &s) { return layer_before + 2 * s.before; }
inline int layer_after(const Sizes &s) { return layer_final(s) + 1; }
inline int layer_count(const Sizes &s) { return layer_after(s) + 2 * s.after; }

template <class T> struct Interaction {
    const Layer<T> *update = nullptr;
    Layer<T> kj, gate;
    Dense<T> down;
    std::ptrdiff_t down_gradient = 0;   ///< [in_p][out padded to row_pad]: the transpose
    const T *radial = nullptr;          ///< [directional_p / row_pad][spherical][radial][row_pad]
    std::ptrdiff_t radial_gradient = 0; ///< the same
};

template <class T> struct Output {
    Layer<T> gate, up;
    const Layer<T> *dense = nullptr;
    const T *last = nullptr;          ///< [output_p]
    std::ptrdiff_t last_gradient = 0; ///< the same
};

template <class T> struct Network {
    Sizes sizes;
    double cutoff = 0; ///< nm
    int exponent = 0;
    const T *frequencies = nullptr;
    /// Spherical basis: [intervals][degree + 1][table_stride], see math/piecewise.h.
    const T *table = nullptr;
    int intervals = 0, degree = 0, table_stride = 0;
    const T *harmonic_norms = nullptr, *legendre = nullptr;
    Layer<T> embed;                                      ///< radial basis -> E
    const T *target = nullptr, *source = nullptr;        ///< [species][embed_p]
    std::ptrdiff_t target_gradient = 0, source_gradient = 0; ///< [species][embed padded to row_pad]
    std::ptrdiff_t frequency_gradient = 0;               ///< [radial_p][bias_lanes]
    const Interaction<T> *interactions = nullptr;
    const Output<T> *outputs = nullptr;
};

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
    T *unit = nullptr, *inverse = nullptr; ///< 3 rows; 1/d
    T *radial_slope = nullptr;             ///< radial_p rows
    T *basis = nullptr, *basis_slope = nullptr;          ///< basis rows
    T *harmonics = nullptr, *harmonics_dot = nullptr;    ///< harmonics rows
    T *distance_dot = nullptr;                           ///< 1 row
    T *geometry_bar = nullptr;                           ///< 4 rows: dE/dd (basis alone), dE/du

    // Tile arrays of radial_p rows.
    T *radial = nullptr, *radial_dot = nullptr, *radial_bar = nullptr, *radial_bar2 = nullptr;
    // Tile arrays of embed_p rows, [blocks + 1] of messages, [blocks] of the others.
    T *message = nullptr, *message_dot = nullptr, *message_bar2 = nullptr; ///< the last: one
    T *embed_pre = nullptr, *embed_slope = nullptr, *embed_eta = nullptr, *embed_pre_dot = nullptr; ///< one each
    T *kj = nullptr, *kj_pre = nullptr, *kj_slope = nullptr, *kj_pre_dot = nullptr;
    T *gated_eta = nullptr;                        ///< adjoint of act(kj) * gate
    T *h = nullptr, *h_dot = nullptr;              ///< input of `final`
    /// Tile arrays of layer_count * embed_p rows, [blocks].
    T *pre = nullptr, *slope = nullptr, *eta = nullptr, *pre_dot = nullptr;

    // Row arrays [blocks][slots][directional_p].
    T *y = nullptr, *y_pre = nullptr, *y_slope = nullptr, *y_dot = nullptr, *y_pre_dot = nullptr, *y_eta = nullptr;
    T *sum = nullptr, *sum_dot = nullptr, *sum_bar = nullptr, *sum_bar2 = nullptr; ///< z of the reverse edge; adjoints of z
    T *centre = nullptr; ///< [blocks][atoms][directional_p / row_pad][harmonics][row_pad]

    // Output blocks, [blocks + 1][chunks][rows][chunk_atoms].
    T *s = nullptr, *s_dot = nullptr, *s_eta = nullptr;                     ///< embed_p rows
    T *head = nullptr, *head_dot = nullptr, *head_eta = nullptr;            ///< W_up s: output_p rows
    T *head_pre = nullptr, *head_slope = nullptr, *head_layer_eta = nullptr, *head_pre_dot = nullptr; ///< dense * output_p

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
