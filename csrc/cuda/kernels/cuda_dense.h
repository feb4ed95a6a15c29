#pragma once

// Dense layers on a tile in shared memory, x[channel][lane]. An item is 4 lanes by 4 outputs. A step of its sum is
// one 16-byte load of inputs, one of weights, and 16 multiply-adds. A quarter of a warp or more loads weights from
// the same address, in the first-level cache. What follows the layer runs on the sums: finish(output, lane, four
// lanes).

#include <cmath>

#include "cuda/kernels/block.h"
#include "cuda/kernels/cuda_job.h"

namespace tlmlp::cuda {

/// `packed` as in layout.h: [out / 8][in][8]. Ends with a barrier.
template <int W, class T, class Block, class Finish>
TLMLP_HD inline void dense_packed(const Block &block, const T *x, int in, int out, const T *packed, const T *bias,
                                  Finish &&finish) {
    constexpr int lane_groups = W / 4;
    block.for_each((out + 3) / 4 * lane_groups, [&](int item) {
        const int lane = item % lane_groups * 4, o = item / lane_groups * 4;
        const T *w =
            packed + std::ptrdiff_t(o / engine::output_group) * in * engine::output_group + o % engine::output_group;
        Four<T> sum[4];
        for (int r = 0; r < 4; ++r) {
            const T b = bias ? bias[o + r] : T(0);
            sum[r] = {{b, b, b, b}};
        }
#if defined(__CUDA_ARCH__)
#pragma unroll 4
#endif
        for (int k = 0; k < in; ++k) {
            const Four<T> input = load4(x + k * W + lane), weight = load4(w + k * engine::output_group);
            for (int r = 0; r < 4; ++r) {
                for (int v = 0; v < 4; ++v) {
                    sum[r].v[v] += weight.v[r] * input.v[v];
                }
            }
        }
        for (int r = 0; r < 4; ++r) {
            finish(o + r, lane, sum[r]);
        }
    });
    block.sync();
}

template <int W, class T, class Block, class Finish>
TLMLP_HD inline void dense(const Block &block, const Dense<T> &layer, const T *x, Finish &&finish) {
    dense_packed<W>(block, x, layer.in, layer.out, layer.forward, layer.bias, finish);
}

template <int W, class T, class Block, class Finish>
TLMLP_HD inline void dense_back(const Block &block, const Dense<T> &layer, const T *x, Finish &&finish) {
    dense_packed<W>(block, x, layer.out, layer.in, layer.backward, static_cast<const T *>(nullptr), finish);
}

// The fused layers that the blocks are made of, in the words of csrc/core/src/kernels/layers.h. Every array is
// [channel][W]; outputs are padded to fours, which the arrays have room for.

/// y = act(W x + b) (+ add), slope = its derivative; `add` and `slope` may be null, y may be add.
template <int W, class T, class Block>
TLMLP_HD inline void layer_act(const Block &block, const Dense<T> &layer, const T *x, const T *add, T *y, T *slope) {
    dense<W>(block, layer, x, [=](int o, int lane, Four<T> a) {
        Four<T> s, before = add ? load4(add + o * W + lane) : Four<T>{};
        for (int v = 0; v < 4; ++v) {
            const auto value = act_slope(a.v[v]);
            a.v[v] = value.value + before.v[v];
            s.v[v] = value.slope;
        }
        store4(y + o * W + lane, a);
        if (slope) {
            store4(slope + o * W + lane, s);
        }
    });
}

/// y = (W^T g) * factor
template <int W, class T, class Block>
TLMLP_HD inline void back_times(const Block &block, const Dense<T> &layer, const T *g, const T *factor, T *y) {
    dense_back<W>(block, layer, g, [=](int o, int lane, Four<T> a) {
        const Four<T> f = load4(factor + o * W + lane);
        for (int v = 0; v < 4; ++v) {
            a.v[v] *= f.v[v];
        }
        store4(y + o * W + lane, a);
    });
}

/// y = W^T g (+ y, with `add`); next = y * slope where `next` is given
template <int W, class T, class Block>
TLMLP_HD inline void back_next(const Block &block, const Dense<T> &layer, const T *g, bool add, T *y, const T *slope,
                               T *next) {
    dense_back<W>(block, layer, g, [=](int o, int lane, Four<T> a) {
        if (add) {
            const Four<T> before = load4(y + o * W + lane);
            for (int v = 0; v < 4; ++v) {
                a.v[v] += before.v[v];
            }
        }
        store4(y + o * W + lane, a);
        if (next) {
            const Four<T> s = load4(slope + o * W + lane);
            for (int v = 0; v < 4; ++v) {
                a.v[v] *= s.v[v];
            }
            store4(next + o * W + lane, a);
        }
    });
}

/// y = a * b, `rows` rows
template <int W, class T, class Block>
TLMLP_HD inline void multiply(const Block &block, const T *a, const T *b, T *y, int rows) {
    block.for_each(rows * W, [=](int k) { y[k] = a[k] * b[k]; });
    block.sync();
}

template <class T, class Block> TLMLP_HD inline void copy(const Block &block, const T *from, T *to, int n) {
    block.for_each(n, [=](int k) { to[k] = from[k]; });
    block.sync();
}

/// Rows of `width` numbers in memory to a tile of `used` channels and back; lanes behind `valid` become zero. The caller
/// syncs after `load_rows`.
template <int W, class T, class Block>
TLMLP_HD inline void load_rows(const Block &block, const T *rows, int width, int used, int valid, T *tile) {
    block.for_each(used * W, [=](int k) {
        const int lane = k % W, c = k / W;
        tile[k] = lane < valid ? rows[std::ptrdiff_t(lane) * width + c] : T(0);
    });
}

template <int W, class T, class Block>
TLMLP_HD inline void store_rows(const Block &block, const T *tile, int width, int used, int valid, T *rows) {
    block.for_each(width * valid, [=](int k) {
        const int lane = k / width, c = k % width;
        rows[k] = c < used ? tile[c * W + lane] : T(0);
    });
    block.sync();
}

} // namespace tlmlp::cuda
