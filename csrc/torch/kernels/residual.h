#pragma once

// Residual pair of dense layers, out = h + s(pre2), pre1 = h W1^T + b1, x = s(pre1), pre2 = x W2^T + b2, s = swish,
// with first and second derivatives. Six of the nine 32-wide layers of an interaction block come in such pairs. The
// products are those of dense.h; what is saved is memory traffic, which costs as much as they do once the arrays of
// all layers together exceed the cache: x, its gradient and the sums with h stay in the tile. Arrays of (rows, 32)
// moved per pair: forward 4 (as two layers and a sum 9), backward 4 (9), second derivative 7 (13).
//
// As in dense.h, pre1 and pre2 are outputs of the forward node, and the second derivative hands its parts to them.
// First derivative, gradients g, g1, g2 of out, pre1, pre2:
//     q2 = g s'(pre2) + g2,  r = q2 W2,  q1 = r s'(pre1) + g1,  g_h = g + q1 W1,  g_W = q^T input,  g_b = sum q.
// Second, cotangents v_h, V1, u1, V2, u2 of the results, all of h, W1, W2, pre1, pre2, g, g1, g2 independent:
//     t1 = v_h W1^T + h V1^T + u1     to g1,    t1 r s''(pre1) + (q2 V2) s'(pre1)   to pre1,   q1 V1  to h,
//     t2 = (t1 s'(pre1)) W2^T + x V2^T + u2  to g2,    t2 g s''(pre2)   to pre2,    v_h + t2 s'(pre2)   to g,
//     W1: q1^T v_h,  W2: q2^T (t1 s'(pre1)).

#include "dense.h"

