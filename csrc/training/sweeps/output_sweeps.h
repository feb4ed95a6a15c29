#pragma once

// The network of an output block (core/src/kernels/output.h) in the tangent and the second sweep.

#include "sweeps/sweep_scratch.h"

namespace {

template <class T> void output_tangent(const OutputTile<T> &h, PrefetchQueue *queue) {
    const OutputArrays<T> &arrays = h.arrays;
    Lanes<T> x_dot = h.atoms(arrays.sums_dot);
    network::walk_output(h.order(), [&](int k) {
        const Lanes<T> pre_dot = h.layer(arrays.pre_dot, k);
        if (network::OutputOrder::activated(k)) {
            const Lanes<T> y_dot = h.atoms(arrays.work[k % 2]);
            layer_tangent<false>(h.w.layers[k], x_dot, {}, h.layer(arrays.slope, k), pre_dot, y_dot, h.vectors, queue);
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
    const V<T> pre = load(h.layer(h.arrays.pre, k).at(o, lane));
    const V<T> pre_dot = load(h.layer(h.arrays.pre_dot, k).at(o, lane));
    if (!network::OutputOrder::activated(k)) {
        return {pre, pre_dot};
    }
    const auto jet = act_slope<T>(pre);
    return {jet.value, jet.slope * pre_dot};
}

/// Gradients of the block's weights; the adjoint of the sums goes to `sums_bar2`, [embed_p][chunk_atoms].
template <bool of_energy, class T>
void output_second(const OutputTile<T> &h, SweepScratch<T> &work, int atoms, const double *value_weight, T *sums_bar2,
                   T *gradient) {
    const Sizes &s = h.s;
    const OutputArrays<T> &arrays = h.arrays;
    const int n = h.vectors * lanes<T>;
    const Lanes<T> bar2 = h.atoms(arrays.work[0]);
    V<T> weight[tile_vectors] = {};
    for (int a = 0; a < n && h.lane + a < atoms; ++a) {
        weight[a / lanes<T>][a % lanes<T>] = T(value_weight[h.lane + a]);
    }
    for (int o = 0; o < s.output_p; ++o) {
        V<T> total = {};
        for (int v = 0; v < h.vectors; ++v) {
            const Dual<T> result = output_result(h, h.last(), o, v * lanes<T>);
            if constexpr (of_energy) {
                total += weight[v] * result.x + result.x_dot;
            } else {
                total += weight[v] * result.x;
            }
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
        Lanes<T> pre_bar2 = bar2, pre_bar = h.layer(arrays.bar, k);
        if (activated) {
            pre_bar2 = h.atoms(arrays.work[1]);
            pre_bar = h.atoms(work.output2[0]);
            activation_second<T>({h.layer(arrays.pre, k), h.layer(arrays.pre_dot, k), h.layer(arrays.bar, k)}, bar2,
                                 pre_bar2, pre_bar, s.output_p, h.vectors);
        }
        const int inputs = k > 0 ? s.output_p : s.embed_p, row = pad_to(inputs, row_pad);
        Lanes<T> x = h.atoms(arrays.sums), x_dot = h.atoms(arrays.sums_dot);
        if (k > 0) {
            x = h.atoms(work.output2[1]);
            x_dot = h.atoms(work.output2[2]);
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
        back_linear(layer, pre_bar2, k > 0 ? bar2 : h.atoms(sums_bar2), h.vectors);
    });
}

} // namespace
