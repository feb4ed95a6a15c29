#pragma once

// The three sums of the directional (triplet) term, from which its value and both derivatives are made
// (csrc/torch/directional_operator.cpp): on a GPU one number of the result per thread, on the CPU W neighbouring ones at
// once. Sums are taken in the order of the edges, without atomics: the same bits in every run. Indices: e edge, a atom,
// l degree, q = l*l + l + m, c channel.

#include <cstdint>

#include "tlmlp/math/macros.h"

namespace tlmlp::cuda::ops {

/// Degree l of the harmonic q.
TLMLP_HD inline int degree_of(std::int64_t q) {
    int l = 0;
    while ((l + 1) * (l + 1) <= q) {
        ++l;
    }
    return l;
}

/// An array (edges, degrees, channels) with any strides but that of the channels, which is 1.
template <class T> struct EdgeValues {
    const T *data;
    std::int64_t edge_stride, degree_stride;
    TLMLP_HD const T *row(std::int64_t e, std::int64_t l) const { return data + e * edge_stride + l * degree_stride; }
};

/// Runs F::compute<W>(row, c), which fills W numbers of a row of the result from place c on. A GPU's thread calls the
/// operator for one number, the CPU `row` for a row.
template <class F> struct ByRows {
    static constexpr int wide = 8;

    TLMLP_HD std::int64_t size() const { return self().rows() * self().row_size(); }
    TLMLP_HD void operator()(std::int64_t i) const {
        self().template compute<1>(i / self().row_size(), i % self().row_size());
    }
    void row(std::int64_t r) const {
        std::int64_t c = 0;
        for (; c + wide <= self().row_size(); c += wide) {
            self().template compute<wide>(r, c);
        }
        for (; c < self().row_size(); ++c) {
            self().template compute<1>(r, c);
        }
    }

  private:
    TLMLP_HD const F &self() const { return static_cast<const F &>(*this); }
};

/// A[a,q,c] = sum over the edges e of group a: Y[e,q] U[e,l(q),c]. Group a is order[offsets[a]] ... order[offsets[a+1]-1].
template <class T> struct CentreSums : ByRows<CentreSums<T>> {
    const T *harmonics;
    EdgeValues<T> values;
    const std::int64_t *offsets, *order;
    T *result;
    std::int64_t atoms, degrees, channels;

    TLMLP_HD std::int64_t rows() const { return atoms * degrees * degrees; }
    TLMLP_HD std::int64_t row_size() const { return channels; }
    template <int W> TLMLP_HD void compute(std::int64_t row, std::int64_t c) const {
        const std::int64_t width = degrees * degrees, q = row % width, a = row / width;
        const int l = degree_of(q);
        T sum[W] = {};
        for (std::int64_t k = offsets[a]; k < offsets[a + 1]; ++k) {
            const T y = harmonics[order[k] * width + q];
            const T *from = values.row(order[k], l) + c;
            for (int w = 0; w < W; ++w) {
                sum[w] += y * from[w];
            }
        }
        for (int w = 0; w < W; ++w) {
            result[row * channels + c + w] = sum[w];
        }
    }
};

/// U[e,l,c] = sum over m: Y[e,lm] A[end[e],lm,c].
template <class T> struct EdgeSums : ByRows<EdgeSums<T>> {
    const T *harmonics, *centres;
    const std::int64_t *end;
    T *result;
    std::int64_t edges, degrees, channels;

    TLMLP_HD std::int64_t rows() const { return edges * degrees; }
    TLMLP_HD std::int64_t row_size() const { return channels; }
    template <int W> TLMLP_HD void compute(std::int64_t row, std::int64_t c) const {
        const std::int64_t width = degrees * degrees, l = row % degrees, e = row / degrees;
        const T *centre = centres + end[e] * width * channels + c;
        T sum[W] = {};
        for (std::int64_t q = l * l; q < (l + 1) * (l + 1); ++q) {
            const T y = harmonics[e * width + q];
            for (int w = 0; w < W; ++w) {
                sum[w] += y * centre[q * channels + w];
            }
        }
        for (int w = 0; w < W; ++w) {
            result[row * channels + c + w] = sum[w];
        }
    }
};

/// G[e,q] = sum over c: U[e,l(q),c] A[end[e],q,c].
template <class T> struct EdgeOverlaps : ByRows<EdgeOverlaps<T>> {
    EdgeValues<T> values;
    const T *centres;
    const std::int64_t *end;
    T *result;
    std::int64_t edges, degrees, channels;

    TLMLP_HD std::int64_t rows() const { return edges * degrees * degrees; }
    TLMLP_HD std::int64_t row_size() const { return 1; }
    void row(std::int64_t r) const { compute<8>(r, 0); }
    /// In W sums of every W-th channel.
    template <int W> TLMLP_HD void compute(std::int64_t row, std::int64_t) const {
        const std::int64_t width = degrees * degrees, q = row % width, e = row / width;
        const T *value = values.row(e, degree_of(q)), *centre = centres + (end[e] * width + q) * channels;
        T sum[W] = {};
        std::int64_t c = 0;
        for (; c + W <= channels; c += W) {
            for (int w = 0; w < W; ++w) {
                sum[w] += value[c + w] * centre[c + w];
            }
        }
        T total = T(0);
        for (; c < channels; ++c) {
            total += value[c] * centre[c];
        }
        for (int w = 0; w < W; ++w) {
            total += sum[w];
        }
        result[row] = total;
    }
};

} // namespace tlmlp::cuda::ops