namespace {

template <class T> struct ResidualBuffers {
    std::int64_t size_stride, middle_stride;
    T *weight1_t, *weight2_t, *weight1, *weight2, *tangent_t, *tangent, *bias1, *bias2;
    T *x, *q1, *q2, *r, *t1, *t2, *s1, *copy, *wide;       // tiles
    T *weight1_sum, *weight2_sum, *bias1_sum, *bias2_sum;

    ResidualBuffers(std::int64_t size, std::int64_t middle, Workspace<T> &work)
        : size_stride(round_up(size, lanes<T>)), middle_stride(round_up(middle, lanes<T>)) {
        const std::int64_t largest = size_stride > middle_stride ? size_stride : middle_stride;
        for (T **p : {&weight1_t, &weight2_t, &weight1, &weight2, &tangent_t, &tangent, &weight1_sum, &weight2_sum}) {
            *p = work.take(largest * largest);
        }
        for (T **p : {&bias1, &bias2, &bias1_sum, &bias2_sum}) {
            *p = work.take(largest);
        }
        for (T **p : {&x, &q1, &q2, &r, &t1, &t2, &s1, &copy, &wide}) {
            *p = work.take(tile_rows * largest);
        }
    }
};

template <class T> std::int64_t residual_scratch(std::int64_t size, std::int64_t middle) {
    Workspace<T> work{nullptr};
    ResidualBuffers<T> buffers(size, middle, work);
    return work.used;
}

/// body(offset in a tile of this stride, offset in the whole array, count) over the vectors of a tile.
template <class T, class Body>
TLMLP_INLINE void over_tile(std::int64_t rows, std::int64_t n, std::int64_t stride, Body &&body) {
    for (std::int64_t r = 0; r < rows; ++r) {
        over_row<T>(n, [&](std::int64_t i, std::int64_t count) { body(r * stride + i, r * n + i, count); });
    }
}

template <class T> TLMLP_INLINE V<T> read_or_zero(const T *p, std::int64_t at, std::int64_t count) {
    return p ? read<T>(p + at, count) : splat<T>(T(0));
}

/// Value, first and second derivative of swish.
template <class T> TLMLP_INLINE math::Jet<V<T>> swish_jet(V<T> p) {
    const V<T> sigma = logistic<T>(p), complement = T(1) - sigma, swish = p * sigma;
    return {swish, sigma + swish * complement, complement * (sigma + sigma + swish * (complement - sigma))};
}

template <class T>
TLMLP_INLINE void copy_bias(const T *from, std::int64_t n, T *to, std::int64_t stride) {
    fill_zero(to, stride);
    if (from) {
        copy_row(to, from, n);
    }
}

template <class T>
void residual(const kernels::Residual<T> &d, std::int64_t first, std::int64_t last, T *out, T *pre1, T *pre2,
              T *scratch) {
    Workspace<T> work{scratch};
    const ResidualBuffers<T> b(d.size, d.middle, work);
    transpose_into(d.weight1, d.middle, d.size, b.weight1_t, b.middle_stride);
    transpose_into(d.weight2, d.size, d.middle, b.weight2_t, b.size_stride);
    copy_bias(d.bias1, d.middle, b.bias1, b.middle_stride);
    copy_bias(d.bias2, d.size, b.bias2, b.size_stride);
    for (std::int64_t r0 = first; r0 < last; r0 += tile_rows) {
        const std::int64_t rows = last - r0 < tile_rows ? last - r0 : tile_rows;
        const std::int64_t at = r0 * d.size, at_middle = r0 * d.middle;
        product<T>(rows, d.h + at, d.size, d.size, b.weight1_t, b.middle_stride, b.bias1, false, b.x, b.middle_stride);
        over_tile<T>(rows, d.middle, b.middle_stride, [&](std::int64_t i, std::int64_t k, std::int64_t count) {
            const V<T> p = load<T>(b.x + i);
            store<T>(b.x + i, p * logistic<T>(p));
            if (pre1) {
                write<T>(pre1 + at_middle + k, p, count);
            }
        });
        product<T>(rows, b.x, b.middle_stride, d.middle, b.weight2_t, b.size_stride, b.bias2, false, b.r,
                   b.size_stride);
        over_tile<T>(rows, d.size, b.size_stride, [&](std::int64_t i, std::int64_t k, std::int64_t count) {
            const V<T> p = load<T>(b.r + i);
            write<T>(out + at + k, read<T>(d.h + at + k, count) + p * logistic<T>(p), count);
            if (pre2) {
                write<T>(pre2 + at + k, p, count);
            }
        });
    }
}

/// Adds the columns' sums of a tile.
template <class T>
TLMLP_INLINE void add_columns(const T *tile, std::int64_t rows, std::int64_t stride, T *to) {
    for (std::int64_t i = 0; i < stride; i += lanes<T>) {
        V<T> sum = load<T>(to + i);
        for (std::int64_t r = 0; r < rows; ++r) {
            sum += load<T>(tile + r * stride + i);
        }
        store<T>(to + i, sum);
    }
}

template <class T>
void residual_backward(const kernels::Residual<T> &d, const kernels::ResidualGrads<T> &g, std::int64_t first,
                       std::int64_t last, T *scratch) {
    Workspace<T> work{scratch};
    const ResidualBuffers<T> b(d.size, d.middle, work);
    const Rows<T> weight1 = padded_rows(d.weight1, d.middle, d.size, b.weight1);
    const Rows<T> weight2 = padded_rows(d.weight2, d.size, d.middle, b.weight2);
    fill_zero(b.weight1_sum, d.middle * b.size_stride);
    fill_zero(b.weight2_sum, d.size * b.middle_stride);
    fill_zero(b.bias1_sum, b.middle_stride);
    fill_zero(b.bias2_sum, b.size_stride);
    for (std::int64_t r0 = first; r0 < last; r0 += tile_rows) {
        const std::int64_t rows = last - r0 < tile_rows ? last - r0 : tile_rows;
        const std::int64_t at = r0 * d.size, at_middle = r0 * d.middle;
        over_tile<T>(rows, d.size, b.size_stride, [&](std::int64_t i, std::int64_t k, std::int64_t count) {
            V<T> q = read_or_zero(g.grad_pre2, at + k, count);
            if (g.grad) {
                q += read<T>(g.grad + at + k, count) * swish_first<T>(read<T>(d.pre2 + at + k, count));
            }
            store<T>(b.q2 + i, q);
        });
        product<T>(rows, b.q2, b.size_stride, d.size, weight2.data, b.middle_stride, nullptr, false, b.r,
                   b.middle_stride);
        over_tile<T>(rows, d.middle, b.middle_stride, [&](std::int64_t i, std::int64_t k, std::int64_t count) {
            const V<T> p = read<T>(d.pre1 + at_middle + k, count), sigma = logistic<T>(p), x = p * sigma;
            store<T>(b.x + i, x);
            store<T>(b.q1 + i, read_or_zero(g.grad_pre1, at_middle + k, count) +
                                   load<T>(b.r + i) * (sigma + x * (T(1) - sigma)));
        });
        if (g.h) {
            product<T>(rows, b.q1, b.middle_stride, d.middle, weight1.data, b.size_stride, nullptr, false, b.wide,
                       b.size_stride);
            over_tile<T>(rows, d.size, b.size_stride, [&](std::int64_t i, std::int64_t k, std::int64_t count) {
                write<T>(g.h + at + k, load<T>(b.wide + i) + read_or_zero(g.grad, at + k, count), count);
            });
        }
        if (g.weight1) {
            const Rows<T> h = padded_rows(d.h + at, rows, d.size, b.copy);
            outer<T>(rows, b.q1, b.middle_stride, d.middle, h.data, h.stride, b.size_stride, b.weight1_sum);
        }
        if (g.weight2) {
            outer<T>(rows, b.q2, b.size_stride, d.size, b.x, b.middle_stride, b.middle_stride, b.weight2_sum);
        }
        if (g.bias1) {
            add_columns(b.q1, rows, b.middle_stride, b.bias1_sum);
        }
        if (g.bias2) {
            add_columns(b.q2, rows, b.size_stride, b.bias2_sum);
        }
    }
    if (g.weight1) {
        add_rows(b.weight1_sum, b.size_stride, d.middle, d.size, g.weight1);
    }
    if (g.weight2) {
        add_rows(b.weight2_sum, b.middle_stride, d.size, d.middle, g.weight2);
    }
    if (g.bias1) {
        add_rows(b.bias1_sum, b.middle_stride, 1, d.middle, g.bias1);
    }
    if (g.bias2) {
        add_rows(b.bias2_sum, b.size_stride, 1, d.size, g.bias2);
    }
}

template <class T>
void residual_second(const kernels::Residual<T> &d, const kernels::ResidualSecond<T> &s, std::int64_t first,
                     std::int64_t last, T *scratch) {
    Workspace<T> work{scratch};
    const ResidualBuffers<T> b(d.size, d.middle, work);
    transpose_into(d.weight1, d.middle, d.size, b.weight1_t, b.middle_stride);
    transpose_into(d.weight2, d.size, d.middle, b.weight2_t, b.size_stride);
    const Rows<T> weight2 = padded_rows(d.weight2, d.size, d.middle, b.weight2);
    copy_bias(s.v_bias1, d.middle, b.bias1, b.middle_stride);
    copy_bias(s.v_bias2, d.size, b.bias2, b.size_stride);
    fill_zero(b.weight1_sum, d.middle * b.size_stride);
    fill_zero(b.weight2_sum, d.size * b.middle_stride);
    for (std::int64_t r0 = first; r0 < last; r0 += tile_rows) {
        const std::int64_t rows = last - r0 < tile_rows ? last - r0 : tile_rows;
        const std::int64_t at = r0 * d.size, at_middle = r0 * d.middle;
        const T *v_h = s.v_h ? s.v_h + at : nullptr;

        // The first derivative again, as far as it is needed: q2 and r = q2 W2.
        over_tile<T>(rows, d.size, b.size_stride, [&](std::int64_t i, std::int64_t k, std::int64_t count) {
            V<T> q = read_or_zero(s.grad_pre2, at + k, count);
            if (s.grad) {
                q += read<T>(s.grad + at + k, count) * swish_first<T>(read<T>(d.pre2 + at + k, count));
            }
            store<T>(b.q2 + i, q);
        });
        product<T>(rows, b.q2, b.size_stride, d.size, weight2.data, b.middle_stride, nullptr, false, b.r,
                   b.middle_stride);

        // t1, and what it gives at pre1.
        product<T>(rows, v_h, d.size, v_h ? d.size : 0, b.weight1_t, b.middle_stride, b.bias1, false, b.t1,
                   b.middle_stride);
        if (s.v_weight1) {
            transpose_into(s.v_weight1, d.middle, d.size, b.tangent_t, b.middle_stride);
            product<T>(rows, d.h + at, d.size, d.size, b.tangent_t, b.middle_stride, nullptr, true, b.t1,
                       b.middle_stride);
        }
        if (s.v_weight2) {
            const Rows<T> tangent = padded_rows(s.v_weight2, d.size, d.middle, b.tangent);
            product<T>(rows, b.q2, b.size_stride, d.size, tangent.data, b.middle_stride, nullptr, false, b.wide,
                       b.middle_stride);
        }
        over_tile<T>(rows, d.middle, b.middle_stride, [&](std::int64_t i, std::int64_t k, std::int64_t count) {
            const math::Jet<V<T>> x = swish_jet<T>(read<T>(d.pre1 + at_middle + k, count));
            const V<T> t = load<T>(b.t1 + i), r = load<T>(b.r + i);
            store<T>(b.x + i, x.value);
            store<T>(b.q1 + i, read_or_zero(s.grad_pre1, at_middle + k, count) + r * x.first);
            store<T>(b.s1 + i, t * x.first);
            if (s.to_grad_pre1) {
                write<T>(s.to_grad_pre1 + at_middle + k, t, count);
            }
            if (s.pre1) {
                V<T> sum = t * r * x.second;
                if (s.v_weight2) {
                    sum += load<T>(b.wide + i) * x.first;
                }
                write<T>(s.pre1 + at_middle + k, sum, count);
            }
        });

        // t2, and what it gives at pre2 and at the gradient.
        product<T>(rows, b.s1, b.middle_stride, d.middle, b.weight2_t, b.size_stride, b.bias2, false, b.t2,
                   b.size_stride);
        if (s.v_weight2) {
            transpose_into(s.v_weight2, d.size, d.middle, b.tangent_t, b.size_stride);
            product<T>(rows, b.x, b.middle_stride, d.middle, b.tangent_t, b.size_stride, nullptr, true, b.t2,
                       b.size_stride);
        }
        over_tile<T>(rows, d.size, b.size_stride, [&](std::int64_t i, std::int64_t k, std::int64_t count) {
            const math::Jet<V<T>> y = swish_jet<T>(read<T>(d.pre2 + at + k, count));
            const V<T> t = load<T>(b.t2 + i);
            if (s.to_grad_pre2) {
                write<T>(s.to_grad_pre2 + at + k, t, count);
            }
            if (s.to_grad) {
                write<T>(s.to_grad + at + k, read_or_zero(s.v_h, at + k, count) + t * y.first, count);
            }
            if (s.pre2) {
                write<T>(s.pre2 + at + k, t * read_or_zero(s.grad, at + k, count) * y.second, count);
            }
        });

        if (s.h && s.v_weight1) {
            const Rows<T> tangent = padded_rows(s.v_weight1, d.middle, d.size, b.tangent);
            product<T>(rows, b.q1, b.middle_stride, d.middle, tangent.data, b.size_stride, nullptr, false, b.wide,
                       b.size_stride);
            write_rows(b.wide, b.size_stride, rows, d.size, s.h + at);
        }
        if (s.weight1 && v_h) {
            const Rows<T> v = padded_rows(v_h, rows, d.size, b.copy);
            outer<T>(rows, b.q1, b.middle_stride, d.middle, v.data, v.stride, b.size_stride, b.weight1_sum);
        }
        if (s.weight2) {
            outer<T>(rows, b.q2, b.size_stride, d.size, b.s1, b.middle_stride, b.middle_stride, b.weight2_sum);
        }
    }
    if (s.weight1) {
        add_rows(b.weight1_sum, b.size_stride, d.middle, d.size, s.weight1);
    }
    if (s.weight2) {
        add_rows(b.weight2_sum, b.middle_stride, d.size, d.middle, s.weight2);
    }
}

} // namespace
