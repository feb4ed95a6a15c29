#pragma once

#include <cmath>
#include <vector>

#include "tlmlp/math/envelope.h"
#include "tlmlp/math/macros.h"

namespace tlmlp::math {

/// Spherical Bessel function of the first kind j_l(x), any l >= 0, x >= 0, scalar T (float or double).
/// Below x = l + 1 the power series x^l/(2l+1)!! sum_k (-x^2/2)^k / (k! (2l+3)(2l+5)...(2l+2k+1)), which loses no
/// digits for small x; above, the upward recurrence j_{l+1} = (2l+1)/x j_l - j_{l-1}, stable while l < x.
template <class T> TLMLP_HD inline T spherical_bessel(int l, T x) {
    if (x < T(l + 1)) {
        T prefactor = T(1);
        for (int k = 1; k <= l; ++k) {
            prefactor *= x / T(2 * k + 1);
        }
        const T half_square = T(0.5) * x * x;
        T term = T(1), sum = T(1);
        for (int k = 1; k < 200; ++k) {
            term *= -half_square / (T(k) * T(2 * l + 2 * k + 1));
            const T next = sum + term;
            if (next == sum) {
                break;
            }
            sum = next;
        }
        return prefactor * sum;
    }
    const T inverse = T(1) / x;
    T previous = std::sin(x) * inverse;
    if (l == 0) {
        return previous;
    }
    T current = (previous - std::cos(x)) * inverse;
    for (int k = 1; k < l; ++k) {
        const T next = T(2 * k + 1) * inverse * current - previous;
        previous = current;
        current = next;
    }
    return current;
}

/// dj_l/dx = (l j_{l-1} - (l+1) j_{l+1}) / (2l+1): no division by x, regular at 0.
template <class T> TLMLP_HD inline T spherical_bessel_first(int l, T x) {
    const T lower = l > 0 ? T(l) * spherical_bessel(l - 1, x) : T(0);
    return (lower - T(l + 1) * spherical_bessel(l + 1, x)) / T(2 * l + 1);
}

/// d^2 j_l/dx^2, the same rule applied twice.
template <class T> TLMLP_HD inline T spherical_bessel_second(int l, T x) {
    const T lower = l > 0 ? T(l) * spherical_bessel_first(l - 1, x) : T(0);
    return (lower - T(l + 1) * spherical_bessel_first(l + 1, x)) / T(2 * l + 1);
}

/// j_l with two derivatives in x.
template <class T> TLMLP_HD inline Jet<T> spherical_bessel_jet(int l, T x) {
    return {spherical_bessel(l, x), spherical_bessel_first(l, x), spherical_bessel_second(l, x)};
}

/// Positive zeros z_ln of j_l, n = 1..n_zeros, for l = 0..n_orders-1, row-major [l][n-1]. The zeros of neighbouring
/// orders interlace, z_{l-1,n} < z_{l,n} < z_{l-1,n+1}, which gives each one a bracket for bisection; a last Newton
/// step polishes it. z_0n = n pi.
inline std::vector<double> spherical_bessel_zeros(int n_orders, int n_zeros) {
    std::vector<double> zeros(static_cast<std::size_t>(n_orders) * n_zeros);
    std::vector<double> row(n_zeros + n_orders);
    for (std::size_t n = 0; n < row.size(); ++n) {
        row[n] = pi * static_cast<double>(n + 1);
    }
    for (int l = 0; l < n_orders; ++l) {
        if (l > 0) {
            for (std::size_t n = 0; n + 1 < row.size(); ++n) {
                double low = row[n], high = row[n + 1];
                const bool rising = spherical_bessel(l, low) < 0.0;
                for (int step = 0; step < 60; ++step) {
                    const double middle = 0.5 * (low + high);
                    ((spherical_bessel(l, middle) < 0.0) == rising ? low : high) = middle;
                }
                const double zero = 0.5 * (low + high);
                row[n] = zero - spherical_bessel(l, zero) / spherical_bessel_first(l, zero);
            }
            row.pop_back();
        }
        for (int n = 0; n < n_zeros; ++n) {
            zeros[static_cast<std::size_t>(l) * n_zeros + n] = row[n];
        }
    }
    return zeros;
}

/// N_ln = sqrt(2) / |j_{l+1}(z_ln)|, which makes N_ln j_l(z_ln x) orthonormal on the unit ball's radius.
inline double spherical_bessel_norm(int l, double zero) {
    return std::sqrt(2.0) / std::abs(spherical_bessel(l + 1, zero));
}

/// The radial part of the spherical Bessel basis, index l * num_radial + (n-1):
///     b_ln(x) = u(x) N_ln j_l(z_ln x),   x = d / cutoff.
struct SphericalBesselBasis {
    int num_spherical;
    int num_radial;
    int p;
    std::vector<double> zeros;
    std::vector<double> norms;

    SphericalBesselBasis(int n_spherical, int n_radial, int exponent)
        : num_spherical(n_spherical), num_radial(n_radial), p(exponent),
          zeros(spherical_bessel_zeros(n_spherical, n_radial)), norms(zeros.size()) {
        for (int l = 0; l < num_spherical; ++l) {
            for (int n = 0; n < num_radial; ++n) {
                norms[l * num_radial + n] = spherical_bessel_norm(l, zeros[l * num_radial + n]);
            }
        }
    }

    int size() const { return num_spherical * num_radial; }

    /// b_k(x) with derivatives in x, in double; 0 for x >= 1.
    Jet<double> operator()(int k, double x) const { return value(k, x, envelope(p, x)); }

    /// The same with the envelope's polynomial continued beyond x = 1, for fits of intervals that end there.
    Jet<double> continued(int k, double x) const { return value(k, x, envelope_polynomial<double, double>(p, x)); }

  private:
    Jet<double> value(int k, double x, const Jet<double> &u) const {
        const double z = zeros[k], norm = norms[k];
        const Jet<double> j = spherical_bessel_jet(k / num_radial, z * x);
        return u * Jet<double>{norm * j.value, norm * z * j.first, norm * z * z * j.second};
    }
};

} // namespace tlmlp::math
