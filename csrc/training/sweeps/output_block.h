#pragma once

// The network of an output block on the atoms of a chunk, in the lanes, in all four sweeps; its layers are those of
// network::OutputOrder, and its energy is w . x of the last one's result x.

#include "sweeps/scratch.h"

namespace {

namespace network = tlmlp::network;

/// One output block's arrays for one group of lanes.
template <class T> struct OutputTile {
    const Sizes &s;
    const training::OutputBlock<T> &w;
    const training::Job<T> &job;
    std::ptrdiff_t place; ///< block * chunks + chunk
    int lane, vectors;

    network::OutputOrder order() const { return s.output_order(); }
    int last() const { return order().count() - 1; }
    Lanes<T> sums(T *array) const { return {array + place * s.embed_p * chunk_atoms + lane, chunk_atoms}; }
    /// Layer k's part of an array of all layers.
    Lanes<T> layer(T *array, int k) const {
        return {array + (place * order().count() + k) * s.output_p * chunk_atoms + lane, chunk_atoms};
    }
    Lanes<T> work(T *array) const { return {array + lane, chunk_atoms}; }
};

/// body(tile) for groups of lanes that fill a tile.
template <class T, class Body>
TLMLP_INLINE void over_output_tiles(const Sizes &s, const training::Job<T> &job, int block, std::ptrdiff_t chunk,
                                    int atoms, Body &&body) {
    const int padded = pad_to(atoms, lanes<T>);
    for (int lane = 0; lane < padded; lane += tile_width<T>) {
        const int left = (padded - lane) / lanes<T>;
        body(OutputTile<T>{s, job.network->outputs[block], job, block * std::ptrdiff_t(job.n_chunks) + chunk, lane,
                           left < tile_vectors ? left : tile_vectors});
    }
}

template <class T> void output_forward(const OutputTile<T> &h, Work<T> &work, int atoms, double *energy) {
    const auto &job = h.job;
    Lanes<T> x = h.sums(job.s);
    network::walk_output(h.order(), [&](int k) {
        const Lanes<T> pre = h.layer(job.output_pre, k);
        if (network::OutputOrder::activated(k)) {
            const Lanes<T> y = h.work(work.output[k % 2]);
            layer_keep<T, false>(h.w.layers[k], x, {}, pre, h.layer(job.output_slope, k), y, h.vectors, &work.queue);
            x = y;
        } else {
            layer_linear(h.w.layers[k], x, pre, h.vectors);
            x = pre;
        }
    });
    for (int a = h.lane; a < atoms && a < h.lane + h.vectors * lanes<T>; ++a) {
        double sum = 0.0;
        for (int o = 0; o < h.s.output; ++o) {
            sum += double(h.w.last[o]) * double(*x.at(o, a - h.lane));
        }
        energy[a] += sum;
    }
}

/// Adjoints of the layers' results and dE/ds.
template <class T> void output_reverse(const OutputTile<T> &h, Work<T> &work) {
    const Sizes &s = h.s;
    const auto &job = h.job;
    const Lanes<T> last = h.layer(job.output_bar, h.last());
    for (int o = 0; o < s.output_p; ++o) {
        for (int v = 0; v < h.vectors; ++v) {
            store(last.at(o, v * lanes<T>), splat<T>(h.w.last[o]));
        }
    }
    network::walk_output_back(h.order(), [&](int k) {
        Lanes<T> pre_bar = h.layer(job.output_bar, k);
        if (network::OutputOrder::activated(k)) {
            pre_bar = h.work(work.output[0]);
            multiply(h.layer(job.output_bar, k), h.layer(job.output_slope, k), pre_bar, s.output_p, h.vectors);
        }
        back_linear(h.w.layers[k], pre_bar, k > 0 ? h.layer(job.output_bar, k - 1) : h.sums(job.s_bar), h.vectors);
    });
}

template <class T> void output_tangent(const OutputTile<T> &h, Work<T> &work) {
    const auto &job = h.job;
    Lanes<T> x_dot = h.sums(job.s_dot);
    network::walk_output(h.order(), [&](int k) {
        const Lanes<T> pre_dot = h.layer(job.output_pre_dot, k);
        if (network::OutputOrder::activated(k)) {
            const Lanes<T> y_dot = h.work(work.output[k % 2]);
            layer_tangent<T, false>(h.w.layers[k], x_dot, {}, h.layer(job.output_slope, k), pre_dot, y_dot, h.vectors,
                                    &work.queue);
            x_dot = y_dot;
        } else {
            layer_product(h.w.layers[k], x_dot, pre_dot, h.vectors);
            x_dot = pre_dot;
        }
    });
}

/// Value and tangent of layer k's result for one vector of lanes.
template <class T> struct Dual {
    V<T> x, x_dot;
};
template <class T> TLMLP_INLINE Dual<T> output_result(const OutputTile<T> &h, int k, int o, int lane) {
    const V<T> pre = load(h.layer(h.job.output_pre, k).at(o, lane));
    const V<T> pre_dot = load(h.layer(h.job.output_pre_dot, k).at(o, lane));
    if (!network::OutputOrder::activated(k)) {
        return {pre, pre_dot};
    }
    const auto jet = act_slope<T>(pre);
    return {jet.value, jet.slope * pre_dot};
}

/// Gradients of the block's weights; the adjoint of s goes to `s_bar2`, [embed_p][chunk_atoms].
template <class T>
void output_second(const OutputTile<T> &h, Work<T> &work, int atoms, const double *energy_weight, T *s_bar2,
                   T *gradient) {
    const Sizes &s = h.s;
    const auto &job = h.job;
    const int n = h.vectors * lanes<T>;
    const Lanes<T> bar2 = h.work(work.output[0]);
    V<T> weight[tile_vectors] = {};
    for (int a = 0; a < n && h.lane + a < atoms; ++a) {
        weight[a / lanes<T>][a % lanes<T>] = T(energy_weight[h.lane + a]);
    }
    for (int o = 0; o < s.output_p; ++o) {
        V<T> total = {};
        for (int v = 0; v < h.vectors; ++v) {
            const Dual<T> result = output_result(h, h.last(), o, v * lanes<T>);
            total += weight[v] * result.x + result.x_dot;
            store(bar2.at(o, v * lanes<T>), weight[v] * h.w.last[o]);
        }
        T sum = T(0);
        for (int i = 0; i < lanes<T>; ++i) {
            sum += total[i];
        }
        gradient[h.w.last_gradient + o] += sum;
    }
    network::walk_output_back(h.order(), [&](int k) {
        const Dense<T> &layer = h.w.layers[k];
        const bool activated = network::OutputOrder::activated(k);
        Lanes<T> pre_bar2 = bar2, pre_bar = h.layer(job.output_bar, k);
        if (activated) {
            pre_bar2 = h.work(work.output[1]);
            pre_bar = h.work(work.output[2]);
            activation_second<T>(
                {h.layer(job.output_pre, k), h.layer(job.output_pre_dot, k), h.layer(job.output_bar, k)}, bar2,
                pre_bar2, pre_bar, s.output_p, h.vectors);
        }
        const int inputs = k > 0 ? s.output_p : s.embed_p, row = pad_to(inputs, row_pad);
        Lanes<T> x = h.sums(job.s), x_dot = h.sums(job.s_dot);
        if (k > 0) {
            x = h.work(work.output[3]);
            x_dot = h.work(work.output[4]);
            for (int o = 0; o < s.output_p; ++o) {
                for (int v = 0; v < h.vectors; ++v) {
                    const Dual<T> result = output_result(h, k - 1, o, v * lanes<T>);
                    store(x.at(o, v * lanes<T>), result.x);
                    store(x_dot.at(o, v * lanes<T>), result.x_dot);
                }
            }
        }
        to_rows(x, inputs, h.vectors, work.output_rows, row);
        to_rows(x_dot, inputs, h.vectors, work.output_rows_dot, row);
        outer(pre_bar2.data, pre_bar.data, pre_bar2.ld, s.output_p, work.output_rows, work.output_rows_dot, row, n,
              gradient + layer.gradient, &work.queue);
        if (activated) {
            add_bias(pre_bar2, s.output_p, h.vectors, gradient + layer.bias_gradient());
        }
        back_linear(layer, pre_bar2, k > 0 ? bar2 : Lanes<T>{s_bar2 + h.lane, chunk_atoms}, h.vectors);
    });
}

} // namespace
