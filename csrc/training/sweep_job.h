#pragma once

// Plain structs through which the driver of a force-matching step and its kernels of each instruction level share
// memory. Slots, chunks, lanes and tiles are those of the engine (core/src/layout.h), and so are the forward and the
// reverse pass (core/src/kernels/passes.h), which keep more here.
//
// A step takes four sweeps over the network:
//   forward   energies E_i, keeping preactivations p and slopes s'(p)
//   reverse   g = dE/dr, keeping the adjoint x_bar of every activation
//   tangent   derivatives x_dot along a given vector v of the edges, keeping p_dot
//   second    the derivative of Phi = sum_hi w_hi y_hi + v.g by the weights, y_hi the number of head h, y_0 the energy. v.g is the tangent of E, so this is the
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
using engine::lane_pad;
using engine::pad_to;
using engine::Sizes;

/// The evaluation with what its sweeps keep. Of the engine's job, `slopes` are those of [blocks] updates.
template <class T> struct SweepJob : engine::Job<T> {
    // Lane arrays. *_slope: derivative by the distance; *_dot: along v.
    T *inverse = nullptr;       ///< 1 row: 1/d
    T *radial_slope = nullptr;  ///< radial_p rows
    T *basis_slope = nullptr;   ///< basis rows
    T *harmonics_dot = nullptr; ///< harmonics rows
    T *distance_dot = nullptr;  ///< 1 row

    T *radial_dot = nullptr, *radial_bar2 = nullptr; ///< tile arrays of radial_p rows
    // Tile arrays of embed_p rows, [blocks + 1] of messages, [blocks] of the others.
    T *message_dot = nullptr, *message_bar2 = nullptr;                                              ///< the last: one
    T *embed_pre = nullptr, *embed_slope = nullptr, *embed_bar = nullptr, *embed_pre_dot = nullptr; ///< one each
    T *kj = nullptr, *kj_pre = nullptr, *kj_slope = nullptr, *kj_pre_dot = nullptr;
    T *gated_bar = nullptr;           ///< adjoint of act(kj) * gate
    T *h = nullptr, *h_dot = nullptr; ///< input of `final`
    /// Of the layers of an update, tile arrays of slopes() * embed_p rows, [blocks].
    T *pre = nullptr, *act_bar = nullptr, *pre_dot = nullptr;

    // Row arrays [blocks][slots][directional_p].
    T *y = nullptr, *y_pre = nullptr, *y_slope = nullptr, *y_dot = nullptr, *y_pre_dot = nullptr, *y_bar = nullptr;
    T *z_dot = nullptr, *z_bars = nullptr, *z_bar2 = nullptr; ///< of z, and in its places: tangent and adjoints

    // Output blocks, [outputs][chunks][rows][chunk_atoms].
    T *sums = nullptr, *sums_dot = nullptr; ///< embed_p rows
    /// output_p rows of each layer.
    T *output_pre = nullptr, *output_slope = nullptr, *output_bar = nullptr, *output_pre_dot = nullptr;

    const double *vector_dot = nullptr;   ///< [slots][3] v
    const double *value_weight = nullptr; ///< [heads][atoms] w
};

/// The kernels of one instruction level and precision; `pass` is 0..blocks, descending in the reverse sweeps.
template <class T> struct Kernels {
    const char *level;
    std::ptrdiff_t (*scratch)(const Sizes &sizes, int max_lanes, int max_edges_of_atom);
    void (*forward)(const SweepJob<T> &, const Chunk &, int pass, T *scratch, int max_lanes, int max_edges);
    void (*reverse)(const SweepJob<T> &, const Chunk &, int pass, T *scratch, int max_lanes, int max_edges);
    void (*tangent)(const SweepJob<T> &, const Chunk &, int pass, T *scratch, int max_lanes, int max_edges);
    void (*second)(const SweepJob<T> &, const Chunk &, int pass, T *scratch, int max_lanes, int max_edges, T *gradient);

    static const Kernels &avx512();
    static const Kernels &avx2();
    static const Kernels &portable();
};
TLMLP_LEVEL_TABLES(Kernels, float);
TLMLP_LEVEL_TABLES(Kernels, double);

} // namespace tlmlp::training
