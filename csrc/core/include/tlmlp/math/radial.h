#pragma once

#include <cmath>

#include "tlmlp/math/envelope.h"

namespace tlmlp::math {

/// One radial basis function and everything its first and second derivatives need:
///     e(d, f) = sqrt(2/c) sin(f d/c) / d u(d/c),   0 for d >= c.
template <class T> struct RadialJet {
    T value; ///< e
    T d;     ///< de/dd
    T f;     ///< de/df
    T dd;    ///< d2e/dd2
    T df;    ///< d2e/(dd df)
    T ff;    ///< d2e/df2
};

/// `window` holds w(d) = sqrt(2/c) u(d/c) / d with its derivatives in d (`radial_window`), shared by all f at one d;
/// `sine`, `cosine` are of the phase f d/c. T is a scalar or a SIMD vector, S its scalar type.
template <class T, class S = T>
TLMLP_HD inline RadialJet<T> radial_from_window(const Jet<T> &window, T sine, T cosine, T d, T f, S inverse_cutoff) {
    const T k = f * inverse_cutoff; // the phase's derivative in d
    const T x = d * inverse_cutoff; // the phase's derivative in f
    return {window.value * sine,
            window.first * sine + window.value * k * cosine,
            window.value * x * cosine,
            window.second * sine + (window.first * k * cosine + window.first * k * cosine) -
                window.value * k * k * sine,
            window.first * x * cosine + window.value * (cosine * inverse_cutoff - k * x * sine),
            -(window.value * x * x * sine)};
}

/// w(d) = sqrt(2/c) u(d/c) / d and its derivatives in d, from the envelope's jet in x = d/c. `root` is sqrt(2/c).
template <class T, class S = T> TLMLP_HD inline Jet<T> radial_window(const Jet<T> &u, T d, S root, S inverse_cutoff) {
    const T inverse = S(1) / d;
    const T value = root * u.value * inverse;
    const T first = (root * inverse_cutoff * u.first - value) * inverse;
    const T second = (root * inverse_cutoff * inverse_cutoff * u.second - (first + first)) * inverse;
    return {value, first, second};
}

/// Scalar convenience: e and its derivatives at distance d > 0 for frequency f; lengths in nm.
template <class T> TLMLP_HD inline RadialJet<T> radial_basis(T d, T f, T cutoff, int p) {
    const T inverse_cutoff = T(1) / cutoff;
    const Jet<T> u = envelope(p, d * inverse_cutoff);
    const Jet<T> window = radial_window<T, T>(u, d, std::sqrt(T(2) * inverse_cutoff), inverse_cutoff);
    const T phase = f * d * inverse_cutoff;
    return radial_from_window<T, T>(window, std::sin(phase), std::cos(phase), d, f, inverse_cutoff);
}

} // namespace tlmlp::math
