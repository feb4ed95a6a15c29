#pragma once

// Basis functions of the distance and spherical harmonics of the direction, with first and second derivatives.
//
// Spherical Bessel basis: 42 products u(x) N_ln j_l(z_ln x) per edge. Evaluated as they stand they need 42 sincos
// and recurrences, about 2,000 operations; as piecewise polynomials (math/piecewise.h, made once per basis in double
// precision) they are degree x 3 AVX-512 multiply-adds on contiguous coefficients, 21 in float32, and one more set
// for the derivative. Radial basis: one sincos per edge and frequency, edges in the lanes. Harmonics: about 200
// multiply-adds per edge, edges in the lanes. All three are a few per cent of the network.

#include "kernels.h"
#include "simd.h"
#include "tlmlp/math/harmonics.h"
#include "tlmlp/math/radial.h"

namespace {

/// Interval and local variable of distance d; null beyond the cutoff.
template <class T>
TLMLP_INLINE const T *locate(const kernels::BasisTable<T> &table, T distance, T &t) {
    const T x = distance * table.inverse_cutoff;
    if (!(x < T(1))) {
        return nullptr;
    }
    const T scaled = x * T(table.intervals);
    std::int64_t i = std::int64_t(scaled);
    i = i < 0 ? 0 : (i < table.intervals ? i : table.intervals - 1);
    t = T(2) * (scaled - T(i)) - T(1);
    return table.coefficients + i * (table.degree + 1) * table.stride;
}

/// Horner's scheme for one vector of functions, to derivative `Order` in t.
template <class T, int Order>
TLMLP_INLINE void horner(const kernels::BasisTable<T> &table, const T *c, T t, V<T> &value, V<T> &first,
                         V<T> &half_second) {
    value = load<T>(c + table.degree * table.stride);
    first = splat<T>(T(0));
    half_second = splat<T>(T(0));
    for (std::int64_t j = table.degree - 1; j >= 0; --j) {
        if constexpr (Order > 1) {
            half_second = half_second * t + first;
        }
        if constexpr (Order > 0) {
            first = first * t + value;
        }
        value = value * t + load<T>(c + j * table.stride);
    }
}

template <class T>
void bessel(const kernels::BasisTable<T> &table, const T *distance, std::int64_t n, T *out) {
    for (std::int64_t e = 0; e < n; ++e) {
        T t;
        T *to = out + e * table.functions;
        const T *c = locate(table, distance[e], t);
        if (!c) {
            fill_zero(to, table.functions);
            continue;
        }
        for (std::int64_t k = 0; k < table.functions; k += lanes<T>) {
            V<T> value, first, second;
            horner<T, 0>(table, c + k, t, value, first, second);
            const std::int64_t left = table.functions - k;
            if (left >= lanes<T>) {
                store<T>(to + k, value);
            } else {
                store_some<T>(to + k, value, left);
            }
        }
    }
}

template <class T>
TLMLP_INLINE V<T> read_function(const T *row, std::int64_t k, std::int64_t functions) {
    return functions - k >= lanes<T> ? load<T>(row + k) : load_some<T>(row + k, functions - k);
}

template <class T>
void bessel_backward(const kernels::BasisTable<T> &table, const T *grad, const T *distance, std::int64_t n,
                     T *to_distance) {
    const T scale = T(2 * table.intervals) * table.inverse_cutoff;
    for (std::int64_t e = 0; e < n; ++e) {
        T t;
        const T *c = locate(table, distance[e], t);
        V<T> sum = splat<T>(T(0));
        for (std::int64_t k = 0; c && k < table.functions; k += lanes<T>) {
            V<T> value, first, second;
            horner<T, 1>(table, c + k, t, value, first, second);
            sum += first * read_function(grad + e * table.functions, k, table.functions);
        }
        to_distance[e] = scale * horizontal_sum<T>(sum);
    }
}

template <class T>
void bessel_second(const kernels::BasisTable<T> &table, const T *v, const T *grad, const T *distance,
                   std::int64_t n, T *to_grad, T *to_distance) {
    const T scale = T(2 * table.intervals) * table.inverse_cutoff;
    for (std::int64_t e = 0; e < n; ++e) {
        T t;
        const T *c = locate(table, distance[e], t);
        const std::int64_t row = e * table.functions;
        if (!c) {
            fill_zero(to_grad + row, table.functions);
            to_distance[e] = T(0);
            continue;
        }
        V<T> sum = splat<T>(T(0));
        for (std::int64_t k = 0; k < table.functions; k += lanes<T>) {
            V<T> value, first, half_second;
            horner<T, 2>(table, c + k, t, value, first, half_second);
            sum += half_second * read_function(grad + row, k, table.functions);
            const std::int64_t left = table.functions - k;
            store_some<T>(to_grad + row + k, first * (v[e] * scale), left < lanes<T> ? left : lanes<T>);
        }
        to_distance[e] = T(2) * scale * scale * v[e] * horizontal_sum<T>(sum);
    }
}

/// Calls body(first, count, distances) with the lanes full; missing distances are the cutoff, where all is zero.
template <class T, class Body>
TLMLP_INLINE void over_distances(const T *distance, std::int64_t n, T missing, Body &&body) {
    for (std::int64_t e = 0; e < n; e += lanes<T>) {
        const std::int64_t count = n - e < lanes<T> ? n - e : lanes<T>;
        V<T> d = splat<T>(missing);
        for (std::int64_t i = 0; i < count; ++i) {
            d[i] = distance[e + i];
        }
        body(e, count, d);
    }
}

/// w(d) with derivatives, zero beyond the cutoff.
template <class T> TLMLP_INLINE math::Jet<V<T>> window(const kernels::Radial<T> &r, V<T> d) {
    const T inverse = T(1) / r.cutoff, root = T(__builtin_sqrt(2.0 / double(r.cutoff)));
    const V<T> x = d * inverse;
    const auto inside = x < T(1);
    math::Jet<V<T>> u = math::envelope_polynomial<V<T>, T>(r.p, x);
    const V<T> zero = splat<T>(T(0));
    u.value = inside ? u.value : zero;
    u.first = inside ? u.first : zero;
    u.second = inside ? u.second : zero;
    return math::radial_window<V<T>, T>(u, d, root, inverse);
}

template <class T>
TLMLP_INLINE math::RadialJet<V<T>> radial_jet(const kernels::Radial<T> &r, const math::Jet<V<T>> &w, V<T> d,
                                              std::int64_t k) {
    const T inverse = T(1) / r.cutoff;
    const V<T> f = splat<T>(r.frequencies[k]);
    V<T> sine, cosine;
    sine_cosine<T>(f * d * inverse, sine, cosine);
    return math::radial_from_window<V<T>, T>(w, sine, cosine, d, f, inverse);
}

template <class T>
TLMLP_INLINE V<T> read_column(const T *from, std::int64_t stride, std::int64_t count) {
    V<T> v = splat<T>(T(0));
    for (std::int64_t i = 0; i < count; ++i) {
        v[i] = from[i * stride];
    }
    return v;
}

template <class T>
TLMLP_INLINE void write_column(T *to, std::int64_t stride, std::int64_t count, V<T> v) {
    for (std::int64_t i = 0; i < count; ++i) {
        to[i * stride] = v[i];
    }
}

template <class T> void radial(const kernels::Radial<T> &r, const T *distance, std::int64_t n, T *out) {
    over_distances<T>(distance, n, r.cutoff, [&](std::int64_t e, std::int64_t count, V<T> d) {
        const auto w = window(r, d);
        for (std::int64_t k = 0; k < r.num_radial; ++k) {
            write_column<T>(out + e * r.num_radial + k, r.num_radial, count, radial_jet(r, w, d, k).value);
        }
    });
}

template <class T>
void radial_backward(const kernels::Radial<T> &r, const T *grad, const T *distance, std::int64_t n, T *to_distance,
                     T *to_frequencies) {
    over_distances<T>(distance, n, r.cutoff, [&](std::int64_t e, std::int64_t count, V<T> d) {
        const auto w = window(r, d);
        V<T> sum = splat<T>(T(0));
        for (std::int64_t k = 0; k < r.num_radial; ++k) {
            const auto jet = radial_jet(r, w, d, k);
            const V<T> g = read_column<T>(grad + e * r.num_radial + k, r.num_radial, count);
            sum += g * jet.d;
            if (to_frequencies) {
                to_frequencies[k] += horizontal_sum<T>(g * jet.f);
            }
        }
        if (to_distance) {
            write_column<T>(to_distance + e, 1, count, sum);
        }
    });
}

template <class T>
void radial_second(const kernels::Radial<T> &r, const T *v_distance, const T *v_frequencies, const T *grad,
                   const T *distance, std::int64_t n, T *to_grad, T *to_distance, T *to_frequencies) {
    over_distances<T>(distance, n, r.cutoff, [&](std::int64_t e, std::int64_t count, V<T> d) {
        const auto w = window(r, d);
        V<T> sum = splat<T>(T(0));
        const V<T> vd = v_distance ? read_column<T>(v_distance + e, 1, count) : splat<T>(T(0));
        for (std::int64_t k = 0; k < r.num_radial; ++k) {
            const auto jet = radial_jet(r, w, d, k);
            const V<T> g = read_column<T>(grad + e * r.num_radial + k, r.num_radial, count);
            const T vf = v_frequencies ? v_frequencies[k] : T(0);
            write_column<T>(to_grad + e * r.num_radial + k, r.num_radial, count, vd * jet.d + vf * jet.f);
            sum += g * (vd * jet.dd + vf * jet.df);
            to_frequencies[k] += horizontal_sum<T>(g * (vd * jet.df + vf * jet.ff));
        }
        write_column<T>(to_distance + e, 1, count, sum);
    });
}

inline constexpr int max_lmax = 31;

template <class T> TLMLP_INLINE V<T> square_root(V<T> x) {
    for (int i = 0; i < lanes<T>; ++i) {
        if constexpr (sizeof(T) == 4) {
            x[i] = __builtin_sqrtf(x[i]);
        } else {
            x[i] = __builtin_sqrt(x[i]);
        }
    }
    return x;
}

template <class T> struct Direction {
    V<T> distance, inverse, u[3];
};

/// Unit vectors of `count` edges; lanes beyond are (0, 0, 1).
template <class T> TLMLP_INLINE Direction<T> direction(const T *vectors, std::int64_t count) {
    V<T> v[3] = {splat<T>(T(0)), splat<T>(T(0)), splat<T>(T(1))};
    for (std::int64_t i = 0; i < count; ++i) {
        for (int a = 0; a < 3; ++a) {
            v[a][i] = vectors[3 * i + a];
        }
    }
    Direction<T> d;
    d.distance = square_root<T>(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
    d.inverse = T(1) / d.distance;
    for (int a = 0; a < 3; ++a) {
        d.u[a] = v[a] * d.inverse;
    }
    return d;
}

template <class T>
void harmonics(int lmax, const T *norms, const T *vectors, std::int64_t n, T *distance, T *values) {
    V<T> scratch[math::harmonics_scratch(max_lmax)];
    const std::int64_t width = math::harmonics_size(lmax);
    for (std::int64_t e = 0; e < n; e += lanes<T>) {
        const std::int64_t count = n - e < lanes<T> ? n - e : lanes<T>;
        const Direction<T> d = direction(vectors + 3 * e, count);
        write_column<T>(distance + e, 1, count, d.distance);
        math::harmonics_prepare<V<T>, T>(lmax, d.u[0], d.u[1], d.u[2], scratch);
        math::harmonics_values<V<T>, T>(lmax, norms, scratch, [&](int k, V<T> y) {
            write_column<T>(values + e * width + k, width, count, y);
        });
    }
}

// With p(u) = sum_k g_k Y_k(u), G its gradient, P = 1 - u u^T:  grad_v = g_d u + P G / d.
template <class T>
void harmonics_backward(int lmax, const T *norms, const T *grad_distance, const T *grad_values, const T *vectors,
                        std::int64_t n, T *to_vectors) {
    V<T> scratch[math::harmonics_scratch(max_lmax)];
    const std::int64_t width = math::harmonics_size(lmax);
    for (std::int64_t e = 0; e < n; e += lanes<T>) {
        const std::int64_t count = n - e < lanes<T> ? n - e : lanes<T>;
        const Direction<T> d = direction(vectors + 3 * e, count);
        V<T> g[3] = {splat<T>(T(0)), splat<T>(T(0)), splat<T>(T(0))};
        if (grad_values) {
            math::harmonics_prepare<V<T>, T>(lmax, d.u[0], d.u[1], d.u[2], scratch);
            math::harmonics_gradients<V<T>, T>(lmax, norms, scratch, [&](int k, V<T> gx, V<T> gy, V<T> gz) {
                const V<T> weight = read_column<T>(grad_values + e * width + k, width, count);
                g[0] += weight * gx;
                g[1] += weight * gy;
                g[2] += weight * gz;
            });
        }
        const V<T> gd = grad_distance ? read_column<T>(grad_distance + e, 1, count) : splat<T>(T(0));
        const V<T> along = d.u[0] * g[0] + d.u[1] * g[1] + d.u[2] * g[2];
        for (int a = 0; a < 3; ++a) {
            write_column<T>(to_vectors + 3 * e + a, 3, count, gd * d.u[a] + (g[a] - along * d.u[a]) * d.inverse);
        }
    }
}

// Cotangent w of grad_v; s = w . grad_v = g_d w.u + t.G / d with t = P w. Then, H the Hessian of p:
//     to g_d: w.u,   to g_k: t . grad Y_k / d,
//     to v: g_d t / d + P (H t - (u.G) w - (w.u) G) / d^2 - u (t.G) / d^2.
template <class T>
void harmonics_second(int lmax, const T *norms, const T *w, const T *grad_distance, const T *grad_values,
                      const T *vectors, std::int64_t n, T *to_grad_distance, T *to_grad_values, T *to_vectors) {
    V<T> scratch[math::harmonics_scratch(max_lmax)];
    const std::int64_t width = math::harmonics_size(lmax);
    const V<T> zero = splat<T>(T(0));
    for (std::int64_t e = 0; e < n; e += lanes<T>) {
        const std::int64_t count = n - e < lanes<T> ? n - e : lanes<T>;
        const Direction<T> d = direction(vectors + 3 * e, count);
        V<T> c[3], t[3];
        for (int a = 0; a < 3; ++a) {
            c[a] = read_column<T>(w + 3 * e + a, 3, count);
        }
        const V<T> radial_part = c[0] * d.u[0] + c[1] * d.u[1] + c[2] * d.u[2];
        for (int a = 0; a < 3; ++a) {
            t[a] = c[a] - radial_part * d.u[a];
        }
        if (to_grad_distance) {
            write_column<T>(to_grad_distance + e, 1, count, radial_part);
        }
        math::harmonics_prepare<V<T>, T>(lmax, d.u[0], d.u[1], d.u[2], scratch);
        if (to_grad_values) {
            math::harmonics_gradients<V<T>, T>(lmax, norms, scratch, [&](int k, V<T> gx, V<T> gy, V<T> gz) {
                write_column<T>(to_grad_values + e * width + k, width, count,
                                (t[0] * gx + t[1] * gy + t[2] * gz) * d.inverse);
            });
        }
        V<T> g[3] = {zero, zero, zero}, h[3] = {zero, zero, zero};
        if (grad_values) {
            math::harmonics_hessian<V<T>, T>(
                lmax, norms, scratch,
                [&](int k) { return read_column<T>(grad_values + e * width + k, width, count); }, t, g, h);
        }
        const V<T> gd = grad_distance ? read_column<T>(grad_distance + e, 1, count) : zero;
        const V<T> along = d.u[0] * g[0] + d.u[1] * g[1] + d.u[2] * g[2];
        const V<T> tangential = t[0] * g[0] + t[1] * g[1] + t[2] * g[2];
        V<T> r[3];
        for (int a = 0; a < 3; ++a) {
            r[a] = h[a] - along * c[a] - radial_part * g[a];
        }
        const V<T> r_along = d.u[0] * r[0] + d.u[1] * r[1] + d.u[2] * r[2];
        for (int a = 0; a < 3; ++a) {
            const V<T> bent = (r[a] - r_along * d.u[a] - tangential * d.u[a]) * d.inverse;
            write_column<T>(to_vectors + 3 * e + a, 3, count, (gd * t[a] + bent) * d.inverse);
        }
    }
}

} // namespace
