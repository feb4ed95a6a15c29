#pragma once

// What the network sees of a chunk's edges, with derivatives by the distance; the way back to dE/dvector; and the
// tangents along a given vector of each edge.

#include "sweeps/scratch.h"
#include "kernels/geometry.h"
#include "kernels/sine.h"
#include "tlmlp/math/radial.h"

namespace {

/// The tile of a tile array that holds `lane`, its pointer shifted so that at(c, 0) is that lane.
template <class T> TLMLP_INLINE Lanes<T> tile_of(T *array, int rows, const training::Chunk &chunk, int lane) {
    const int begin = lane / tile_width<T> * tile_width<T>, left = chunk.lanes - begin;
    return {array + rows * (chunk.slot + begin) + lane - begin, left < tile_width<T> ? left : tile_width<T>};
}

template <class T> TLMLP_INLINE void clear(T *array, std::ptrdiff_t n) {
    __builtin_memset(array, 0, std::size_t(n) * sizeof(T));
}

/// consume(k, jet) of the radial functions at one vector of distances, given as 1/d.
template <class T, class Consume>
TLMLP_INLINE void radial_jets(const training::Network<T> &net, V<T> inverse, Consume &&consume) {
    const T inverse_cutoff = T(1.0 / net.cutoff), root = T(__builtin_sqrt(2.0 / net.cutoff));
    const V<T> d = T(1) / inverse, x = d * inverse_cutoff;
    tlmlp::math::Jet<V<T>> u = tlmlp::math::envelope_polynomial<V<T>, T>(net.exponent, x);
    const V<T> zero = {};
    const auto inside = x < T(1);
    u.value = inside ? u.value : zero;
    u.first = inside ? u.first : zero;
    u.second = inside ? u.second : zero;
    const auto window = tlmlp::math::radial_window<V<T>, T>(u, d, root, inverse_cutoff);
    for (int k = 0; k < net.sizes.radial; ++k) {
        const V<T> f = splat<T>(net.frequencies[k]);
        V<T> sine, cosine;
        sine_cosine<T>(f * x, sine, cosine);
        consume(k, tlmlp::math::radial_from_window<V<T>, T>(window, sine, cosine, d, f, inverse_cutoff));
    }
}

/// Spherical basis and its derivative by the distance; functions are in the lanes while the polynomials run.
template <class T> TLMLP_NOINLINE void evaluate_basis(const training::Job<T> &job, const training::Chunk &chunk) {
    const training::Network<T> &net = *job.network;
    const Lanes<T> basis = lanes_of(job.basis, net.sizes.basis, chunk);
    const Lanes<T> slope = lanes_of(job.basis_slope, net.sizes.basis, chunk);
    const double scale = net.table.intervals / net.cutoff;
    const T slope_scale = T(2.0 * scale);
    const double *vector = job.vector + 3 * chunk.slot;
    for (int lane = 0; lane < chunk.lanes; lane += lanes<T>) {
        const T *start[lanes<T>];
        T local[lanes<T>];
        for (int e = 0; e < lanes<T>; ++e) {
            const double *v = vector + 3 * (lane + e);
            const double scaled = __builtin_sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]) * scale;
            const int i = scaled < net.table.intervals ? int(scaled) : net.table.intervals - 1;
            start[e] = net.table.coefficients + std::ptrdiff_t(i) * (net.table.degree + 1) * net.table.stride;
            local[e] = T(2.0 * (scaled - i) - 1.0);
        }
        for (int k = 0; k < net.sizes.basis; k += lanes<T>) {
            V<T> values[lanes<T>], slopes[lanes<T>];
#pragma GCC unroll 16
            for (int e = 0; e < lanes<T>; ++e) {
                V<T> value = load(start[e] + k + std::ptrdiff_t(net.table.degree) * net.table.stride), first = {};
                for (int j = net.table.degree - 1; j >= 0; --j) {
                    first = first * local[e] + value;
                    value = value * local[e] + load(start[e] + k + std::ptrdiff_t(j) * net.table.stride);
                }
                values[e] = value;
                slopes[e] = first * slope_scale;
            }
            transpose<T>(values);
            transpose<T>(slopes);
#pragma GCC unroll 16
            for (int f = 0; f < lanes<T>; ++f) {
                if (k + f < net.sizes.basis) {
                    store(basis.at(k + f, lane), values[f]);
                    store(slope.at(k + f, lane), slopes[f]);
                }
            }
        }
    }
}

