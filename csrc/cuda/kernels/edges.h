#pragma once

// All that happens per edge between two directional sums, on tiles in shared memory; mirrors
// csrc/core/src/kernels/{update,passes}.h. Forward pass b: the update of block b - 1 gives m_b, then y of block b.
// Backward pass b: dE/dm_b gets its parts from block b and from output block b, and goes through the update of block
// b - 1. The activations of that update are computed anew, a third of the pass. Their slopes would take 1.2 kB an
// edge and block each way.

#include "cuda/kernels/cuda_dense.h"

namespace tlmlp::cuda {

/// Slopes of the activations of one update, at least the four arrays that the way back through y needs in the same place.
TLMLP_HD inline int slope_arrays(const Sizes &s) { return s.slopes() < 4 ? 4 : s.slopes(); }

/// A tile's arrays in shared memory.
template <class T> struct EdgeTile {
    T *m, *h, *t, *g, *z, *e, *e_bar, *slopes;
    int size; ///< one array of embed_p rows

    /// Numbers of T in all; with memory null only counts.
    TLMLP_HD int cut(T *memory, const Sizes &s, bool backward) {
        constexpr int W = tile_lanes<T>;
        int used = 0;
        const auto take = [&](int rows) {
            T *begin = memory ? memory + used : nullptr;
            used += rows * W;
            return begin;
        };
        size = s.embed_p * W;
        m = take(s.embed_p);
        h = take(s.embed_p);
        t = take(s.embed_p);
        z = take(s.directional_p);
        e = take(s.radial_p);
        g = backward ? take(s.embed_p) : nullptr;
        e_bar = backward ? take(s.radial_p) : nullptr;
        slopes = backward ? take(slope_arrays(s) * s.embed_p) : nullptr;
        return used;
    }
    TLMLP_HD T *slope(int k) const { return slopes ? slopes + k * size : nullptr; }
    /// A node of the update; the next message takes the place of the message.
    TLMLP_HD T *at(network::Node node) const {
        switch (node) {
        case network::Node::z:
            return z;
        case network::Node::h:
            return h;
        case network::Node::inner:
            return t;
        case network::Node::none:
            return nullptr;
        default:
            return m;
        }
    }
};

template <class T> TLMLP_HD inline int edges_shared(const Sizes &s, bool backward) {
    EdgeTile<T> tile;
    return tile.cut(nullptr, s, backward);
}

/// The update of network.h, in place in tile.m.
template <class T, class Block>
TLMLP_HD inline void update_forward(const Block &block, const Sizes &s, const Interaction<T> &w,
                                    const EdgeTile<T> &tile) {
    constexpr int W = tile_lanes<T>;
    network::walk_update(s.update(), [&](const network::Step &step) {
        layer_act<W>(block, w.update[step.layer], tile.at(step.from), tile.at(step.add), tile.at(step.to),
                     tile.slope(step.layer));
    });
}

/// tile.g is dE/dm' and becomes dE/dm; tile.z becomes dE/dz.
template <class T, class Block>
TLMLP_HD inline void update_backward(const Block &block, const Sizes &s, const Interaction<T> &w,
                                     const EdgeTile<T> &tile) {
    using network::Node;
    constexpr int W = tile_lanes<T>;
    const network::UpdateOrder order = s.update();
    T *const none = nullptr, *g = tile.g, *h_bar = tile.h, *bar = tile.t, *below = tile.m;
    multiply<W>(block, g, tile.slope(order.count() - 1), bar, s.embed_p);
    network::walk_update_back(order, [&](const network::Step &step) {
        const Dense<T> &layer = w.update[step.layer];
        if (step.from == Node::z) {
            back_next<W>(block, layer, bar, false, tile.z, none, none);
            return;
        }
        if (step.from == Node::message) {
            back_next<W>(block, layer, bar, true, g, none, none);
            multiply<W>(block, h_bar, tile.slope(order.up), below, s.embed_p);
        } else if (step.from == Node::inner) {
            back_times<W>(block, layer, bar, tile.slope(step.layer - 1), below);
        } else {
            back_next<W>(block, layer, bar, step.around >= 0, step.from == Node::h ? h_bar : g,
                         tile.slope(step.layer - 1), below);
        }
        T *swap = bar;
        bar = below;
        below = swap;
    });
}

/// m_0 = act(W e + target[species] + source[species]) in tile.m, its slope in `slope` where given.
template <class T, class Block>
TLMLP_HD inline void embed(const Block &block, const Job<T> &job, const EdgeTile<T> &tile, std::int64_t first, int n,
                           T *slope) {
    constexpr int W = tile_lanes<T>;
    const Network<T> &net = job.network;
    const Sizes &s = net.sizes;
    block.for_each(s.embed_p * W, [&](int k) {
        const int lane = k % W, c = k / W;
        T value = T(0);
        if (lane < n) {
            const std::int64_t edge = first + lane;
            value = net.embed_target[std::ptrdiff_t(job.species[job.target[edge]]) * s.embed_p + c] +
                    net.embed_source[std::ptrdiff_t(job.species[job.source[edge]]) * s.embed_p + c];
        }
        tile.m[k] = value;
    });
    block.sync();
    T *m = tile.m;
    dense<W>(block, net.embed_radial, tile.e, [=](int o, int lane, Four<T> a) {
        const Four<T> before = load4(m + o * W + lane);
        Four<T> derivative;
        for (int v = 0; v < 4; ++v) {
            const auto value = act_slope(a.v[v] + before.v[v]);
            a.v[v] = value.value;
            derivative.v[v] = value.slope;
        }
        store4(m + o * W + lane, a);
        if (slope) {
            store4(slope + o * W + lane, derivative);
        }
    });
}

/// Into tile.h: x = act(W_kj m + b) * gate, with gate = W_g e. `kj`, `slope`, `gate` are kept where given.
template <class T, class Block>
TLMLP_HD inline void gated(const Block &block, const Interaction<T> &w, const EdgeTile<T> &tile, T *kj, T *slope,
                           T *gate) {
    constexpr int W = tile_lanes<T>;
    T *x = tile.h;
    dense<W>(block, w.gate, tile.e, [=](int o, int lane, Four<T> a) { store4(gate + o * W + lane, a); });
    dense<W>(block, w.kj, tile.m, [=](int o, int lane, Four<T> a) {
        const Four<T> factor = load4(gate + o * W + lane);
        Four<T> derivative;
        for (int v = 0; v < 4; ++v) {
            const auto value = act_slope(a.v[v]);
            a.v[v] = value.value;
            derivative.v[v] = value.slope;
        }
        if (kj) {
            store4(kj + o * W + lane, a);
            store4(slope + o * W + lane, derivative);
        }
        for (int v = 0; v < 4; ++v) {
            a.v[v] *= factor.v[v];
        }
        store4(x + o * W + lane, a);
    });
}

template <class T, class Block> TLMLP_HD inline void edges_forward(const Block &block, const Job<T> &job, int b) {
    constexpr int W = tile_lanes<T>;
    const Network<T> &net = job.network;
    const Sizes &s = net.sizes;
    const int n_edges = *job.n_edges;
    EdgeTile<T> tile;
    tile.cut(static_cast<T *>(block.shared), s, false);
    for (std::int64_t at = block.index; at * W < n_edges; at += block.count) {
        const std::int64_t first = at * W;
        const int n = int(n_edges - first < W ? n_edges - first : W);
        load_rows<W>(block, job.radial + first * s.radial_p, s.radial_p, s.radial, n, tile.e);
        if (b == 0) {
            block.sync();
            embed(block, job, tile, first, n, static_cast<T *>(nullptr));
        } else {
            load_rows<W>(block, job.rows(job.z, b - 1) + first * s.directional_p, s.directional_p, s.directional, n,
                         tile.z);
            copy(block, job.message_tile(b - 1, at), tile.m, tile.size);
            update_forward(block, s, net.interactions[b - 1], tile);
        }
        copy(block, tile.m, job.message_tile(b, at), tile.size);
        if (b < s.blocks) {
            const Interaction<T> &w = net.interactions[b];
            T *const none = nullptr, *z = tile.z;
            gated(block, w, tile, none, none, tile.t);
            dense<W>(block, w.down, tile.h, [=](int o, int lane, Four<T> a) {
                for (int v = 0; v < 4; ++v) {
                    a.v[v] = act(a.v[v]);
                }
                store4(z + o * W + lane, a);
            });
            store_rows<W>(block, z, s.directional_p, s.directional, n, job.rows(job.y, b) + first * s.directional_p);
        }
    }
}

/// From dE/dy of block b: tile.g += its part of dE/dm_b, tile.e_bar += its part of dE/de. Uses four slope arrays.
template <class T, class Block>
TLMLP_HD inline void y_backward(const Block &block, const Job<T> &job, const Interaction<T> &w, const EdgeTile<T> &tile,
                                std::int64_t first, int n) {
    constexpr int W = tile_lanes<T>;
    const Sizes &s = job.network.sizes;
    T *kj = tile.slope(0), *slope = tile.slope(1), *gate = tile.slope(2), *gate_bar = tile.slope(3);
    T *z = tile.z, *t = tile.t;
    T *const none = nullptr;
    load_rows<W>(block, job.y_bar + first * s.directional_p, s.directional_p, s.directional, n, z);
    gated(block, w, tile, kj, slope, gate);
    dense<W>(block, w.down, tile.h, [=](int o, int lane, Four<T> a) {
        Four<T> bar = load4(z + o * W + lane);
        for (int v = 0; v < 4; ++v) {
            bar.v[v] *= act_slope(a.v[v]).slope;
        }
        store4(z + o * W + lane, bar);
    });
    dense_back<W>(block, w.down, z, [=](int o, int lane, Four<T> a) {
        const int k = o * W + lane;
        const Four<T> factor = load4(gate + k), value = load4(kj + k), derivative = load4(slope + k);
        Four<T> to_gate;
        for (int v = 0; v < 4; ++v) {
            to_gate.v[v] = a.v[v] * value.v[v];
            a.v[v] *= factor.v[v] * derivative.v[v];
        }
        store4(gate_bar + k, to_gate);
        store4(t + k, a);
    });
    back_next<W>(block, w.gate, gate_bar, true, tile.e_bar, none, none);
    back_next<W>(block, w.kj, t, true, tile.g, none, none);
}

/// s_i = sum_j (W_g e)_ji m_ji: tile.g += gate * dE/ds_i, tile.e_bar += W_g^T (dE/ds_i * m).
template <class T, class Block>
TLMLP_HD inline void output_backward(const Block &block, const Job<T> &job, int b, const EdgeTile<T> &tile,
                                     std::int64_t first, int n) {
    constexpr int W = tile_lanes<T>;
    const Sizes &s = job.network.sizes;
    const OutputBlock<T> &w = job.network.outputs[b];
    T *bar = tile.h, *gate_bar = tile.t, *g = tile.g, *m = tile.m;
    block.for_each(s.embed_p * W, [&](int k) {
        const int lane = k % W, c = k / W;
        bar[k] = lane < n ? job.sums_bar[(b * job.atoms + job.target[first + lane]) * s.embed_p + c] : T(0);
    });
    block.sync();
    dense<W>(block, w.gate, tile.e, [=](int o, int lane, Four<T> a) {
        const int k = o * W + lane;
        const Four<T> from = load4(bar + k), value = load4(m + k);
        Four<T> sum = load4(g + k), product;
        for (int v = 0; v < 4; ++v) {
            sum.v[v] += from.v[v] * a.v[v];
            product.v[v] = from.v[v] * value.v[v];
        }
        store4(g + k, sum);
        store4(gate_bar + k, product);
    });
    T *const none = nullptr;
    back_next<W>(block, w.gate, gate_bar, true, tile.e_bar, none, none);
}

template <class T, class Block> TLMLP_HD inline void edges_backward(const Block &block, const Job<T> &job, int b) {
    constexpr int W = tile_lanes<T>;
    const Network<T> &net = job.network;
    const Sizes &s = net.sizes;
    const int n_edges = *job.n_edges;
    const bool top = b == s.blocks;
    EdgeTile<T> tile;
    tile.cut(static_cast<T *>(block.shared), s, true);
    for (std::int64_t at = block.index; at * W < n_edges; at += block.count) {
        const std::int64_t first = at * W;
        const int n = int(n_edges - first < W ? n_edges - first : W);
        load_rows<W>(block, job.radial + first * s.radial_p, s.radial_p, s.radial, n, tile.e);
        load_rows<W>(block, job.radial_bar + first * s.radial_p, s.radial_p, s.radial_p, top ? 0 : n, tile.e_bar);
        const T *bar = job.message_bar_tile(at);
        block.for_each(tile.size, [&](int k) { tile.g[k] = top ? T(0) : bar[k]; });
        copy(block, job.message_tile(b, at), tile.m, tile.size);
        if (!top) {
            y_backward(block, job, net.interactions[b], tile, first, n);
        }
        output_backward(block, job, b, tile, first, n);
        if (b > 0) {
            const Interaction<T> &w = net.interactions[b - 1];
            load_rows<W>(block, job.rows(job.z, b - 1) + first * s.directional_p, s.directional_p, s.directional, n,
                         tile.z);
            copy(block, job.message_tile(b - 1, at), tile.m, tile.size);
            update_forward(block, s, w, tile);
            update_backward(block, s, w, tile);
            store_rows<W>(block, tile.z, s.directional_p, s.directional, n, job.z_bar + first * s.directional_p);
            copy(block, tile.g, job.message_bar_tile(at), tile.size);
        } else {
            T *const none = nullptr;
            embed(block, job, tile, first, n, tile.slope(0));
            multiply<W>(block, tile.g, tile.slope(0), tile.t, s.embed_p);
            back_next<W>(block, net.embed_radial, tile.t, true, tile.e_bar, none, none);
        }
        store_rows<W>(block, tile.e_bar, s.radial_p, s.radial, n, job.radial_bar + first * s.radial_p);
    }
}

} // namespace tlmlp::cuda
