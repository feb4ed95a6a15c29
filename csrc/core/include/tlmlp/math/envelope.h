#pragma once

#include "tlmlp/math/macros.h"

namespace tlmlp::math {

/// Smooth cutoff of DimeNet, u(x) = 1 + a x^p + b x^(p+1) + g x^(p+2) for x < 1 and 0 beyond, with
/// a = -(p+1)(p+2)/2, b = p(p+2), g = -p(p+1)/2; for p = 6: 1 - 28 x^6 + 48 x^7 - 21 x^8.
///
/// It is evaluated in the equal forms (y = 1 - x, K = p(p+1)(p+2)/2)
///     u = y^3 sum_{k<p} (k+1)(k+2)/2 x^k,   u' = -K x^(p-1) y^2,   u'' = K x^(p-2) y (2x - (p-1) y),
/// whose terms do not cancel: in float32 too, all three go to zero at x = 1 with full relative accuracy.
/// Needs p >= 2. `S` is the scalar type of `T` (T itself, or the element type of a SIMD vector).
/// This form does not test x < 1.
template <class T, class S = T> TLMLP_HD inline Jet<T> envelope_polynomial(int p, T x) {
    const T y = S(1) - x;
    T sum = y - y + S(0.5) * S(p) * S(p + 1);
    T x_p2 = y - y + S(1); // x^(p-2)
    for (int k = p - 2; k >= 0; --k) {
        sum = sum * x + S(0.5) * S(k + 1) * S(k + 2);
        if (k > 0) {
            x_p2 = x_p2 * x;
        }
    }
    const T slope = S(0.5) * S(p) * S(p + 1) * S(p + 2) * x_p2 * y;
    return {y * y * y * sum, S(-1) * slope * x * y, slope * (S(2) * x - S(p - 1) * y)};
}

/// u(x), u'(x), u''(x) for a scalar x >= 0; exactly 0 for x >= 1.
template <class T> TLMLP_HD inline Jet<T> envelope(int p, T x) {
    if (!(x < T(1))) {
        return {T(0), T(0), T(0)};
    }
    return envelope_polynomial<T, T>(p, x);
}

} // namespace tlmlp::math
