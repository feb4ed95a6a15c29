#pragma once

// Gate y = x * (e W^T), elementwise product of a row with a linear map of a short row (the radial basis), with first
// and second derivatives. Per row, C = 32 channels and N = 6 inputs: one product costs N C = 192 multiply-adds, 12
// AVX-512 operations in float32, against 128 bytes each of x, y and gradients; the gate's own array (as large as x)
// and its gradient exist in the tile alone, which is what makes this faster than a product and a multiplication.
// With p = e W^T and the gradient g of y: gx = g p, ge = (g x) W, gW = (g x)^T e. Second derivative, cotangents v of
// those and q = v_e W^T + e v_W^T:
//     to g: v_x p + x q,  to x: g q,  to e: (g v_x) W + (g x) v_W,  to W: (g v_x)^T e + (g x)^T v_e.

#include "dense.h"

namespace {

template <class T> struct GateBuffers {
    std::int64_t channel_stride, input_stride;
    T *weight_t, *weight, *tangent_t, *tangent, *p, *q, *h, *hv, *out, *weight_sum;

    GateBuffers(std::int64_t channels, std::int64_t inputs, Workspace<T> &work)
        : channel_stride(round_up(channels, lanes<T>)), input_stride(round_up(inputs, lanes<T>)),
          weight_t(work.take(inputs * channel_stride)), weight(work.take(channels * input_stride)),
          tangent_t(work.take(inputs * channel_stride)), tangent(work.take(channels * input_stride)),
          p(work.take(tile_rows * channel_stride)), q(work.take(tile_rows * channel_stride)),
          h(work.take(tile_rows * channel_stride)), hv(work.take(tile_rows * channel_stride)),
          out(work.take(tile_rows * input_stride)), weight_sum(work.take(inputs * channel_stride)) {}
};

template <class T> std::int64_t gate_scratch(std::int64_t channels, std::int64_t inputs) {
    Workspace<T> work{nullptr};
    GateBuffers<T> buffers(channels, inputs, work);
    return work.used;
}

/// Rows padded with zeros to the stride.
template <class T>
TLMLP_INLINE void pad_into(const T *from, std::int64_t rows, std::int64_t n, T *to, std::int64_t stride) {
    fill_zero(to, rows * stride);
    for (std::int64_t r = 0; r < rows; ++r) {
        copy_row(to + r * stride, from + r * n, n);
    }
}

/// gW of the tiles, which lies transposed, added to the result.
template <class T>
TLMLP_INLINE void add_transposed(const T *sum, std::int64_t stride, const kernels::Gate<T> &d, T *to) {
    for (std::int64_t c = 0; c < d.channels; ++c) {
        for (std::int64_t n = 0; n < d.inputs; ++n) {
            to[c * d.inputs + n] += sum[n * stride + c];
        }
    }
}

template <class T>
void gate(const kernels::Gate<T> &d, std::int64_t first, std::int64_t last, T *y, T *scratch) {
    Workspace<T> work{scratch};
    const GateBuffers<T> b(d.channels, d.inputs, work);
    transpose_into(d.weight, d.channels, d.inputs, b.weight_t, b.channel_stride);
    for (std::int64_t r0 = first; r0 < last; r0 += tile_rows) {
        const std::int64_t rows = last - r0 < tile_rows ? last - r0 : tile_rows;
        product<T>(rows, d.e + r0 * d.inputs, d.inputs, d.inputs, b.weight_t, b.channel_stride, nullptr, false, b.p,
                   b.channel_stride);
        for (std::int64_t r = 0; r < rows; ++r) {
            const std::int64_t at = (r0 + r) * d.channels;
            const T *p = b.p + r * b.channel_stride;
            over_row<T>(d.channels, [&](std::int64_t i, std::int64_t count) {
                write<T>(y + at + i, read<T>(d.x + at + i, count) * load<T>(p + i), count);
            });
        }
    }
}

template <class T>
void gate_backward(const kernels::Gate<T> &d, const kernels::GateGrads<T> &g, std::int64_t first, std::int64_t last,
                   T *scratch) {
    Workspace<T> work{scratch};
    const GateBuffers<T> b(d.channels, d.inputs, work);
    transpose_into(d.weight, d.channels, d.inputs, b.weight_t, b.channel_stride);
    pad_into(d.weight, d.channels, d.inputs, b.weight, b.input_stride);
    fill_zero(b.weight_sum, d.inputs * b.channel_stride);
    for (std::int64_t r0 = first; r0 < last; r0 += tile_rows) {
        const std::int64_t rows = last - r0 < tile_rows ? last - r0 : tile_rows;
        const T *e = d.e + r0 * d.inputs;
        product<T>(rows, e, d.inputs, d.inputs, b.weight_t, b.channel_stride, nullptr, false, b.p, b.channel_stride);
        for (std::int64_t r = 0; r < rows; ++r) {
            const std::int64_t at = (r0 + r) * d.channels;
            const T *p = b.p + r * b.channel_stride;
            T *h = b.h + r * b.channel_stride;
            over_row<T>(d.channels, [&](std::int64_t i, std::int64_t count) {
                const V<T> gy = read<T>(g.grad_y + at + i, count);
                store<T>(h + i, gy * read<T>(d.x + at + i, count));
                if (g.grad_x) {
                    write<T>(g.grad_x + at + i, gy * load<T>(p + i), count);
                }
            });
        }
        if (g.grad_e) {
            product<T>(rows, b.h, b.channel_stride, d.channels, b.weight, b.input_stride, nullptr, false, b.out,
                       b.input_stride);
            write_rows(b.out, b.input_stride, rows, d.inputs, g.grad_e + r0 * d.inputs);
        }
        if (g.grad_weight) {
            outer<T>(rows, e, d.inputs, d.inputs, b.h, b.channel_stride, b.channel_stride, b.weight_sum);
        }
    }
    if (g.grad_weight) {
        add_transposed(b.weight_sum, b.channel_stride, d, g.grad_weight);
    }
}

template <class T>
void gate_second(const kernels::Gate<T> &d, const kernels::GateSecond<T> &s, std::int64_t first, std::int64_t last,
                 T *scratch) {
    Workspace<T> work{scratch};
    const GateBuffers<T> b(d.channels, d.inputs, work);
    const std::int64_t stride = b.channel_stride;
    transpose_into(d.weight, d.channels, d.inputs, b.weight_t, stride);
    pad_into(d.weight, d.channels, d.inputs, b.weight, b.input_stride);
    if (s.v_weight) {
        transpose_into(s.v_weight, d.channels, d.inputs, b.tangent_t, stride);
        pad_into(s.v_weight, d.channels, d.inputs, b.tangent, b.input_stride);
    }
    fill_zero(b.weight_sum, d.inputs * stride);
    for (std::int64_t r0 = first; r0 < last; r0 += tile_rows) {
        const std::int64_t rows = last - r0 < tile_rows ? last - r0 : tile_rows;
        const T *e = d.e + r0 * d.inputs, *v_e = s.v_e ? s.v_e + r0 * d.inputs : nullptr;
        product<T>(rows, e, d.inputs, d.inputs, b.weight_t, stride, nullptr, false, b.p, stride);
        product<T>(rows, v_e, d.inputs, v_e ? d.inputs : 0, b.weight_t, stride, nullptr, false, b.q, stride);
        if (s.v_weight) {
            product<T>(rows, e, d.inputs, d.inputs, b.tangent_t, stride, nullptr, true, b.q, stride);
        }
        for (std::int64_t r = 0; r < rows; ++r) {
            const std::int64_t at = (r0 + r) * d.channels, tile = r * stride;
            over_row<T>(d.channels, [&](std::int64_t i, std::int64_t count) {
                const V<T> gy = read<T>(s.grad_y + at + i, count), x = read<T>(d.x + at + i, count);
                const V<T> v_x = s.v_x ? read<T>(s.v_x + at + i, count) : splat<T>(T(0));
                const V<T> q = load<T>(b.q + tile + i);
                store<T>(b.h + tile + i, gy * x);
                store<T>(b.hv + tile + i, gy * v_x);
                if (s.to_grad_y) {
                    write<T>(s.to_grad_y + at + i, v_x * load<T>(b.p + tile + i) + x * q, count);
                }
                if (s.to_x) {
                    write<T>(s.to_x + at + i, gy * q, count);
                }
            });
        }
        if (s.to_e) {
            product<T>(rows, b.hv, stride, d.channels, b.weight, b.input_stride, nullptr, false, b.out,
                       b.input_stride);
            if (s.v_weight) {
                product<T>(rows, b.h, stride, d.channels, b.tangent, b.input_stride, nullptr, true, b.out,
                           b.input_stride);
            }
            write_rows(b.out, b.input_stride, rows, d.inputs, s.to_e + r0 * d.inputs);
        }
        if (s.to_weight) {
            outer<T>(rows, e, d.inputs, d.inputs, b.hv, stride, stride, b.weight_sum);
            if (v_e) {
                outer<T>(rows, v_e, d.inputs, d.inputs, b.h, stride, stride, b.weight_sum);
            }
        }
    }
    if (s.to_weight) {
        add_transposed(b.weight_sum, stride, d, s.to_weight);
    }
}

} // namespace
