#pragma once

// The three sums of the directional (triplet) term on a device, from which its value and both derivatives are made
// (csrc/torch/device/directional.cpp). Each functor computes one number of its result per call, in the order of the
// edges: no atomics, the same bits in every run. Indices: e edge, a atom, l degree, q = l*l + l + m, c channel.

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

/// A[a,q,c] = sum over the edges e of group a: Y[e,q] U[e,l(q),c]. Group a is order[offsets[a]] ... order[offsets[a+1]-1].
template <class T> struct CentreSums {
    const T *harmonics;
    EdgeValues<T> values;
    const std::int64_t *offsets, *order;
    T *result;
    std::int64_t atoms, degrees, channels;

    TLMLP_HD std::int64_t size() const { return atoms * degrees * degrees * channels; }
    TLMLP_HD void operator()(std::int64_t i) const {
        const std::int64_t width = degrees * degrees, c = i % channels, q = i / channels % width;
        const std::int64_t a = i / (channels * width);
        const int l = degree_of(q);
        T sum = T(0);
        for (std::int64_t k = offsets[a]; k < offsets[a + 1]; ++k) {
            const std::int64_t e = order[k];
            sum += harmonics[e * width + q] * values.row(e, l)[c];
        }
        result[i] = sum;
    }
};

/// U[e,l,c] = sum over m: Y[e,lm] A[end[e],lm,c].
template <class T> struct EdgeSums {
    const T *harmonics, *centres;
    const std::int64_t *end;
    T *result;
    std::int64_t edges, degrees, channels;

    TLMLP_HD std::int64_t size() const { return edges * degrees * channels; }
    TLMLP_HD void operator()(std::int64_t i) const {
        const std::int64_t width = degrees * degrees, c = i % channels, l = i / channels % degrees;
        const std::int64_t e = i / (channels * degrees);
        const T *centre = centres + end[e] * width * channels + c;
        T sum = T(0);
        for (std::int64_t q = l * l; q < (l + 1) * (l + 1); ++q) {
            sum += harmonics[e * width + q] * centre[q * channels];
        }
        result[i] = sum;
    }
};

/// G[e,q] = sum over c: U[e,l(q),c] A[end[e],q,c].
template <class T> struct EdgeOverlaps {
    EdgeValues<T> values;
    const T *centres;
    const std::int64_t *end;
    T *result;
    std::int64_t edges, degrees, channels;

    TLMLP_HD std::int64_t size() const { return edges * degrees * degrees; }
    TLMLP_HD void operator()(std::int64_t i) const {
        const std::int64_t width = degrees * degrees, q = i % width, e = i / width;
        const T *value = values.row(e, degree_of(q)), *centre = centres + (end[e] * width + q) * channels;
        T sum = T(0);
        for (std::int64_t c = 0; c < channels; ++c) {
            sum += value[c] * centre[c];
        }
        result[i] = sum;
    }
};

} // namespace tlmlp::cuda::ops
