#pragma once

// Basis functions of an edge and their first and second derivatives on a device: one call per edge, on the formulas that
// the CPU's kernels share (csrc/core/include/tlmlp/math). Absent inputs and unwanted results are null.

#include <cmath>
#include <cstdint>

#include "tlmlp/math/harmonics.h"
#include "tlmlp/math/radial.h"

namespace tlmlp::cuda::ops {

inline constexpr int most_degrees = 16;

/// What the three functors on harmonics share: F_lm, and the vectors (edges, 3).
template <class T> struct Directions {
    int lmax;
    T norms[math::triangle_size(most_degrees - 1)];
    const T *vectors;
    std::int64_t edges;

    TLMLP_HD std::int64_t size() const { return edges; }
    TLMLP_HD std::int64_t width() const { return math::harmonics_size(lmax); }
};

/// A vector taken apart: length, its inverse, unit vector.
template <class T> struct Direction {
    T length, inverse, u[3];

    TLMLP_HD explicit Direction(const T *v) : length(std::sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2])) {
        inverse = T(1) / length;
        for (int a = 0; a < 3; ++a) {
            u[a] = v[a] * inverse;
        }
    }
};

template <class T> using HarmonicsScratch = T[math::harmonics_scratch(most_degrees - 1)];

/// Length and Y_lm of the direction of every vector.
template <class T> struct Harmonics : Directions<T> {
    T *length, *values;

    TLMLP_HD void operator()(std::int64_t e) const {
        HarmonicsScratch<T> scratch;
        const Direction<T> d(this->vectors + 3 * e);
        T *to = values + e * this->width();
        length[e] = d.length;
        math::harmonics_prepare<T, T>(this->lmax, d.u[0], d.u[1], d.u[2], scratch);
        math::harmonics_values<T, T>(this->lmax, this->norms, scratch, [&](int q, T y) { to[q] = y; });
    }
};

/// With p(u) = sum_q g_q Y_q(u), G its gradient, P = 1 - u u^T:  to v: g_d u + P G / d.
template <class T> struct HarmonicsBackward : Directions<T> {
    const T *grad_length, *grad_values;
    T *result;

    TLMLP_HD void operator()(std::int64_t e) const {
        HarmonicsScratch<T> scratch;
        const Direction<T> d(this->vectors + 3 * e);
        T g[3] = {T(0), T(0), T(0)};
        if (grad_values) {
            const T *weight = grad_values + e * this->width();
            math::harmonics_prepare<T, T>(this->lmax, d.u[0], d.u[1], d.u[2], scratch);
            math::harmonics_gradients<T, T>(this->lmax, this->norms, scratch, [&](int q, T x, T y, T z) {
                g[0] += weight[q] * x;
                g[1] += weight[q] * y;
                g[2] += weight[q] * z;
            });
        }
        const T gd = grad_length ? grad_length[e] : T(0);
        const T along = d.u[0] * g[0] + d.u[1] * g[1] + d.u[2] * g[2];
        for (int a = 0; a < 3; ++a) {
            result[3 * e + a] = gd * d.u[a] + (g[a] - along * d.u[a]) * d.inverse;
        }
    }
};

/// Cotangent w of the gradient above; with t = P w and H the Hessian of p:
///     to g_d: w.u,   to g_q: t . grad Y_q / d,
///     to v: g_d t / d + P (H t - (u.G) w - (w.u) G) / d^2 - u (t.G) / d^2.
template <class T> struct HarmonicsSecond : Directions<T> {
    const T *cotangent, *grad_length, *grad_values;
    T *to_grad_length, *to_grad_values, *to_vectors;

    TLMLP_HD void operator()(std::int64_t e) const {
        HarmonicsScratch<T> scratch;
        const Direction<T> d(this->vectors + 3 * e);
        const T *w = cotangent + 3 * e;
        const T radial = w[0] * d.u[0] + w[1] * d.u[1] + w[2] * d.u[2];
        T t[3];
        for (int a = 0; a < 3; ++a) {
            t[a] = w[a] - radial * d.u[a];
        }
        if (to_grad_length) {
            to_grad_length[e] = radial;
        }
        math::harmonics_prepare<T, T>(this->lmax, d.u[0], d.u[1], d.u[2], scratch);
        if (to_grad_values) {
            T *to = to_grad_values + e * this->width();
            math::harmonics_gradients<T, T>(this->lmax, this->norms, scratch, [&](int q, T x, T y, T z) {
                to[q] = (t[0] * x + t[1] * y + t[2] * z) * d.inverse;
            });
        }
        T g[3] = {T(0), T(0), T(0)}, h[3] = {T(0), T(0), T(0)};
        if (grad_values) {
            const T *weight = grad_values + e * this->width();
            math::harmonics_hessian<T, T>(this->lmax, this->norms, scratch, [&](int q) { return weight[q]; }, t, g, h);
        }
        const T gd = grad_length ? grad_length[e] : T(0);
        const T along = d.u[0] * g[0] + d.u[1] * g[1] + d.u[2] * g[2];
        const T tangential = t[0] * g[0] + t[1] * g[1] + t[2] * g[2];
        T r[3];
        for (int a = 0; a < 3; ++a) {
            r[a] = h[a] - along * w[a] - radial * g[a];
        }
        const T r_along = d.u[0] * r[0] + d.u[1] * r[1] + d.u[2] * r[2];
        for (int a = 0; a < 3; ++a) {
            const T bent = (r[a] - r_along * d.u[a] - tangential * d.u[a]) * d.inverse;
            to_vectors[3 * e + a] = (gd * t[a] + bent) * d.inverse;
        }
    }
};