/// Everything that the forward sweep needs of the edges; clears what the sweeps add to, and what vectors that start at
/// a chunk's last edges read behind them.
template <class T> TLMLP_NOINLINE void geometry_forward(const training::Job<T> &job, const training::Chunk &chunk) {
    const training::Network<T> &net = *job.network;
    const Sizes &s = net.sizes;
    const Lanes<T> unit = lanes_of(job.unit, 3, chunk), inverse = lanes_of(job.inverse, 1, chunk);
    const Lanes<T> slope = lanes_of(job.radial_slope, s.radial_p, chunk);
    const auto clear_lanes = [&](T *array, int rows) {
        clear(lanes_of(array, rows, chunk).data, std::ptrdiff_t(rows) * chunk.stride);
    };
    clear_lanes(job.radial, s.radial_p);
    clear_lanes(job.radial_slope, s.radial_p);
    clear_lanes(job.radial_bar, s.radial_p);
    clear_lanes(job.geometry_bar, 4);
    const auto clear_slack = [&](T *array, int rows) {
        for (int c = 0; c < rows; ++c) {
            clear(lanes_of(array, rows, chunk).at(c, chunk.lanes), chunk.stride - chunk.lanes);
        }
    };
    clear_slack(job.basis, s.basis);
    clear_slack(job.basis_slope, s.basis);
    clear_slack(job.harmonics, s.harmonics);
    const std::ptrdiff_t dummies = std::ptrdiff_t(chunk.stride - chunk.edges) * s.directional_p;
    for (int b = 0; b < s.blocks; ++b) {
        const std::ptrdiff_t at = (b * job.slots + chunk.slot + chunk.edges) * s.directional_p;
        for (T *rows : {job.y, job.z}) {
            clear(rows + at, dummies);
        }
    }
    for (int a = chunk.atom; a < chunk.atom + chunk.atoms; ++a) {
        job.atom_energy[a] = 0.0;
    }

    const double *vector = job.vector + 3 * chunk.slot;
    for (int e = 0; e < chunk.lanes; ++e) {
        const double *v = vector + 3 * e;
        const double i = 1.0 / __builtin_sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
        for (int k = 0; k < 3; ++k) {
            *unit.at(k, e) = T(v[k] * i);
        }
        *inverse.at(0, e) = T(i);
    }
    evaluate_basis(job, chunk);
    evaluate_harmonics<T>(job, chunk);
    for (int lane = 0; lane < chunk.lanes; lane += lanes<T>) {
        const Lanes<T> radial = tile_of(job.radial, s.radial_p, chunk, lane);
        radial_jets(net, load(inverse.at(0, lane)), [&](int k, const auto &jet) {
            store(radial.at(k, 0), jet.value);
            store(slope.at(k, lane), jet.d);
        });
    }
}

/// Adds the adjoints of the spherical basis and the harmonics of one block to dE/dd and dE/du.
template <class T>
TLMLP_NOINLINE void basis_reverse(const training::Job<T> &job, const training::Chunk &chunk, Lanes<T> basis_bar,
                                  Lanes<T> harmonics_bar) {
    const training::Network<T> &net = *job.network;
    const Sizes &s = net.sizes;
    const Lanes<T> unit = lanes_of(job.unit, 3, chunk), sum = lanes_of(job.geometry_bar, 4, chunk);
    const Lanes<T> slope = lanes_of(job.basis_slope, s.basis, chunk);
    for (int lane = 0; lane < chunk.lanes; lane += lanes<T>) {
        V<T> g[4] = {};
        for (int k = 0; k < s.basis; ++k) {
            g[0] += load(slope.at(k, lane)) * load(basis_bar.at(k, lane));
        }
        HarmonicsAt<T>(net, unit, lane).pull(harmonics_bar, lane, g[1], g[2], g[3]);
        for (int k = 0; k < 4; ++k) {
            store(sum.at(k, lane), load(sum.at(k, lane)) + g[k]);
        }
    }
}

/// dE/dvector, after adding the radial basis's part of dE/dd.
template <class T> TLMLP_NOINLINE void geometry_reverse(const training::Job<T> &job, const training::Chunk &chunk) {
    const Sizes &s = job.network->sizes;
    const Lanes<T> sum = lanes_of(job.geometry_bar, 4, chunk);
    const Lanes<T> slope = lanes_of(job.radial_slope, s.radial_p, chunk);
    const double *vector = job.vector + 3 * chunk.slot;
    double *vector_bar = job.vector_bar + 3 * chunk.slot;
    for (int lane = 0; lane < chunk.lanes; lane += lanes<T>) {
        const Lanes<T> bar = tile_of(job.radial_bar, s.radial_p, chunk, lane);
        V<T> distance_bar = load(sum.at(0, lane));
        for (int k = 0; k < s.radial; ++k) {
            distance_bar += load(slope.at(k, lane)) * load(bar.at(k, 0));
        }
        store_vector_bars<T>(vector + 3 * lane, distance_bar, sum, lane, vector_bar + 3 * lane);
    }
}

