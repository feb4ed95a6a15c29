#pragma once

#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include "tlmlp/math/macros.h"

namespace tlmlp::math {

/// Piecewise polynomials for many functions of one variable x in [0, 1]. The interval i = floor(x * intervals) has
/// the coefficients c[i][power][function] in its local variable t = 2 (x * intervals - i) - 1. Functions are
/// contiguous, in rows padded to `stride`. So one evaluation is `degree` vector multiply-adds over the functions and
/// takes no transcendental function. First and second derivatives come from the same coefficients and are consistent.
/// The coefficients interpolate at Chebyshev points, where the error falls like (z/(2 intervals))^degree / degree!
/// for a function of phase z x; `PiecewisePolynomials` users state the error they measured.
template <class T> struct PiecewisePolynomials {
    int functions = 0;
    int stride = 0;
    int intervals = 0;
    int degree = 0;
    std::vector<T> coefficients;

    const T *interval(int i) const { return coefficients.data() + static_cast<std::size_t>(i) * (degree + 1) * stride; }

    /// Fits `function(k, x) -> double` for k = 0..functions-1 in double precision and stores in T.
    template <class Function>
    static PiecewisePolynomials fit(int functions, int intervals, int degree, int pad, Function &&function) {
        PiecewisePolynomials table;
        table.functions = functions;
        table.stride = (functions + pad - 1) / pad * pad;
        table.intervals = intervals;
        table.degree = degree;
        const int n = degree + 1;
        table.coefficients.assign(static_cast<std::size_t>(intervals) * n * table.stride, T(0));
        std::vector<double> samples(n), chebyshev(n), monomial(n);
        for (int i = 0; i < intervals; ++i) {
            for (int k = 0; k < functions; ++k) {
                for (int s = 0; s < n; ++s) {
                    const double t = std::cos(pi * (s + 0.5) / n);
                    samples[s] = function(k, (i + 0.5 * (t + 1.0)) / intervals);
                }
                for (int j = 0; j < n; ++j) {
                    double sum = 0.0;
                    for (int s = 0; s < n; ++s) {
                        sum += samples[s] * std::cos(pi * j * (s + 0.5) / n);
                    }
                    chebyshev[j] = sum * (j == 0 ? 1.0 : 2.0) / n;
                }
                to_monomial(chebyshev, monomial);
                for (int j = 0; j < n; ++j) {
                    table.coefficients[(static_cast<std::size_t>(i) * n + j) * table.stride + k] = T(monomial[j]);
                }
            }
        }
        return table;
    }

    /// Interval and local variable of x in [0, 1].
    std::pair<int, T> locate(T x) const {
        const T scaled = x * T(intervals);
        int i = static_cast<int>(scaled);
        i = i < 0 ? 0 : (i < intervals ? i : intervals - 1);
        return {i, T(2) * (scaled - T(i)) - T(1)};
    }

    /// One function with its derivatives in x.
    Jet<T> operator()(int k, T x) const {
        const auto [i, t] = locate(x);
        const T *c = interval(i) + k;
        T value = c[static_cast<std::size_t>(degree) * stride], first = T(0), half_second = T(0);
        for (int j = degree - 1; j >= 0; --j) {
            half_second = half_second * t + first;
            first = first * t + value;
            value = value * t + c[static_cast<std::size_t>(j) * stride];
        }
        const T scale = T(2 * intervals);
        return {value, first * scale, T(2) * half_second * scale * scale};
    }

  private:
    static void to_monomial(const std::vector<double> &chebyshev, std::vector<double> &monomial) {
        const std::size_t n = chebyshev.size();
        std::vector<double> previous(n, 0.0), current(n, 0.0), next(n, 0.0);
        monomial.assign(n, 0.0);
        previous[0] = 1.0; // T_0
        monomial[0] = chebyshev[0];
        if (n > 1) {
            current[1] = 1.0; // T_1
        }
        for (std::size_t j = 1; j < n; ++j) {
            for (std::size_t k = 0; k <= j; ++k) {
                monomial[k] += chebyshev[j] * current[k];
            }
            for (std::size_t k = 0; k < n; ++k) {
                next[k] = (k > 0 ? 2.0 * current[k - 1] : 0.0) - previous[k];
            }
            previous = current;
            current = next;
        }
    }
};

} // namespace tlmlp::math
