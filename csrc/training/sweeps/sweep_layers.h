#pragma once

// Dense layers that keep what the later sweeps need, their tangents, and the sums of outer products that make the
// gradients of weights.

#include "job.h"
#include "sweeps/prefetch.h"

namespace {

/// Lines to ask for with every vector of a layer's results.
inline constexpr int lines_queued = 3;

/// pre = W x + b, slope = act'(pre), y = act(pre) [+ add]
template <class T, bool with_add>
TLMLP_NOINLINE void layer_keep(const Dense<T> &layer, Lanes<T> x, Lanes<T> add, Lanes<T> pre, Lanes<T> slope,
                               Lanes<T> y, int vectors, PrefetchQueue *queue) {
    dense(layer, x.data, x.ld, vectors, [=](int o, int lane, V<T> a) TLMLP_FINISH {
        queue->step<lines_queued>();
        const auto s = act_slope<T>(a);
        store(pre.at(o, lane), a);
        store(slope.at(o, lane), s.slope);
        store(y.at(o, lane), with_add ? s.value + load(add.at(o, lane)) : s.value);
    });
}

/// pre_dot = W x_dot, y_dot = slope pre_dot [+ add]
template <class T, bool with_add>
TLMLP_NOINLINE void layer_tangent(const Dense<T> &layer, Lanes<T> x_dot, Lanes<T> add, Lanes<T> slope, Lanes<T> pre_dot,
                                  Lanes<T> y_dot, int vectors, PrefetchQueue *queue) {
    dense_packed<T>(x_dot.data, x_dot.ld, vectors, layer.in, layer.out, layer.forward, nullptr,
                    [=](int o, int lane, V<T> a) TLMLP_FINISH {
                        queue->step<lines_queued>();
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

/// bar = W^T g, next = bar * slope
template <class T>
TLMLP_NOINLINE void back_keep(const Dense<T> &layer, Lanes<T> g, Lanes<T> bar, Lanes<T> slope, Lanes<T> next,
                              int vectors, PrefetchQueue *queue) {
    dense_back(layer, g.data, g.ld, vectors, [=](int o, int lane, V<T> a) TLMLP_FINISH {
        queue->step<lines_queued>();
        store(bar.at(o, lane), a);
        store(next.at(o, lane), a * load(slope.at(o, lane)));
    });
}

/// sum = add + W^T g, next = sum * slope
template <class T>
TLMLP_NOINLINE void back_sum_next(const Dense<T> &layer, Lanes<T> g, Lanes<T> add, Lanes<T> sum, Lanes<T> slope,
                                  Lanes<T> next, int vectors, PrefetchQueue *queue) {
    dense_back(layer, g.data, g.ld, vectors, [=](int o, int lane, V<T> a) TLMLP_FINISH {
        queue->step<lines_queued>();
        const V<T> total = load(add.at(o, lane)) + a;
        store(sum.at(o, lane), total);
        store(next.at(o, lane), total * load(slope.at(o, lane)));
    });
}

/// sum = add + W^T g
template <class T>
TLMLP_NOINLINE void back_sum(const Dense<T> &layer, Lanes<T> g, Lanes<T> add, Lanes<T> sum, int vectors) {
    dense_back(layer, g.data, g.ld, vectors,
               [=](int o, int lane, V<T> a) TLMLP_FINISH { store(sum.at(o, lane), load(add.at(o, lane)) + a); });
}

/// pre_bar2 = (W^T g) * slope + pre_bar2
template <class T>
TLMLP_NOINLINE void back_slope_add(const Dense<T> &layer, Lanes<T> g, Lanes<T> slope, Lanes<T> pre_bar2, int vectors,
                                   PrefetchQueue *queue) {
    dense_back(layer, g.data, g.ld, vectors, [=](int o, int lane, V<T> a) TLMLP_FINISH {
        queue->step<lines_queued>();
        store(pre_bar2.at(o, lane), a * load(slope.at(o, lane)) + load(pre_bar2.at(o, lane)));
    });
}

/// y += W^T g
template <class T>
TLMLP_NOINLINE void back_add_queue(const Dense<T> &layer, Lanes<T> g, Lanes<T> y, int vectors, PrefetchQueue *queue) {
    dense_back(layer, g.data, g.ld, vectors, [=](int o, int lane, V<T> a) TLMLP_FINISH {
        queue->step<lines_queued>();
        store(y.at(o, lane), load(y.at(o, lane)) + a);
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

/// rows[lane][row] = x[c][lane]; channels from `channels` on are zero.
template <class T> TLMLP_NOINLINE void to_rows(Lanes<T> x, int channels, int vectors, T *rows, int row) {
    for (int c = 0; c < row; c += lanes<T>) {
        for (int v = 0; v < vectors; ++v) {
            V<T> block[lanes<T>];
#pragma GCC unroll 16
            for (int k = 0; k < lanes<T>; ++k) {
                block[k] = c + k < channels ? load(x.at(c + k, v * lanes<T>)) : V<T>{};
            }
            transpose<T>(block);
            T *to = rows + std::ptrdiff_t(v * lanes<T>) * row + c;
#pragma GCC unroll 16
            for (int e = 0; e < lanes<T>; ++e) {
                store(to + std::ptrdiff_t(e) * row, block[e]);
            }
        }
    }
}

/// The other way; row is a multiple of the lanes.
template <class T> TLMLP_NOINLINE void to_lanes(const T *rows, int row, int vectors, Lanes<T> x) {
    for (int v = 0; v < vectors; ++v) {
        for (int c = 0; c < row; c += lanes<T>) {
            V<T> block[lanes<T>];
            const T *from = rows + std::ptrdiff_t(v * lanes<T>) * row + c;
#pragma GCC unroll 16
            for (int e = 0; e < lanes<T>; ++e) {
                block[e] = load(from + std::ptrdiff_t(e) * row);
            }
            transpose<T>(block);
#pragma GCC unroll 16
            for (int k = 0; k < lanes<T>; ++k) {
                store(x.at(c + k, v * lanes<T>), block[k]);
            }
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
