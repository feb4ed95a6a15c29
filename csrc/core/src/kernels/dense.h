#pragma once

// Dense layers on a tile of edges. Lanes are edges; each weight is broadcast to `tile_vectors` vectors and
// TLMLP_SIMD_ROWS outputs accumulate in registers, so that a multiply-add costs about half a load: with 8 x 3
// accumulators, 24 multiply-adds take 3 loads of inputs and 8 broadcasts. What follows a layer (activation, residual,
// product) is handed in as `finish` and runs on the accumulators.

#include "kernels/activate.h"
#include "layout.h"

namespace {

using namespace tlmlp::engine;

/// finish(output, lane, value) for the outputs [o, o + rows) of one block of vectors.
template <class T, int vectors, int rows, class Finish>
TLMLP_INLINE void dense_block(const T *x, std::ptrdiff_t ld, int in, const T *w, const T *bias, int o, int lane,
                              Finish &&finish) {
    V<T> sum[rows][vectors];
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r) {
        const V<T> b = bias ? splat<T>(bias[r]) : V<T>{};
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v) {
            sum[r][v] = b;
        }
    }
    for (int k = 0; k < in; ++k) {
        V<T> input[vectors];
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v) {
            input[v] = load(x + k * ld + v * lanes<T>);
        }
#pragma GCC unroll 8
        for (int r = 0; r < rows; ++r) {
            const V<T> weight = splat<T>(w[k * output_group + r]);
#pragma GCC unroll 4
            for (int v = 0; v < vectors; ++v) {
                sum[r][v] += weight * input[v];
            }
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v) {
            finish(o + r, lane + v * lanes<T>, sum[r][v]);
        }
    }
}

/// All outputs of a packed layer on `vectors` vectors (1 to tile_vectors) of lane arrays with row length `ld`.
template <class T, class Finish>
TLMLP_INLINE void dense_packed(const T *x, std::ptrdiff_t ld, int vectors, int in, int out, const T *packed,
                               const T *bias, Finish &&finish) {
    constexpr int rows = TLMLP_SIMD_ROWS;
    for (int o = 0; o < out; o += rows) {
        const T *w = packed + std::ptrdiff_t(o / output_group) * in * output_group + o % output_group;
        const T *b = bias ? bias + o : nullptr;
        if (vectors == 3) {
            dense_block<T, 3, rows>(x, ld, in, w, b, o, 0, finish);
        } else if (vectors == 2) {
            dense_block<T, 2, rows>(x, ld, in, w, b, o, 0, finish);
        } else {
            dense_block<T, 1, rows>(x, ld, in, w, b, o, 0, finish);
        }
    }
}

template <class T, class Finish>
TLMLP_INLINE void dense(const Dense<T> &layer, const T *x, std::ptrdiff_t ld, int vectors, Finish &&finish) {
    dense_packed<T>(x, ld, vectors, layer.in, layer.out, layer.forward, layer.bias, finish);
}

template <class T, class Finish>
TLMLP_INLINE void dense_back(const Dense<T> &layer, const T *x, std::ptrdiff_t ld, int vectors, Finish &&finish) {
    dense_packed<T>(x, ld, vectors, layer.out, layer.in, layer.backward, nullptr, finish);
}

/// Vectors of channels that share a broadcast in kernels with channels in the lanes: of the row_pad channels in which
/// rows are padded, two where they are as many. With 8 / channel_vectors edges the accumulators hide the latency.
template <class T> inline constexpr int channel_vectors = row_pad > lanes<T> ? 2 : 1;
template <class T> inline constexpr int channel_edges = 8 / channel_vectors<T>;

/// The same product with the outputs in the lanes, for results that are wanted as rows of channels:
/// finish(lane, channel, value), `in` inputs from lane arrays, weights [in][row]. n_lanes are whole vectors.
template <class T, class Finish>
TLMLP_INLINE void dense_rows(const T *x, std::ptrdiff_t ld, int n_lanes, int in, int row, const T *w, Finish &&finish) {
    constexpr int block = channel_edges<T>, vectors = channel_vectors<T>;
    for (int c = 0; c < row; c += vectors * lanes<T>) {
        for (int lane = 0; lane < n_lanes; lane += block) {
            V<T> sum[block][vectors] = {};
            for (int k = 0; k < in; ++k) {
                V<T> weight[vectors];
#pragma GCC unroll 2
                for (int v = 0; v < vectors; ++v) {
                    weight[v] = load(w + std::ptrdiff_t(k) * row + c + v * lanes<T>);
                }
                const T *input = x + k * ld + lane;
#pragma GCC unroll 8
                for (int r = 0; r < block; ++r) {
#pragma GCC unroll 2
                    for (int v = 0; v < vectors; ++v) {
                        sum[r][v] += weight[v] * input[r];
                    }
                }
            }
#pragma GCC unroll 8
            for (int r = 0; r < block; ++r) {
#pragma GCC unroll 2
                for (int v = 0; v < vectors; ++v) {
                    if (lanes<T> % block == 0 || lane + r < n_lanes) {
                        finish(lane + r, c + v * lanes<T>, sum[r][v]);
                    }
                }
            }
        }
    }
}

} // namespace
