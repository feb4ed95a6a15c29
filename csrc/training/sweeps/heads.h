#pragma once

// The network of an output block on the atoms of a chunk, in the lanes, in all four sweeps:
//     u = W_up s,  x_0 = u,  x_k = act(W_k x_(k-1) + b_k),  E = w . x_last

#include "sweeps/scratch.h"

namespace {

/// One output block's arrays for one group of lanes.
template <class T> struct Head {
    const Sizes &s;
    const training::Output<T> &w;
    const training::Job<T> &job;
    std::ptrdiff_t place; ///< block * chunks + chunk
    int lane, vectors;

    Lanes<T> at(T *array, int rows, int k = 0, int arrays = 1) const {
        return {array + (place * arrays + k) * rows * chunk_atoms + lane, chunk_atoms};
    }
    Lanes<T> sums(T *array) const { return at(array, s.embed_p); }
    Lanes<T> up(T *array) const { return at(array, s.output_p); }
    Lanes<T> layer(T *array, int k) const { return at(array, s.output_p, k, s.dense); }
    Lanes<T> work(T *array) const { return {array + lane, chunk_atoms}; }
};

/// body(head) for groups of lanes that fill a tile.
template <class T, class Body>
TLMLP_INLINE void over_heads(const Sizes &s, const training::Job<T> &job, int block, std::ptrdiff_t chunk, int atoms,
                             Body &&body) {
    const int padded = pad_to(atoms, lanes<T>);
    for (int lane = 0; lane < padded; lane += tile_width<T>) {
        const int left = (padded - lane) / lanes<T>;
        body(Head<T>{s, job.network->outputs[block], job, block * std::ptrdiff_t(job.n_chunks) + chunk, lane,
                     left < tile_vectors ? left : tile_vectors});
    }
}

template <class T> void head_forward(const Head<T> &h, Work<T> &work, int atoms, double *energy) {
    const Sizes &s = h.s;
    const auto &job = h.job;
    Lanes<T> x = h.up(job.head);
    layer_linear(h.w.up.dense, h.sums(job.s), x, h.vectors);
    for (int k = 0; k < s.dense; ++k) {
        const Lanes<T> y = h.work(work.head[k % 2]);
        layer_keep<T, false>(h.w.dense[k].dense, x, {}, h.layer(job.head_pre, k), h.layer(job.head_slope, k), y,
                             h.vectors, &work.ahead);
        x = y;
    }
    for (int a = h.lane; a < atoms && a < h.lane + h.vectors * lanes<T>; ++a) {
        double sum = 0.0;
        for (int o = 0; o < s.output; ++o) {
            sum += double(h.w.last[o]) * double(*x.at(o, a - h.lane));
        }
        energy[a] += sum;
    }
}

/// Adjoints of the activations and dE/ds.
template <class T> void head_reverse(const Head<T> &h, Work<T> &work) {
    const Sizes &s = h.s;
    const auto &job = h.job;
    const Lanes<T> last = s.dense > 0 ? h.layer(job.head_layer_eta, s.dense - 1) : h.up(job.head_eta);
    for (int o = 0; o < s.output_p; ++o) {
        for (int v = 0; v < h.vectors; ++v) {
            store(last.at(o, v * lanes<T>), splat<T>(h.w.last[o]));
        }
    }
    const Lanes<T> pi = h.work(work.head[0]);
    for (int k = s.dense - 1; k >= 0; --k) {
        multiply(h.layer(job.head_layer_eta, k), h.layer(job.head_slope, k), pi, s.output_p, h.vectors);
        back_linear(h.w.dense[k].dense, pi, k > 0 ? h.layer(job.head_layer_eta, k - 1) : h.up(job.head_eta), h.vectors);
    }
    back_linear(h.w.up.dense, h.up(job.head_eta), h.sums(job.s_eta), h.vectors);
}

template <class T> void head_tangent(const Head<T> &h, Work<T> &work) {
    const auto &job = h.job;
    Lanes<T> x_dot = h.up(job.head_dot);
    layer_product(h.w.up.dense, h.sums(job.s_dot), x_dot, h.vectors);
    for (int k = 0; k < h.s.dense; ++k) {
        const Lanes<T> y_dot = h.work(work.head[k % 2]);
        layer_tangent<T, false>(h.w.dense[k].dense, x_dot, {}, h.layer(job.head_slope, k), h.layer(job.head_pre_dot, k),
                                y_dot, h.vectors, &work.ahead);
        x_dot = y_dot;
    }
}

/// Gradients of the block's weights; the adjoint of s goes to `s_bar2`, [embed_p][chunk_atoms].
template <class T>
void head_second(const Head<T> &h, Work<T> &work, int atoms, const double *energy_weight, T *s_bar2, T *gradient) {
    const Sizes &s = h.s;
    const auto &job = h.job;
    const int n = h.vectors * lanes<T>, row = pad_to(s.output_p, row_pad);
    const Lanes<T> bar2 = h.work(work.head[0]), pi = h.work(work.head[1]), pi_dot = h.work(work.head[2]);
    V<T> weight[tile_vectors] = {};
    for (int a = 0; a < n && h.lane + a < atoms; ++a) {
        weight[a / lanes<T>][a % lanes<T>] = T(energy_weight[h.lane + a]);
    }
    for (int o = 0; o < s.output_p; ++o) {
        V<T> total = {};
        for (int v = 0; v < h.vectors; ++v) {
            const int lane = v * lanes<T>;
            V<T> x, x_dot;
            if (s.dense > 0) {
                const auto jet = swish_jet<T>(load(h.layer(job.head_pre, s.dense - 1).at(o, lane)));
                x = jet.value;
                x_dot = jet.slope * load(h.layer(job.head_pre_dot, s.dense - 1).at(o, lane));
            } else {
                x = load(h.up(job.head).at(o, lane));
                x_dot = load(h.up(job.head_dot).at(o, lane));
            }
            total += weight[v] * x + x_dot;
            store(bar2.at(o, lane), weight[v] * h.w.last[o]);
        }
        T sum = T(0);
        for (int i = 0; i < lanes<T>; ++i) {
            sum += total[i];
        }
        gradient[h.w.last_gradient + o] += sum;
    }
    for (int k = s.dense - 1; k >= 0; --k) {
        const Layer<T> &layer = h.w.dense[k];
        activation_second<T>({h.layer(job.head_pre, k), h.layer(job.head_pre_dot, k), h.layer(job.head_layer_eta, k)}, bar2,
                             pi, pi_dot, s.output_p, h.vectors);
        back_linear(layer.dense, pi, bar2, h.vectors);
        if (k > 0) {
            const Lanes<T> x = h.work(work.head[3]);
            const Lanes<T> pre = h.layer(job.head_pre, k - 1), pre_dot = h.layer(job.head_pre_dot, k - 1);
            const Lanes<T> slope = h.layer(job.head_slope, k - 1);
            for (int o = 0; o < s.output_p; ++o) {
                for (int v = 0; v < h.vectors; ++v) {
                    store(x.at(o, v * lanes<T>), swish<T>(load(pre.at(o, v * lanes<T>))));
                }
            }
            to_rows(x, s.output_p, h.vectors, work.head_rows, row);
            multiply(slope, pre_dot, x, s.output_p, h.vectors);
            to_rows(x, s.output_p, h.vectors, work.head_rows_dot, row);
        } else {
            to_rows(h.up(job.head), s.output_p, h.vectors, work.head_rows, row);
            to_rows(h.up(job.head_dot), s.output_p, h.vectors, work.head_rows_dot, row);
        }
        outer(pi.data, pi_dot.data, pi.ld, s.output_p, work.head_rows, work.head_rows_dot, row, n,
              gradient + layer.gradient, &work.ahead);
        add_bias(pi, s.output_p, h.vectors, gradient + layer.bias_gradient());
    }
    const int s_row = pad_to(s.embed_p, row_pad);
    to_rows(h.sums(job.s), s.embed_p, h.vectors, work.head_rows, s_row);
    to_rows(h.sums(job.s_dot), s.embed_p, h.vectors, work.head_rows_dot, s_row);
    const Lanes<T> eta = h.up(job.head_eta);
    outer(bar2.data, eta.data, bar2.ld, s.output_p, work.head_rows, work.head_rows_dot, s_row, n,
          gradient + h.w.up.gradient, &work.ahead);
    back_linear(h.w.up.dense, bar2, {s_bar2 + h.lane, chunk_atoms}, h.vectors);
}

} // namespace