/// The radial basis e_k(d), value and both derivatives; those to the frequencies come per edge, to be summed.
template <class T> struct RadialBasis {
    const T *distance, *frequencies;
    T cutoff;
    int exponent;
    std::int64_t edges, functions;
    const T *grad, *v_distance, *v_frequencies;
    T *values, *to_distance, *to_frequencies, *to_grad;

    TLMLP_HD std::int64_t size() const { return edges; }
    TLMLP_HD math::RadialJet<T> jet(std::int64_t e, std::int64_t k) const {
        return math::radial_basis<T>(distance[e], frequencies[k], cutoff, exponent);
    }
};

template <class T> struct RadialValues : RadialBasis<T> {
    TLMLP_HD void operator()(std::int64_t e) const {
        for (std::int64_t k = 0; k < this->functions; ++k) {
            this->values[e * this->functions + k] = this->jet(e, k).value;
        }
    }
};

template <class T> struct RadialBackward : RadialBasis<T> {
    TLMLP_HD void operator()(std::int64_t e) const {
        T sum = T(0);
        for (std::int64_t k = 0; k < this->functions; ++k) {
            const std::int64_t at = e * this->functions + k;
            const auto jet = this->jet(e, k);
            sum += this->grad[at] * jet.d;
            if (this->to_frequencies) {
                this->to_frequencies[at] = this->grad[at] * jet.f;
            }
        }
        if (this->to_distance) {
            this->to_distance[e] = sum;
        }
    }
};

template <class T> struct RadialSecond : RadialBasis<T> {
    TLMLP_HD void operator()(std::int64_t e) const {
        const T vd = this->v_distance ? this->v_distance[e] : T(0);
        T sum = T(0);
        for (std::int64_t k = 0; k < this->functions; ++k) {
            const std::int64_t at = e * this->functions + k;
            const auto jet = this->jet(e, k);
            const T vf = this->v_frequencies ? this->v_frequencies[k] : T(0), g = this->grad[at];
            this->to_grad[at] = vd * jet.d + vf * jet.f;
            sum += g * (vd * jet.dd + vf * jet.df);
            this->to_frequencies[at] = g * (vd * jet.df + vf * jet.ff);
        }
        this->to_distance[e] = sum;
    }
};

/// The spherical Bessel basis from piecewise polynomials (math/piecewise.h) whose coefficients lie on the device.
template <class T> struct BesselBasis {
    const T *coefficients;
    std::int64_t functions, stride, intervals, degree;
    T inverse_cutoff;
    const T *distance;
    std::int64_t edges;
    const T *grad, *v;
    T *values, *to_distance, *to_grad;

    TLMLP_HD std::int64_t size() const { return edges; }
    /// d/dd of the local variable t.
    TLMLP_HD T slope() const { return T(2 * intervals) * inverse_cutoff; }
    /// Coefficients of the interval of edge e and its local variable; null beyond the cutoff.
    TLMLP_HD const T *locate(std::int64_t e, T &t) const {
        const T x = distance[e] * inverse_cutoff;
        if (!(x < T(1))) {
            return nullptr;
        }
        const T scaled = x * T(intervals);
        std::int64_t i = std::int64_t(scaled);
        i = i < intervals ? i : intervals - 1;
        t = T(2) * (scaled - T(i)) - T(1);
        return coefficients + i * (degree + 1) * stride;
    }
    /// Horner's scheme for function k; derivatives in t, the second one halved.
    TLMLP_HD math::Jet<T> horner(const T *c, std::int64_t k, T t) const {
        math::Jet<T> jet{c[degree * stride + k], T(0), T(0)};
        for (std::int64_t j = degree - 1; j >= 0; --j) {
            jet.second = jet.second * t + jet.first;
            jet.first = jet.first * t + jet.value;
            jet.value = jet.value * t + c[j * stride + k];
        }
        return jet;
    }
};

template <class T> struct BesselValues : BesselBasis<T> {
    TLMLP_HD void operator()(std::int64_t e) const {
        T t = T(0);
        const T *c = this->locate(e, t);
        for (std::int64_t k = 0; k < this->functions; ++k) {
            this->values[e * this->functions + k] = c ? this->horner(c, k, t).value : T(0);
        }
    }
};

template <class T> struct BesselBackward : BesselBasis<T> {
    TLMLP_HD void operator()(std::int64_t e) const {
        T t = T(0), sum = T(0);
        const T *c = this->locate(e, t);
        for (std::int64_t k = 0; c && k < this->functions; ++k) {
            sum += this->horner(c, k, t).first * this->grad[e * this->functions + k];
        }
        this->to_distance[e] = this->slope() * sum;
    }
};

template <class T> struct BesselSecond : BesselBasis<T> {
    TLMLP_HD void operator()(std::int64_t e) const {
        T t = T(0), sum = T(0);
        const T *c = this->locate(e, t);
        for (std::int64_t k = 0; k < this->functions; ++k) {
            const std::int64_t at = e * this->functions + k;
            if (!c) {
                this->to_grad[at] = T(0);
                continue;
            }
            const auto jet = this->horner(c, k, t);
            sum += jet.second * this->grad[at];
            this->to_grad[at] = jet.first * (this->v[e] * this->slope());
        }
        this->to_distance[e] = T(2) * this->slope() * this->slope() * this->v[e] * sum;
    }
};

} // namespace tlmlp::cuda::ops
