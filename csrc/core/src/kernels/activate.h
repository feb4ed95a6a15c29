#pragma once

// The activation (tlmlp/math/activation.h) on the vectors of an instruction level.

#include "simd.h"
#include "tlmlp/math/activation.h"

namespace {

/// exp(-x) = 2^t with t = -x log2(e): the rounding of that product costs 1 / (1 + exp(-x)) = s |x| s (1-s) ulp, less than
/// half of one, so no second part of ln 2 is needed.
template <class T> struct Arithmetic {
    Constant<T> c;
    TLMLP_INLINE V<T> one() const { return c[ExpConstants<T>::one]; }
    TLMLP_INLINE V<T> exp_minus(V<T> x) const { return exp2_any<T>(x * c[ExpConstants<T>::minus_log2e], c); }
    TLMLP_INLINE V<T> reciprocal(V<T> y) const { return one() / y; }
};

template <class T> TLMLP_INLINE V<T> act(V<T> x) { return tlmlp::math::activation(x, Arithmetic<T>()); }
template <class T> TLMLP_INLINE auto act_slope(V<T> x) { return tlmlp::math::activation_slope(x, Arithmetic<T>()); }
template <class T> TLMLP_INLINE auto act_jet(V<T> x) { return tlmlp::math::activation_jet(x, Arithmetic<T>()); }

} // namespace
