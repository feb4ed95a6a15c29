#pragma once

// What the network sees of a chunk's edges: unit vectors, the functions of the distance from their table, spherical
// harmonics; and the way back from their adjoints to dE/dvector.

#include "kernels/layers.h"
#include "tlmlp/math/harmonics.h"

namespace {

/// This chunk's rows of a per-edge lane array of `rows` channels.
template <class T> TLMLP_INLINE Lanes<T> lanes_of(T *array, int rows, const Chunk &chunk) {
    return {array + rows * chunk.slot, chunk.stride};
}

/// Unit vectors (3 rows), table interval and local variable, from displacements in double precision.
template <class T> TLMLP_NOINLINE void locate(const Job<T> &job, const Chunk &chunk) {
    const Lanes<T> unit = lanes_of(job.unit, 3, chunk);
    T *position = job.position + chunk.slot;
    std::int32_t *interval = job.interval + chunk.slot;
    const int intervals = job.network->table.intervals;
    const double scale = job.network->inverse_cutoff * intervals;
    const double *vector = job.vector + 3 * chunk.slot;
    for (int e = 0; e < chunk.lanes; ++e) {
        const double x = vector[3 * e], y = vector[3 * e + 1], z = vector[3 * e + 2];
        const double d = __builtin_sqrt(x * x + y * y + z * z), inverse = 1.0 / d;
        *unit.at(0, e) = T(x * inverse);
        *unit.at(1, e) = T(y * inverse);
        *unit.at(2, e) = T(z * inverse);
        const double scaled = d * scale;
        const int i = scaled < intervals ? int(scaled) : intervals - 1;
        interval[e] = i;
        position[e] = T(2.0 * (scaled - i) - 1.0);
    }
}

/// Polynomials of all functions of the distance for `lanes` edges; consume(row, vector over the edges). `derivative`:
/// of d/dt instead of the values. Functions are in the lanes while the polynomials run, so no gather is needed.
template <class T, bool derivative, class Consume>
TLMLP_INLINE void table_rows(const Table<T> &table, const std::int32_t *interval, const T *position,
                             Consume &&consume) {
    const std::ptrdiff_t size = std::ptrdiff_t(table.degree + 1) * table.stride;
    for (int row = 0; row < table.stride; row += lanes<T>) {
        V<T> block[lanes<T>];
#pragma GCC unroll 16
        for (int e = 0; e < lanes<T>; ++e) {
            const T *c = table.coefficients + interval[e] * size + row;
            const T t = position[e];
            V<T> value = load(c + std::ptrdiff_t(table.degree) * table.stride);
            if constexpr (derivative) {
                value *= T(table.degree);
            }
            for (int k = table.degree - 1; k >= (derivative ? 1 : 0); --k) {
                const V<T> next = load(c + std::ptrdiff_t(k) * table.stride);
                value = value * t + (derivative ? next * T(k) : next);
            }
            block[e] = value;
        }
        transpose<T>(block);
#pragma GCC unroll 16
        for (int k = 0; k < lanes<T>; ++k) {
            consume(row + k, block[k]);
        }
    }
}

template <class T> TLMLP_NOINLINE void evaluate_table(const Job<T> &job, const Chunk &chunk) {
    const Sizes &s = job.network->sizes;
    const Lanes<T> radial = lanes_of(job.radial, s.radial_p, chunk), basis = lanes_of(job.basis, s.basis, chunk);
    for (int lane = 0; lane < chunk.lanes; lane += lanes<T>) {
        table_rows<T, false>(job.network->table, job.interval + chunk.slot + lane, job.position + chunk.slot + lane,
                             [&](int row, V<T> value) {
                                 if (row < s.radial) {
                                     store(radial.at(row, lane), value);
                                 } else if (row < s.radial + s.basis) {
                                     store(basis.at(row - s.radial, lane), value);
                                 }
                             });
    }
}

inline constexpr int max_order = tlmlp::network::max_spherical - 1;

/// Prepares the harmonics of the unit vectors at `lane`.
template <class T> struct HarmonicsAt {
    V<T> scratch[tlmlp::math::harmonics_scratch(max_order)];
    int order;
    const T *norms;

    TLMLP_INLINE HarmonicsAt(const Network<T> &net, Lanes<T> unit, int lane)
        : order(net.sizes.spherical - 1), norms(net.harmonic_norms) {
        tlmlp::math::harmonics_prepare<V<T>, T>(order, load(unit.at(0, lane)), load(unit.at(1, lane)),
                                                load(unit.at(2, lane)), scratch);
    }
    /// To the rows of y.
    TLMLP_INLINE void values(Lanes<T> y, int lane) {
        tlmlp::math::harmonics_values<V<T>, T>(order, norms, scratch,
                                               [&](int k, V<T> value) { store(y.at(k, lane), value); });
    }
    /// consume(k, dY_k/dx, dY_k/dy, dY_k/dz)
    template <class Consume> TLMLP_INLINE void gradients(Consume &&consume) {
        tlmlp::math::harmonics_gradients<V<T>, T>(order, norms, scratch, consume);
    }
    /// g += sum_k bar_k dY_k
    TLMLP_INLINE void pull(Lanes<T> bar, int lane, V<T> &gx, V<T> &gy, V<T> &gz) {
        gradients([&](int k, V<T> dx, V<T> dy, V<T> dz) {
            const V<T> b = load(bar.at(k, lane));
            gx += b * dx;
            gy += b * dy;
            gz += b * dz;
        });
    }
};

/// Harmonics of all the chunk's edges.
template <class T, class Job> TLMLP_NOINLINE void evaluate_harmonics(const Job &job, const Chunk &chunk) {
    const Network<T> &net = *job.network;
    const Lanes<T> unit = lanes_of(job.unit, 3, chunk), y = lanes_of(job.harmonics, net.sizes.harmonics, chunk);
    for (int lane = 0; lane < chunk.lanes; lane += lanes<T>) {
        HarmonicsAt<T>(net, unit, lane).values(y, lane);
    }
}

/// dE/dvector = dE/dd u + (1 - u u^T) dE/du / d for one vector of edges, from dE/dd and the rows 1 to 3 of `bars`, dE/du;
/// `vector` and `vector_bar` begin with the first of these edges.
template <class T>
TLMLP_INLINE void store_vector_bars(const double *vector, V<T> distance_bar, Lanes<T> bars, int lane,
                                    double *vector_bar) {
    for (int e = 0; e < lanes<T>; ++e) {
        const double *v = vector + 3 * e;
        const double inverse = 1.0 / __builtin_sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
        double u[3], g[3], along = 0.0;
        for (int k = 0; k < 3; ++k) {
            u[k] = v[k] * inverse;
            g[k] = double(*bars.at(1 + k, lane + e)) * inverse;
            along += u[k] * g[k];
        }
        for (int k = 0; k < 3; ++k) {
            vector_bar[3 * e + k] = (double(distance_bar[e]) - along) * u[k] + g[k];
        }
    }
}

/// Adds the adjoints of the spherical basis and the harmonics of one block to dE/dd and dE/du (geometry_bar, 4 rows).
template <class T>
TLMLP_NOINLINE void basis_backward(const Job<T> &job, const Chunk &chunk, Lanes<T> basis_bar, Lanes<T> harmonics_bar) {
    const Network<T> &net = *job.network;
    const Sizes &s = net.sizes;
    const Lanes<T> unit = lanes_of(job.unit, 3, chunk), sum = lanes_of(job.geometry_bar, 4, chunk);
    for (int lane = 0; lane < chunk.lanes; lane += lanes<T>) {
        V<T> t_bar = {}, gx = {}, gy = {}, gz = {};
        table_rows<T, true>(net.table, job.interval + chunk.slot + lane, job.position + chunk.slot + lane,
                            [&](int row, V<T> value) {
                                if (row >= s.radial && row < s.radial + s.basis) {
                                    t_bar += value * load(basis_bar.at(row - s.radial, lane));
                                }
                            });
        HarmonicsAt<T>(net, unit, lane).pull(harmonics_bar, lane, gx, gy, gz);
        store(sum.at(0, lane), load(sum.at(0, lane)) + t_bar);
        store(sum.at(1, lane), load(sum.at(1, lane)) + gx);
        store(sum.at(2, lane), load(sum.at(2, lane)) + gy);
        store(sum.at(3, lane), load(sum.at(3, lane)) + gz);
    }
}

/// dE/dvector, after adding the radial basis's part of dE/dd.
template <class T> TLMLP_NOINLINE void geometry_backward(const Job<T> &job, const Chunk &chunk) {
    const Network<T> &net = *job.network;
    const Sizes &s = net.sizes;
    const Lanes<T> sum = lanes_of(job.geometry_bar, 4, chunk);
    const Lanes<T> radial_bar = lanes_of(job.radial_bar, s.radial_p, chunk);
    const T slope = T(2.0 * net.table.intervals * net.inverse_cutoff); // dt/dd
    const double *vector = job.vector + 3 * chunk.slot;
    double *vector_bar = job.vector_bar + 3 * chunk.slot;
    for (int lane = 0; lane < chunk.lanes; lane += lanes<T>) {
        V<T> t_bar = load(sum.at(0, lane));
        table_rows<T, true>(net.table, job.interval + chunk.slot + lane, job.position + chunk.slot + lane,
                            [&](int row, V<T> value) {
                                if (row < s.radial) {
                                    t_bar += value * load(radial_bar.at(row, lane));
                                }
                            });
        store_vector_bars<T>(vector + 3 * lane, t_bar * slope, sum, lane, vector_bar + 3 * lane);
    }
}

} // namespace
