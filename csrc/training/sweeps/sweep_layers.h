#pragma once

// Tangents of dense layers, their second way back, and the sums of outer products that make the gradients of weights.

#include "kernels/layers.h"
#include "sweep_job.h"

namespace {

/// pre_dot = W x_dot, y_dot = slope pre_dot [+ add]
template <bool with_add, class T>
TLMLP_NOINLINE void layer_tangent(const Dense<T> &layer, Lanes<T> x_dot, Lanes<T> add, Lanes<T> slope, Lanes<T> pre_dot,
                                  Lanes<T> y_dot, int vectors, PrefetchQueue *queue) {
    dense_packed<T>(x_dot.data, x_dot.ld, vectors, layer.in, layer.out, layer.forward, nullptr,
                    [=](int o, int lane, V<T> a) TLMLP_FINISH {
                        queue->template step_in_layer<T>();
                        store(pre_dot.at(o, lane), a);
                        const V<T> y = load(slope.at(o, lane)) * a;
                        store(y_dot.at(o, lane), with_add ? y + load(add.at(o, lane)) : y);
                    });
}

/// y = W x without the bias
template <class T> TLMLP_NOINLINE void layer_product(const Dense<T> &layer, Lanes<T> x, Lanes<T> y, int vectors) {
    dense_packed<T>(x.data, x.ld, vectors, layer.in, layer.out, layer.forward, nullptr,
                    [=](int o, int lane, V<T> a) TLMLP_FINISH { store(y.at(o, lane), a); });
}

/// pre_bar2 = (W^T g) * slope + pre_bar2
template <class T>
TLMLP_NOINLINE void back_slope_add(const Dense<T> &layer, Lanes<T> g, Lanes<T> slope, Lanes<T> pre_bar2, int vectors,
                                   PrefetchQueue *queue) {
    dense_back(layer, g.data, g.ld, vectors, [=](int o, int lane, V<T> a) TLMLP_FINISH {
        queue->template step_in_layer<T>();
        store(pre_bar2.at(o, lane), a * load(slope.at(o, lane)) + load(pre_bar2.at(o, lane)));
    });
}

/// What the second sweep reads of an activation.
template <class T> struct Kept {
    Lanes<T> pre, pre_dot, bar;
};

/// The adjoints pre_bar2 and pre_bar of a layer's preactivations from the adjoint `bar2` of its activation.
template <class T>
TLMLP_NOINLINE void activation_second(Kept<T> k, Lanes<T> bar2, Lanes<T> pre_bar2, Lanes<T> pre_bar, int rows,
                                      int vectors) {
    for (int c = 0; c < rows; ++c) {
        for (int v = 0; v < vectors; ++v) {
            const int lane = v * lanes<T>;
            const auto s = act_jet<T>(load(k.pre.at(c, lane)));
            const V<T> bar = load(k.bar.at(c, lane));
            store(pre_bar2.at(c, lane), s.slope * load(bar2.at(c, lane)) + s.curve * load(k.pre_dot.at(c, lane)) * bar);
            store(pre_bar.at(c, lane), s.slope * bar);
        }
    }
}

/// The same for an activation that made `sum` by being added: takes value and tangent off again, to x and x_dot.
template <class T>
TLMLP_NOINLINE void residual_second(Kept<T> k, Lanes<T> bar2, Lanes<T> pre_bar2, Lanes<T> pre_bar, Lanes<T> sum,
                                    Lanes<T> sum_dot, Lanes<T> x, Lanes<T> x_dot, int rows, int vectors) {
    for (int c = 0; c < rows; ++c) {
        for (int v = 0; v < vectors; ++v) {
            const int lane = v * lanes<T>;
            const auto s = act_jet<T>(load(k.pre.at(c, lane)));
            const V<T> bar = load(k.bar.at(c, lane)), pre_dot = load(k.pre_dot.at(c, lane));
            store(pre_bar2.at(c, lane), s.slope * load(bar2.at(c, lane)) + s.curve * pre_dot * bar);
            store(pre_bar.at(c, lane), s.slope * bar);
            store(x.at(c, lane), load(sum.at(c, lane)) - s.value);
            store(x_dot.at(c, lane), load(sum_dot.at(c, lane)) - s.slope * pre_dot);
        }
    }
}

/// An activation between two layers, before the adjoint from above is known: value and tangent, the slope that will
/// multiply that adjoint, pre_bar2 as far as it does not depend on it, and pre_bar.
template <class T>
TLMLP_NOINLINE void inner_second(Kept<T> k, Lanes<T> y, Lanes<T> y_dot, Lanes<T> slope, Lanes<T> pre_bar2,
                                 Lanes<T> pre_bar, int rows, int vectors) {
    for (int c = 0; c < rows; ++c) {
        for (int v = 0; v < vectors; ++v) {
            const int lane = v * lanes<T>;
            const auto s = act_jet<T>(load(k.pre.at(c, lane)));
            const V<T> bar = load(k.bar.at(c, lane)), pre_dot = load(k.pre_dot.at(c, lane));
            store(y.at(c, lane), s.value);
            store(y_dot.at(c, lane), s.slope * pre_dot);
            store(slope.at(c, lane), s.slope);
            store(pre_bar2.at(c, lane), s.curve * pre_dot * bar);
            store(pre_bar.at(c, lane), s.slope * bar);
        }
    }
}

/// sum[o][row] += sum over lanes of a[o] x + a_dot[o] x_dot for TLMLP_SIMD_ROWS outputs and `n_vectors` vectors of
/// channels, all accumulators in registers; ld is that of a whole tile.
template <class T, int n_vectors>
TLMLP_INLINE void outer_block(const T *a, const T *a_dot, std::ptrdiff_t ld, const T *x, const T *x_dot, int row, int n,
                              T *sum, PrefetchQueue *queue) {
    constexpr int block = TLMLP_SIMD_ROWS;
    V<T> total[block][n_vectors];
#pragma GCC unroll 8
    for (int r = 0; r < block; ++r) {
#pragma GCC unroll 2
        for (int v = 0; v < n_vectors; ++v) {
            total[r][v] = load(sum + std::ptrdiff_t(r) * row + v * lanes<T>);
        }
    }
    const auto add = [&](const T *left, const T *right) TLMLP_FINISH {
        for (int e = 0; e < n; e += 2) { // n is a multiple of the lanes
            queue->step<2>();
#pragma GCC unroll 2
            for (int k = 0; k < 2; ++k) {
                V<T> input[n_vectors];
#pragma GCC unroll 2
                for (int v = 0; v < n_vectors; ++v) {
                    input[v] = load(right + std::ptrdiff_t(e + k) * row + v * lanes<T>);
                }
#pragma GCC unroll 8
                for (int r = 0; r < block; ++r) {
                    const V<T> weight = splat<T>(left[r * ld + e + k]);
#pragma GCC unroll 2
                    for (int v = 0; v < n_vectors; ++v) {
                        total[r][v] += weight * input[v];
                    }
                }
            }
        }
    };
    add(a, x);
    add(a_dot, x_dot);
#pragma GCC unroll 8
    for (int r = 0; r < block; ++r) {
#pragma GCC unroll 2
        for (int v = 0; v < n_vectors; ++v) {
            store(sum + std::ptrdiff_t(r) * row + v * lanes<T>, total[r][v]);
        }
    }
}

/// sum[outputs][row] += a x^T + a_dot x_dot^T over the first n lanes; x and x_dot are rows.
template <class T>
TLMLP_NOINLINE void outer(const T *a, const T *a_dot, std::ptrdiff_t ld, int outputs, const T *x, const T *x_dot,
                          int row, int n, T *sum, PrefetchQueue *queue) {
    for (int o = 0; o < outputs; o += TLMLP_SIMD_ROWS) {
        int c = 0;
        for (; c + 2 * lanes<T> <= row; c += 2 * lanes<T>) {
            outer_block<T, 2>(a + o * ld, a_dot + o * ld, ld, x + c, x_dot + c, row, n,
                              sum + std::ptrdiff_t(o) * row + c, queue);
        }
        for (; c < row; c += lanes<T>) {
            outer_block<T, 1>(a + o * ld, a_dot + o * ld, ld, x + c, x_dot + c, row, n,
                              sum + std::ptrdiff_t(o) * row + c, queue);
        }
    }
}

/// sum[o][bias_lanes] += a[o], one partial sum per lane.
template <class T> TLMLP_NOINLINE void add_bias(Lanes<T> a, int outputs, int vectors, T *sum) {
    for (int o = 0; o < outputs; ++o) {
        T *to = sum + o * tlmlp::training::bias_lanes;
        V<T> total = load(to);
        for (int v = 0; v < vectors; ++v) {
            total += load(a.at(o, v * lanes<T>));
        }
        store(to, total);
    }
}

} // namespace
