#pragma once

// What the network sees of an edge: unit vector, the functions of the distance from their table, harmonics; and the
// way back to dE/dvector. Mirrors csrc/core/src/kernels/geometry.h. Edges beyond the cutoff are allowed: every function of
// the distance and its derivative is zero there, hence all that they contribute.

#include "cuda/kernels/block.h"
#include "cuda/kernels/cuda_job.h"
#include "tlmlp/math/harmonics.h"

namespace tlmlp::cuda {

inline constexpr int max_order = network::max_spherical - 1;

/// Function k of the table, or with `derivative` its slope in t.
template <class T>
TLMLP_HD inline T table_value(const engine::Table<T> &table, int interval, T t, int k, bool derivative) {
    if (interval < 0) {
        return T(0);
    }
    const T *c = table.coefficients + std::ptrdiff_t(interval) * (table.degree + 1) * table.stride + k;
    T value = c[std::ptrdiff_t(table.degree) * table.stride];
    if (derivative) {
        value *= T(table.degree);
        for (int j = table.degree - 1; j >= 1; --j) {
            value = value * t + T(j) * c[std::ptrdiff_t(j) * table.stride];
        }
        return value;
    }
    for (int j = table.degree - 1; j >= 0; --j) {
        value = value * t + c[std::ptrdiff_t(j) * table.stride];
    }
    return value;
}

template <int lmax, class T> TLMLP_HD inline void harmonics_row(int order, const T *norms, const T *unit, T *y) {
    const int l = lmax < max_order ? lmax : order; // a constant where it can be one
    T scratch[math::harmonics_scratch(lmax)];
    math::harmonics_prepare<T>(l, unit[0], unit[1], unit[2], scratch);
    math::harmonics_values<T, T>(l, norms, scratch, [y](int k, T value) { y[k] = value; });
}

/// g = sum_k bar_k dY_k(u)/du
template <int lmax, class T>
TLMLP_HD inline void harmonics_pull(int order, const T *norms, const T *unit, const T *bar, T *g) {
    const int l = lmax < max_order ? lmax : order;
    T scratch[math::harmonics_scratch(lmax)];
    T sum[3] = {T(0), T(0), T(0)};
    math::harmonics_prepare<T>(l, unit[0], unit[1], unit[2], scratch);
    math::harmonics_gradients<T, T>(l, norms, scratch, [&](int k, T dx, T dy, T dz) {
        sum[0] += bar[k] * dx;
        sum[1] += bar[k] * dy;
        sum[2] += bar[k] * dz;
    });
    for (int a = 0; a < 3; ++a) {
        g[a] = sum[a];
    }
}

template <class T> TLMLP_HD inline int geometry_shared(const Sizes &s) { return tile_lanes<T> * s.harmonics; }

template <class T, class Block> TLMLP_HD inline void geometry(const Block &block, const Job<T> &job, int) {
    constexpr int W = tile_lanes<T>;
    const Network<T> &net = job.network;
    const Sizes &s = net.sizes;
    const int n_edges = *job.n_edges;
    T *harmonics = static_cast<T *>(block.shared);
    for (std::int64_t first = std::int64_t(block.index) * W; first < n_edges; first += std::int64_t(block.count) * W) {
        const int n = int(n_edges - first < W ? n_edges - first : W);
        block.for_each(n, [&](int e) {
            const std::int64_t edge = first + e;
            const double *v = job.vector + 3 * edge;
            const double d = sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]), inverse = 1.0 / d;
            const double scaled = d * net.inverse_cutoff * net.table.intervals;
            const int i = scaled < net.table.intervals ? int(scaled) : -1;
            job.interval[edge] = i;
            job.position[edge] = T(2.0 * (scaled - i) - 1.0);
            T *unit = job.unit + 3 * edge;
            for (int a = 0; a < 3; ++a) {
                unit[a] = T(v[a] * inverse);
            }
            if (s.spherical == 7) {
                harmonics_row<6>(6, net.harmonic_norms, unit, harmonics + e * s.harmonics);
            } else {
                harmonics_row<max_order>(s.spherical - 1, net.harmonic_norms, unit, harmonics + e * s.harmonics);
            }
            if (job.gradient) {
                for (int k = 0; k < 4; ++k) {
                    job.geometry_bar[4 * edge + k] = T(0);
                }
            }
        });
        block.sync();
        block.for_each(n * s.harmonics, [&](int k) { job.harmonics[first * s.harmonics + k] = harmonics[k]; });
        const int functions = s.radial + s.basis;
        block.for_each(n * functions, [&](int item) {
            const std::int64_t edge = first + item / functions;
            const int k = item % functions;
            const T value = table_value(net.table, job.interval[edge], job.position[edge], k, false);
            if (k < s.radial) {
                job.radial[edge * s.radial_p + k] = value;
            } else {
                job.basis[edge * s.basis + k - s.radial] = value;
            }
        });
        block.sync();
    }
}

/// dE/dvector = dE/dd u + (1 - u u^T) dE/du / d
template <class T, class Block> TLMLP_HD inline void geometry_backward(const Block &block, const Job<T> &job, int) {
    constexpr int W = tile_lanes<T>;
    const Network<T> &net = job.network;
    const Sizes &s = net.sizes;
    const int n_edges = *job.n_edges;
    const double slope = 2.0 * net.table.intervals * net.inverse_cutoff; // dt/dd
    for (std::int64_t first = std::int64_t(block.index) * W; first < n_edges; first += std::int64_t(block.count) * W) {
        const int n = int(n_edges - first < W ? n_edges - first : W);
        block.for_each(n, [&](int e) {
            const std::int64_t edge = first + e;
            const T *bar = job.geometry_bar + 4 * edge;
            T t_bar = bar[0];
            for (int k = 0; k < s.radial; ++k) {
                t_bar += job.radial_bar[edge * s.radial_p + k] *
                         table_value(net.table, job.interval[edge], job.position[edge], k, true);
            }
            const double *v = job.vector + 3 * edge;
            const double inverse = 1.0 / sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
            double along = 0.0;
            for (int a = 0; a < 3; ++a) {
                along += v[a] * inverse * double(bar[1 + a]) * inverse;
            }
            for (int a = 0; a < 3; ++a) {
                job.vector_bar[3 * edge + a] =
                    (double(t_bar) * slope - along) * v[a] * inverse + double(bar[1 + a]) * inverse;
            }
        });
        block.sync();
    }
}

} // namespace tlmlp::cuda
