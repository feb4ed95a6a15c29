#pragma once

// What the network sees of a chunk's edges: unit vectors, the functions of the distance from their table, spherical
// harmonics; and the way back from their adjoints to dE/dvector. The slopes of the functions of the distance are a policy:
// the engine finds them again from the table, training keeps them.

#include "kernels/layers.h"
#include "tlmlp/math/harmonics.h"

namespace {

/// This chunk's rows of a per-edge lane array of `rows` channels.
template <class T> TLMLP_INLINE Lanes<T> lanes_of(T *array, int rows, const Chunk &chunk) {
    return {array + rows * chunk.slot, chunk.stride};
}

/// The tile of a tile array that holds `lane`, its pointer shifted so that at(c, 0) is that lane.
template <class T> TLMLP_INLINE Lanes<T> tile_of(T *array, int rows, const Chunk &chunk, int lane) {
    const int begin = lane / tile_width<T> * tile_width<T>, left = chunk.lanes - begin;
    return {array + rows * (chunk.slot + begin) + lane - begin, left < tile_width<T> ? left : tile_width<T>};
}

/// Unit vectors (3 rows), table interval and local variable, from displacements in double precision; 1/d, unless null.
template <class T> TLMLP_NOINLINE void locate(const Job<T> &job, const Chunk &chunk, T *inverse_distance) {
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
        if (inverse_distance) {
            inverse_distance[e] = T(inverse);
        }
        const double scaled = d * scale;
        const int i = scaled < intervals ? int(scaled) : intervals - 1;
        interval[e] = i;
        position[e] = T(2.0 * (scaled - i) - 1.0);
    }
}

/// Polynomials of all functions in the table for the `lanes` edges from `lane` on; consume(function, values, slopes), both
/// over the edges, slopes by the distance. Functions are in the lanes while the polynomials run, so no gather is needed.
template <class T, bool values, bool slopes, class Consume>
TLMLP_INLINE void table_rows(const Job<T> &job, const Chunk &chunk, int lane, Consume &&consume) {
    const Network<T> &net = *job.network;
    const Table<T> &table = net.table;
    const std::int32_t *interval = job.interval + chunk.slot + lane;
    const T *position = job.position + chunk.slot + lane;
    const T scale = T(2.0 * table.intervals * net.inverse_cutoff); // dt/dd
    const std::ptrdiff_t size = std::ptrdiff_t(table.degree + 1) * table.stride;
    for (int row = 0; row < table.stride; row += lanes<T>) {
        V<T> value[lanes<T>], slope[lanes<T>] = {};
#pragma GCC unroll 16
        for (int e = 0; e < lanes<T>; ++e) {
            const T *c = table.coefficients + interval[e] * size + row;
            const T t = position[e];
            V<T> sum = load(c + std::ptrdiff_t(table.degree) * table.stride), first = {};
            for (int k = table.degree - 1; k >= 0; --k) {
                if constexpr (slopes) {
                    first = first * t + sum;
                }
                sum = sum * t + load(c + std::ptrdiff_t(k) * table.stride);
            }
            value[e] = sum;
            if constexpr (slopes) {
                slope[e] = first * scale;
            }
        }
        if constexpr (values) {
            transpose<T>(value);
        }
        if constexpr (slopes) {
            transpose<T>(slope);
        }
#pragma GCC unroll 16
        for (int k = 0; k < lanes<T>; ++k) {
            consume(row + k, value[k], slope[k]);
        }
    }
}

/// Values of the radial and the spherical basis.
template <class T> TLMLP_NOINLINE void evaluate_table(const Job<T> &job, const Chunk &chunk) {
    const Sizes &s = job.network->sizes;
    const Lanes<T> basis = lanes_of(job.basis, s.basis, chunk);
    for (int lane = 0; lane < chunk.lanes; lane += lanes<T>) {
        const Lanes<T> radial = tile_of(job.radial, s.radial_p, chunk, lane);
        table_rows<T, true, false>(job, chunk, lane, [&](int row, V<T> value, V<T>) {
            if (row < s.radial) {
                store(radial.at(row, 0), value);
            } else if (row < s.radial + s.basis) {
                store(basis.at(row - s.radial, lane), value);
            }
        });
    }
}

/// The engine's slopes: consume(function, slopes at `lane`).
template <class T> struct TableSlopes {
    template <class Consume>
    TLMLP_INLINE void radial(const Job<T> &job, const Chunk &chunk, int lane, Consume &&consume) const {
        table_rows<T, false, true>(job, chunk, lane, [&](int row, V<T>, V<T> slope) {
            if (row < job.network->sizes.radial) {
                consume(row, slope);
            }
        });
    }
    template <class Consume>
    TLMLP_INLINE void basis(const Job<T> &job, const Chunk &chunk, int lane, Consume &&consume) const {
        const Sizes &s = job.network->sizes;
        table_rows<T, false, true>(job, chunk, lane, [&](int row, V<T>, V<T> slope) {
            if (row >= s.radial && row < s.radial + s.basis) {
                consume(row - s.radial, slope);
            }
        });
    }
};

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
template <class T> TLMLP_NOINLINE void evaluate_harmonics(const Job<T> &job, const Chunk &chunk) {
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
template <class T, class Slopes>
TLMLP_NOINLINE void basis_backward(const Job<T> &job, const Chunk &chunk, const Slopes &slopes, Lanes<T> basis_bar,
                                   Lanes<T> harmonics_bar) {
    const Lanes<T> unit = lanes_of(job.unit, 3, chunk), sum = lanes_of(job.geometry_bar, 4, chunk);
    for (int lane = 0; lane < chunk.lanes; lane += lanes<T>) {
        V<T> g[4] = {};
        slopes.basis(job, chunk, lane, [&](int k, V<T> slope) { g[0] += slope * load(basis_bar.at(k, lane)); });
        HarmonicsAt<T>(*job.network, unit, lane).pull(harmonics_bar, lane, g[1], g[2], g[3]);
        for (int k = 0; k < 4; ++k) {
            store(sum.at(k, lane), load(sum.at(k, lane)) + g[k]);
        }
    }
}

/// dE/dvector, after adding the radial basis's part of dE/dd.
template <class T, class Slopes>
TLMLP_NOINLINE void geometry_backward(const Job<T> &job, const Chunk &chunk, const Slopes &slopes) {
    const Lanes<T> sum = lanes_of(job.geometry_bar, 4, chunk);
    const double *vector = job.vector + 3 * chunk.slot;
    double *vector_bar = job.vector_bar + 3 * chunk.slot;
    for (int lane = 0; lane < chunk.lanes; lane += lanes<T>) {
        const Lanes<T> bar = tile_of(job.radial_bar, job.network->sizes.radial_p, chunk, lane);
        V<T> distance_bar = load(sum.at(0, lane));
        slopes.radial(job, chunk, lane, [&](int k, V<T> slope) { distance_bar += slope * load(bar.at(k, 0)); });
        store_vector_bars<T>(vector + 3 * lane, distance_bar, sum, lane, vector_bar + 3 * lane);
    }
}

} // namespace
