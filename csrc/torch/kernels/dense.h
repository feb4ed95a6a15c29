#pragma once

// Dense layer with swish, y = s(pre), pre = x W^T + b, s(p) = p sigma(p), with first and second derivatives.
//
// Work per row, in = out = 32: forward 1,024 multiply-adds and 32 swishes (about 20 operations each), i.e. 64 + 40
// AVX-512 operations in float32 against 256 bytes moved: compute bound in cache, so everything is done on tiles of 48
// rows that stay there. Rows are kept as they are (no transposes): weights lie with their outputs in the lanes, an x
// is broadcast, 12 rows x 2 vectors (6 x 2 with 16 registers) accumulate at once. Backward: g_pre = g s'(pre),
// g_x = g_pre W and g_W = g_pre^T x, 1,024 multiply-adds each. The second derivative treats x, W and pre as
// independent (pre is an output of the forward node, its gradient flows there and joins g_pre), so that it needs only
// t = v_x W^T and g_pre^T v_x: another 2 x 1,024. Forces plus their gradient thus cost 6 such products per layer.

#include "kernels.h"
#include "simd.h"

namespace {

inline constexpr std::int64_t tile_rows = 48;

/// c (R rows, NV vectors) = start or c, plus sum_k a[r][k] b[k][:].
template <class T, int R, int NV>
TLMLP_INLINE void product_block(const T *a, std::int64_t lda, std::int64_t depth, const T *b, std::int64_t ldb,
                                const T *start, bool add, T *c, std::int64_t ldc) {
    V<T> sum[R][NV];
    for (int r = 0; r < R; ++r) {
        for (int v = 0; v < NV; ++v) {
            sum[r][v] = add ? load<T>(c + r * ldc + v * lanes<T>)
                            : (start ? load<T>(start + v * lanes<T>) : splat<T>(T(0)));
        }
    }
    for (std::int64_t k = 0; k < depth; ++k) {
        V<T> row[NV];
        for (int v = 0; v < NV; ++v) {
            row[v] = load<T>(b + k * ldb + v * lanes<T>);
        }
        for (int r = 0; r < R; ++r) {
            const T x = a[r * lda + k];
            for (int v = 0; v < NV; ++v) {
                sum[r][v] += x * row[v];
            }
        }
    }
    for (int r = 0; r < R; ++r) {
        for (int v = 0; v < NV; ++v) {
            store<T>(c + r * ldc + v * lanes<T>, sum[r][v]);
        }
    }
}

template <class T, int NV>
void product_panel(std::int64_t rows, const T *a, std::int64_t lda, std::int64_t depth, const T *b, std::int64_t ldb,
                   const T *start, bool add, T *c, std::int64_t ldc) {
    std::int64_t r = 0;
    for (; r + block_rows <= rows; r += block_rows) {
        product_block<T, block_rows, NV>(a + r * lda, lda, depth, b, ldb, start, add, c + r * ldc, ldc);
    }
    for (; r + 4 <= rows; r += 4) {
        product_block<T, 4, NV>(a + r * lda, lda, depth, b, ldb, start, add, c + r * ldc, ldc);
    }
    for (; r < rows; ++r) {
        product_block<T, 1, NV>(a + r * lda, lda, depth, b, ldb, start, add, c + r * ldc, ldc);
    }
}

/// c (rows, columns) = [start + | c +] a (rows, depth) b (depth, columns); columns a multiple of the lanes.
template <class T>
TLMLP_INLINE void product(std::int64_t rows, const T *a, std::int64_t lda, std::int64_t depth, const T *b,
                          std::int64_t columns, const T *start, bool add, T *c, std::int64_t ldc) {
    std::int64_t j = 0;
    for (; j + 2 * lanes<T> <= columns; j += 2 * lanes<T>) {
        product_panel<T, 2>(rows, a, lda, depth, b + j, columns, start ? start + j : nullptr, add, c + j, ldc);
    }
    if (j < columns) {
        product_panel<T, 1>(rows, a, lda, depth, b + j, columns, start ? start + j : nullptr, add, c + j, ldc);
    }
}

template <class T, int R, int NV>
TLMLP_INLINE void outer_block(std::int64_t rows, const T *a, std::int64_t lda, const T *x, std::int64_t ldx, T *p,
                              std::int64_t ldp) {
    V<T> sum[R][NV];
    for (int i = 0; i < R; ++i) {
        for (int v = 0; v < NV; ++v) {
            sum[i][v] = load<T>(p + i * ldp + v * lanes<T>);
        }
    }
    for (std::int64_t r = 0; r < rows; ++r) {
        V<T> row[NV];
        for (int v = 0; v < NV; ++v) {
            row[v] = load<T>(x + r * ldx + v * lanes<T>);
        }
        for (int i = 0; i < R; ++i) {
            const T factor = a[r * lda + i];
            for (int v = 0; v < NV; ++v) {
                sum[i][v] += factor * row[v];
            }
        }
    }
    for (int i = 0; i < R; ++i) {
        for (int v = 0; v < NV; ++v) {
            store<T>(p + i * ldp + v * lanes<T>, sum[i][v]);
        }
    }
}

template <class T, int NV>
void outer_panel(std::int64_t rows, const T *a, std::int64_t lda, std::int64_t height, const T *x, std::int64_t ldx,
                 T *p, std::int64_t ldp) {
    std::int64_t i = 0;
    for (; i + block_rows <= height; i += block_rows) {
        outer_block<T, block_rows, NV>(rows, a + i, lda, x, ldx, p + i * ldp, ldp);
    }
    if constexpr (block_rows > 8) {
        for (; i + 8 <= height; i += 8) {
            outer_block<T, 8, NV>(rows, a + i, lda, x, ldx, p + i * ldp, ldp);
        }
        for (; i + 6 <= height; i += 6) {
            outer_block<T, 6, NV>(rows, a + i, lda, x, ldx, p + i * ldp, ldp);
        }
    }
    for (; i + 4 <= height; i += 4) {
        outer_block<T, 4, NV>(rows, a + i, lda, x, ldx, p + i * ldp, ldp);
    }
    for (; i < height; ++i) {
        outer_block<T, 1, NV>(rows, a + i, lda, x, ldx, p + i * ldp, ldp);
    }
}

/// p (height, columns) += a^T x, with a (rows, height), x (rows, columns).
template <class T>
TLMLP_INLINE void outer(std::int64_t rows, const T *a, std::int64_t lda, std::int64_t height, const T *x,
                        std::int64_t ldx, std::int64_t columns, T *p) {
    std::int64_t j = 0;
    for (; j + 2 * lanes<T> <= columns; j += 2 * lanes<T>) {
        outer_panel<T, 2>(rows, a, lda, height, x + j, ldx, p + j, columns);
    }
    if (j < columns) {
        outer_panel<T, 1>(rows, a, lda, height, x + j, ldx, p + j, columns);
    }
}

/// Rows of `n` numbers on a stride that is a multiple of the lanes: the array itself where it already is so.
template <class T> struct Rows {
    const T *data;
    std::int64_t stride;
};

template <class T>
TLMLP_INLINE Rows<T> padded_rows(const T *from, std::int64_t rows, std::int64_t n, T *buffer) {
    if (n % lanes<T> == 0) {
        return {from, n};
    }
    const std::int64_t stride = round_up(n, lanes<T>);
    for (std::int64_t r = 0; r < rows; ++r) {
        fill_zero(buffer + r * stride, stride);
        copy_row(buffer + r * stride, from + r * n, n);
    }
    return {buffer, stride};
}

template <class T>
TLMLP_INLINE void transpose_into(const T *from, std::int64_t rows, std::int64_t columns, T *to, std::int64_t stride) {
    fill_zero(to, columns * stride);
    for (std::int64_t r = 0; r < rows; ++r) {
        for (std::int64_t c = 0; c < columns; ++c) {
            to[c * stride + r] = from[r * columns + c];
        }
    }
}

template <class T>
TLMLP_INLINE void add_rows(const T *from, std::int64_t stride, std::int64_t rows, std::int64_t n, T *to) {
    for (std::int64_t r = 0; r < rows; ++r) {
        for (std::int64_t i = 0; i < n; ++i) {
            to[r * n + i] += from[r * stride + i];
        }
    }
}

/// Runs body(index, count) over a row of n numbers, `count` lanes at a time.
template <class T, class Body> TLMLP_INLINE void over_row(std::int64_t n, Body &&body) {
    std::int64_t i = 0;
    for (; i + lanes<T> <= n; i += lanes<T>) {
        body(i, std::int64_t(lanes<T>));
    }
    if (i < n) {
        body(i, n - i);
    }
}

template <class T> TLMLP_INLINE V<T> read(const T *p, std::int64_t count) {
    return count == lanes<T> ? load<T>(p) : load_some<T>(p, count);
}

template <class T> TLMLP_INLINE void write(T *p, V<T> v, std::int64_t count) {
    if (count == lanes<T>) {
        store<T>(p, v);
    } else {
        store_some<T>(p, v, count);
    }
}

template <class T> struct DenseBuffers {
    std::int64_t in_stride, out_stride;
    T *weight_t, *weight, *bias, *tile, *pre_grad, *in_tile, *in_copy, *weight_sum, *bias_sum;

    DenseBuffers(std::int64_t in, std::int64_t out, Workspace<T> &work)
        : in_stride(round_up(in, lanes<T>)), out_stride(round_up(out, lanes<T>)),
          weight_t(work.take(in * out_stride)),
          weight(work.take(in * out_stride > out * in_stride ? in * out_stride : out * in_stride)), bias(work.take(out_stride)),
          tile(work.take(tile_rows * out_stride)), pre_grad(work.take(tile_rows * out_stride)),
          in_tile(work.take(tile_rows * in_stride)), in_copy(work.take(tile_rows * in_stride)),
          weight_sum(work.take(out * in_stride)), bias_sum(work.take(out_stride)) {}
};

template <class T> std::int64_t dense_scratch(std::int64_t in, std::int64_t out) {
    Workspace<T> work{nullptr};
    DenseBuffers<T> buffers(in, out, work);
    return work.used;
}

template <class T>
void dense(const kernels::Dense<T> &d, std::int64_t first, std::int64_t last, T *y, T *pre, T *scratch) {
    Workspace<T> work{scratch};
    const DenseBuffers<T> b(d.in, d.out, work);
    transpose_into(d.weight, d.out, d.in, b.weight_t, b.out_stride);
    fill_zero(b.bias, b.out_stride);
    if (d.bias) {
        copy_row(b.bias, d.bias, d.out);
    }
    for (std::int64_t r0 = first; r0 < last; r0 += tile_rows) {
        const std::int64_t rows = last - r0 < tile_rows ? last - r0 : tile_rows;
        product<T>(rows, d.x + r0 * d.in, d.in, d.in, b.weight_t, b.out_stride, b.bias, false, b.tile, b.out_stride);
        for (std::int64_t r = 0; r < rows; ++r) {
            const T *from = b.tile + r * b.out_stride;
            const std::int64_t at = (r0 + r) * d.out;
            over_row<T>(d.out, [&](std::int64_t i, std::int64_t count) {
                const V<T> p = load<T>(from + i);
                write<T>(y + at + i, p * logistic<T>(p), count);
                if (pre) {
                    write<T>(pre + at + i, p, count);
                }
            });
        }
    }
}

/// s'(p) = sigma + s (1 - sigma),  s''(p) = (1 - sigma) (2 sigma + s (1 - 2 sigma)).
template <class T> TLMLP_INLINE V<T> swish_first(V<T> p) {
    const V<T> sigma = logistic<T>(p);
    return sigma + p * sigma * (T(1) - sigma);
}

/// g_pre of a tile into b.pre_grad: g_y s'(pre) + g_pre; lanes beyond `out` are zero.
template <class T>
TLMLP_INLINE void gradient_tile(const kernels::Dense<T> &d, const kernels::DenseGrads<T> &g, std::int64_t r0,
                                std::int64_t rows, const DenseBuffers<T> &b) {
    for (std::int64_t r = 0; r < rows; ++r) {
        const std::int64_t at = (r0 + r) * d.out;
        T *to = b.pre_grad + r * b.out_stride;
        over_row<T>(d.out, [&](std::int64_t i, std::int64_t count) {
            V<T> sum = g.grad_pre ? read<T>(g.grad_pre + at + i, count) : splat<T>(T(0));
            if (g.grad_y) {
                sum += read<T>(g.grad_y + at + i, count) * swish_first<T>(read<T>(d.pre + at + i, count));
            }
            store<T>(to + i, sum);
        });
    }
}

/// Copies the result tile (rows, in) out, if it was not written in place.
template <class T>
TLMLP_INLINE void write_rows(const T *tile, std::int64_t stride, std::int64_t rows, std::int64_t n, T *to) {
    for (std::int64_t r = 0; r < rows; ++r) {
        copy_row(to + r * n, tile + r * stride, n);
    }
}

template <class T>
void dense_backward(const kernels::Dense<T> &d, const kernels::DenseGrads<T> &g, std::int64_t first,
                    std::int64_t last, T *scratch) {
    Workspace<T> work{scratch};
    const DenseBuffers<T> b(d.in, d.out, work);
    const Rows<T> weight = padded_rows(d.weight, d.out, d.in, b.weight);
    fill_zero(b.weight_sum, d.out * b.in_stride);
    fill_zero(b.bias_sum, b.out_stride);
    for (std::int64_t r0 = first; r0 < last; r0 += tile_rows) {
        const std::int64_t rows = last - r0 < tile_rows ? last - r0 : tile_rows;
        gradient_tile(d, g, r0, rows, b);
        if (g.grad_x) {
            product<T>(rows, b.pre_grad, b.out_stride, d.out, weight.data, b.in_stride, nullptr, false, b.in_tile,
                       b.in_stride);
            write_rows(b.in_tile, b.in_stride, rows, d.in, g.grad_x + r0 * d.in);
        }
        if (g.grad_weight) {
            const Rows<T> x = padded_rows(d.x + r0 * d.in, rows, d.in, b.in_copy);
            outer<T>(rows, b.pre_grad, b.out_stride, d.out, x.data, x.stride, b.in_stride, b.weight_sum);
        }
        if (g.grad_bias) {
            for (std::int64_t r = 0; r < rows; ++r) {
                for (std::int64_t i = 0; i < b.out_stride; i += lanes<T>) {
                    store<T>(b.bias_sum + i, load<T>(b.bias_sum + i) + load<T>(b.pre_grad + r * b.out_stride + i));
                }
            }
        }
    }
    if (g.grad_weight) {
        add_rows(b.weight_sum, b.in_stride, d.out, d.in, g.grad_weight);
    }
    if (g.grad_bias) {
        add_rows(b.bias_sum, b.out_stride, 1, d.out, g.grad_bias);
    }
}

template <class T>
void dense_second(const kernels::Dense<T> &d, const kernels::DenseGrads<T> &g, const kernels::DenseSecond<T> &s,
                  std::int64_t first, std::int64_t last, T *scratch) {
    Workspace<T> work{scratch};
    const DenseBuffers<T> b(d.in, d.out, work);
    fill_zero(b.weight_sum, d.out * b.in_stride);
    fill_zero(b.bias, b.out_stride);
    if (s.v_bias) {
        copy_row(b.bias, s.v_bias, d.out);
    }
    if (s.v_x) {
        transpose_into(d.weight, d.out, d.in, b.weight_t, b.out_stride);
    }
    for (std::int64_t r0 = first; r0 < last; r0 += tile_rows) {
        const std::int64_t rows = last - r0 < tile_rows ? last - r0 : tile_rows;
        // t, the tangent of pre: v_x W^T + x v_W^T + v_b.
        const T *v_x = s.v_x ? s.v_x + r0 * d.in : nullptr;
        product<T>(rows, v_x, d.in, v_x ? d.in : 0, b.weight_t, b.out_stride, b.bias, false, b.tile, b.out_stride);
        if (s.v_weight) {
            transpose_into(s.v_weight, d.out, d.in, b.weight, b.out_stride);
            product<T>(rows, d.x + r0 * d.in, d.in, d.in, b.weight, b.out_stride, nullptr, true, b.tile,
                       b.out_stride);
        }
        for (std::int64_t r = 0; r < rows; ++r) {
            const std::int64_t at = (r0 + r) * d.out;
            const T *tangent = b.tile + r * b.out_stride;
            T *pre_grad = b.pre_grad + r * b.out_stride;
            over_row<T>(d.out, [&](std::int64_t i, std::int64_t count) {
                const V<T> t = load<T>(tangent + i);
                const V<T> p = read<T>(d.pre + at + i, count);
                const V<T> sigma = logistic<T>(p), complement = T(1) - sigma, swish = p * sigma;
                const V<T> slope = sigma + swish * complement;
                const V<T> curvature = complement * (sigma + sigma + swish * (complement - sigma));
                V<T> sum = g.grad_pre ? read<T>(g.grad_pre + at + i, count) : splat<T>(T(0));
                V<T> to_pre = splat<T>(T(0));
                if (g.grad_y) {
                    const V<T> gy = read<T>(g.grad_y + at + i, count);
                    sum += gy * slope;
                    to_pre = t * gy * curvature;
                }
                store<T>(pre_grad + i, sum);
                if (s.to_grad_y) {
                    write<T>(s.to_grad_y + at + i, t * slope, count);
                }
                if (s.to_grad_pre) {
                    write<T>(s.to_grad_pre + at + i, t, count);
                }
                if (s.to_pre) {
                    write<T>(s.to_pre + at + i, to_pre, count);
                }
            });
        }
        if (s.to_x && s.v_weight) {
            const Rows<T> v_weight = padded_rows(s.v_weight, d.out, d.in, b.weight);
            product<T>(rows, b.pre_grad, b.out_stride, d.out, v_weight.data, b.in_stride, nullptr, false, b.in_tile,
                       b.in_stride);
            write_rows(b.in_tile, b.in_stride, rows, d.in, s.to_x + r0 * d.in);
        }
        if (s.to_weight && v_x) {
            const Rows<T> v = padded_rows(v_x, rows, d.in, b.in_copy);
            outer<T>(rows, b.pre_grad, b.out_stride, d.out, v.data, v.stride, b.in_stride, b.weight_sum);
        }
    }
    if (s.to_weight) {
        add_rows(b.weight_sum, b.in_stride, d.out, d.in, s.to_weight);
    }
}

} // namespace
