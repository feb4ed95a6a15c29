#pragma once

#include <cmath>
#include <vector>

#include "tlmlp/math/macros.h"

namespace tlmlp::math {

/// Real orthonormal spherical harmonics as polynomials of a unit vector (x, y, z), index l*l + l + m:
///     Y_lm = F_l|m| Q_l^|m|(z) c_m(x, y),   m >= 0,      Y_l,-m = F_lm Q_l^m(z) s_m(x, y),   m > 0,
/// with c_m + i s_m = (x + i y)^m, Q_l^m = d^m P_l/dz^m, F_lm = sqrt((2l+1)/(4 pi) (l-m)!/(l+m)!), times sqrt(2) for
/// m > 0; no Condon-Shortley phase, so (Y_1,-1, Y_10, Y_11) ~ (y, z, x). No angle occurs: the poles are ordinary
/// points. Since dQ_l^m/dz = Q_l^{m+1} and dc_m/dx = m c_{m-1}, gradient and Hessian need no further recursion.

TLMLP_HD inline constexpr int harmonics_size(int lmax) { return (lmax + 1) * (lmax + 1); }

/// Index of (l, m >= 0) in the triangular arrays of F and Q.
TLMLP_HD inline constexpr int triangle(int l, int m) { return l * (l + 1) / 2 + m; }
TLMLP_HD inline constexpr int triangle_size(int lmax) { return (lmax + 1) * (lmax + 2) / 2; }

/// F_lm, m = 0..l, triangular.
inline std::vector<double> harmonics_norms(int lmax) {
    std::vector<double> norms(triangle_size(lmax));
    for (int l = 0; l <= lmax; ++l) {
        double ratio = 1.0; // (l-m)!/(l+m)!
        for (int m = 0; m <= l; ++m) {
            if (m > 0) {
                ratio /= static_cast<double>(l + m) * static_cast<double>(l - m + 1);
            }
            norms[triangle(l, m)] = std::sqrt((m > 0 ? 2.0 : 1.0) * (2 * l + 1) / (4.0 * pi) * ratio);
        }
    }
    return norms;
}

/// N_l = sqrt((2l+1)/(4 pi)), the factor of P_l in the directional sum; Y_lm Y_lm summed over m gives N_l^2.
TLMLP_HD inline double legendre_norm(int l) { return std::sqrt((2 * l + 1) / (4.0 * pi)); }

/// Numbers of T that `harmonics_prepare` fills: Q (triangular), then c_0..c_lmax, then s_0..s_lmax.
TLMLP_HD inline constexpr int harmonics_scratch(int lmax) { return triangle_size(lmax) + 2 * (lmax + 1); }

/// Fills `scratch` for the unit vector (x, y, z). T is a scalar or a SIMD vector, S its scalar type.
template <class T, class S = T> TLMLP_HD inline void harmonics_prepare(int lmax, T x, T y, T z, T *scratch) {
    T *q = scratch, *c = q + triangle_size(lmax), *s = c + lmax + 1;
    const T zero = x - x;
    c[0] = zero + S(1);
    s[0] = zero;
    S double_factorial = S(1);
    for (int m = 0; m <= lmax; ++m) {
        if (m > 0) {
            c[m] = x * c[m - 1] - y * s[m - 1];
            s[m] = x * s[m - 1] + y * c[m - 1];
            double_factorial *= S(2 * m - 1);
        }
        q[triangle(m, m)] = zero + double_factorial;
        if (m < lmax) {
            q[triangle(m + 1, m)] = z * (S(2 * m + 1) * double_factorial);
        }
        for (int l = m + 2; l <= lmax; ++l) {
            const S inverse = S(1) / S(l - m);
            q[triangle(l, m)] = (S(2 * l - 1) * inverse) * (z * q[triangle(l - 1, m)]) -
                                (S(l + m - 1) * inverse) * q[triangle(l - 2, m)];
        }
    }
}

/// Calls write(index, Y_lm) for every (l, m).
template <class T, class S, class Write>
TLMLP_HD inline void harmonics_values(int lmax, const S *norms, const T *scratch, Write &&write) {
    const T *q = scratch, *c = q + triangle_size(lmax), *s = c + lmax + 1;
    for (int l = 0; l <= lmax; ++l) {
        const int centre = l * l + l;
        write(centre, norms[triangle(l, 0)] * q[triangle(l, 0)]);
        for (int m = 1; m <= l; ++m) {
            const T common = norms[triangle(l, m)] * q[triangle(l, m)];
            write(centre + m, common * c[m]);
            write(centre - m, common * s[m]);
        }
    }
}

/// Calls write(index, dY/dx, dY/dy, dY/dz) for every (l, m): the gradient of the polynomial above, x, y, z taken as
/// independent. Project it on the tangent plane for the derivative of Y(v/|v|).
template <class T, class S, class Write>
TLMLP_HD inline void harmonics_gradients(int lmax, const S *norms, const T *scratch, Write &&write) {
    const T *q = scratch, *c = q + triangle_size(lmax), *s = c + lmax + 1;
    const T zero = s[0];
    for (int l = 0; l <= lmax; ++l) {
        const int centre = l * l + l;
        for (int m = 0; m <= l; ++m) {
            const S norm = norms[triangle(l, m)];
            const T slope = m < l ? T(norm * q[triangle(l, m + 1)]) : zero;
            if (m == 0) {
                write(centre, zero, zero, slope);
                continue;
            }
            const T common = norm * S(m) * q[triangle(l, m)];
            write(centre + m, common * c[m - 1], zero - common * s[m - 1], slope * c[m]);
            write(centre - m, common * s[m - 1], common * c[m - 1], slope * s[m]);
        }
    }
}

/// g += sum_k w_k dY_k and h += (sum_k w_k d2Y_k) t, the gradient and the Hessian-times-vector of sum_k w_k Y_k;
/// `weight(index)` returns w_k; g, h and t have three components.
template <class T, class S, class Weight>
TLMLP_HD inline void harmonics_hessian(int lmax, const S *norms, const T *scratch, Weight &&weight, const T *t, T *g,
                                       T *h) {
    const T *q = scratch, *c = q + triangle_size(lmax), *s = c + lmax + 1;
    const T zero = s[0];
    for (int m = 0; m <= lmax; ++m) {
        // For this m, sum over l of w F {Q, Q', Q''}, separately for the cosine and the sine member.
        T a0 = zero, a1 = zero, a2 = zero, b0 = zero, b1 = zero, b2 = zero;
        for (int l = m; l <= lmax; ++l) {
            const S norm = norms[triangle(l, m)];
            const T q0 = norm * q[triangle(l, m)];
            const T q1 = m + 1 <= l ? T(norm * q[triangle(l, m + 1)]) : zero;
            const T q2 = m + 2 <= l ? T(norm * q[triangle(l, m + 2)]) : zero;
            const T wc = weight(l * l + l + m);
            a0 = a0 + wc * q0;
            a1 = a1 + wc * q1;
            a2 = a2 + wc * q2;
            if (m > 0) {
                const T ws = weight(l * l + l - m);
                b0 = b0 + ws * q0;
                b1 = b1 + ws * q1;
                b2 = b2 + ws * q2;
            }
        }
        const S k1 = S(m), k2 = S(m) * S(m - 1);
        const T c1 = m > 0 ? T(k1 * c[m - 1]) : zero, s1 = m > 0 ? T(k1 * s[m - 1]) : zero;
        const T c2 = m > 1 ? T(k2 * c[m - 2]) : zero, s2 = m > 1 ? T(k2 * s[m - 2]) : zero;
        const T x1 = a0 * c1 + b0 * s1, y1 = b0 * c1 - a0 * s1;
        g[0] = g[0] + x1;
        g[1] = g[1] + y1;
        g[2] = g[2] + (a1 * c[m] + b1 * s[m]);
        const T xx = a0 * c2 + b0 * s2, xy = b0 * c2 - a0 * s2;
        const T xz = a1 * c1 + b1 * s1, yz = b1 * c1 - a1 * s1;
        h[0] = h[0] + (xx * t[0] + xy * t[1] + xz * t[2]);
        h[1] = h[1] + (xy * t[0] - xx * t[1] + yz * t[2]);
        h[2] = h[2] + (xz * t[0] + yz * t[1] + (a2 * c[m] + b2 * s[m]) * t[2]);
    }
}

} // namespace tlmlp::math
