#pragma once

#include "tlmlp/math/macros.h"

namespace tlmlp::math {

/// The activation of the network, swish (also SiLU): act(x) = x s(x) with s(x) = 1 / (1 + exp(-x)). T is a scalar or a
/// SIMD vector. Each instruction level, and the GPU, brings its arithmetic: `exp_minus(x)` = exp(-x), `reciprocal(y)` =
/// 1 / y, and `one()`.
inline constexpr const char *activation_name = "swish";

template <class T, class Arithmetic>
TLMLP_HD inline __attribute__((always_inline)) T activation(T x, const Arithmetic &a) {
    return x * a.reciprocal(a.one() + a.exp_minus(x));
}

/// Value and slope: act' = s + x s (1 - s) = act + s (1 - act).
template <class T> struct ActivationSlope {
    T value, slope;
};

template <class T, class Arithmetic>
TLMLP_HD inline __attribute__((always_inline)) ActivationSlope<T> activation_slope(T x, const Arithmetic &a) {
    const T sigma = a.reciprocal(a.one() + a.exp_minus(x)), value = x * sigma;
    return {value, value + sigma * (a.one() - value)};
}

/// Value, slope and curvature: act'' = (1 - s) (2 s + act (1 - 2 s)).
template <class T> struct ActivationJet {
    T value, slope, curve;
};

template <class T, class Arithmetic>
TLMLP_HD inline __attribute__((always_inline)) ActivationJet<T> activation_jet(T x, const Arithmetic &a) {
    const T sigma = a.reciprocal(a.one() + a.exp_minus(x)), rest = a.one() - sigma, value = x * sigma;
    return {value, value + sigma * (a.one() - value), rest * (sigma + sigma + value * (rest - sigma))};
}

} // namespace tlmlp::math