/// Tangents of distance, radial basis and harmonics along vector_dot; dummies stand still.
template <class T> TLMLP_NOINLINE void geometry_tangent(const training::Job<T> &job, const training::Chunk &chunk) {
    const training::Network<T> &net = *job.network;
    const Sizes &s = net.sizes;
    const Lanes<T> unit = lanes_of(job.unit, 3, chunk), inverse = lanes_of(job.inverse, 1, chunk);
    const Lanes<T> slope = lanes_of(job.radial_slope, s.radial_p, chunk);
    const Lanes<T> harmonics_dot = lanes_of(job.harmonics_dot, s.harmonics, chunk);
    const Lanes<T> distance_dot = lanes_of(job.distance_dot, 1, chunk);
    clear(distance_dot.data, chunk.stride);
    for (int c = 0; c < s.harmonics; ++c) {
        clear(harmonics_dot.at(c, chunk.lanes), chunk.stride - chunk.lanes);
    }
    const std::ptrdiff_t dummies = std::ptrdiff_t(chunk.stride - chunk.edges) * s.directional_p;
    for (int b = 0; b < s.blocks; ++b) {
        const std::ptrdiff_t at = (b * job.slots + chunk.slot + chunk.edges) * s.directional_p;
        for (T *rows : {job.y_dot, job.z_dot}) {
            clear(rows + at, dummies);
        }
    }
    clear(lanes_of(job.radial_bar2, s.radial_p, chunk).data, std::ptrdiff_t(s.radial_p) * chunk.stride);

    const double *vector = job.vector_dot + 3 * chunk.slot;
    for (int lane = 0; lane < chunk.lanes; lane += lanes<T>) {
        const V<T> u[3] = {load(unit.at(0, lane)), load(unit.at(1, lane)), load(unit.at(2, lane))};
        V<T> v[3] = {};
        for (int e = 0; e < lanes<T> && lane + e < chunk.edges; ++e) {
            for (int k = 0; k < 3; ++k) {
                v[k][e] = T(vector[3 * (lane + e) + k]);
            }
        }
        const V<T> along = u[0] * v[0] + u[1] * v[1] + u[2] * v[2];
        V<T> u_dot[3];
        for (int k = 0; k < 3; ++k) {
            u_dot[k] = (v[k] - along * u[k]) * load(inverse.at(0, lane));
        }
        store(distance_dot.at(0, lane), along);
        const Lanes<T> dot = tile_of(job.radial_dot, s.radial_p, chunk, lane);
        for (int k = 0; k < s.radial_p; ++k) {
            store(dot.at(k, 0), load(slope.at(k, lane)) * along);
        }
        HarmonicsAt<T>(net, unit, lane).gradients([&](int k, V<T> dx, V<T> dy, V<T> dz) {
            store(harmonics_dot.at(k, lane), u_dot[0] * dx + u_dot[1] * dy + u_dot[2] * dz);
        });
    }
}

/// Gradient of the frequencies: adjoints of e_n and of its tangent meet de/df and d2e/(dd df) d_dot.
template <class T>
TLMLP_NOINLINE void frequencies_second(const training::Job<T> &job, const training::Chunk &chunk, T *gradient) {
    const Sizes &s = job.network->sizes;
    const Lanes<T> inverse = lanes_of(job.inverse, 1, chunk), distance_dot = lanes_of(job.distance_dot, 1, chunk);
    for (int lane = 0; lane < chunk.lanes; lane += lanes<T>) {
        const V<T> dot = load(distance_dot.at(0, lane));
        const Lanes<T> bar = tile_of(job.radial_bar, s.radial_p, chunk, lane);
        const Lanes<T> bar2 = tile_of(job.radial_bar2, s.radial_p, chunk, lane);
        radial_jets(*job.network, load(inverse.at(0, lane)), [&](int k, const auto &jet) {
            T *to = gradient + k * training::bias_lanes;
            store(to, load(to) + jet.f * load(bar2.at(k, 0)) + jet.df * dot * load(bar.at(k, 0)));
        });
    }
}

} // namespace
