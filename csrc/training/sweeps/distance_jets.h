#pragma once

// The functions of the distance with their slopes, for which training keeps them; the tangents of all that the network
// sees of an edge along a given vector of each; and the gradient of the frequencies.

#include "kernels/geometry.h"
#include "kernels/sine.h"
#include "sweep_job.h"
#include "tlmlp/math/radial.h"

namespace {

namespace training = tlmlp::training;

/// consume(k, jet) of the radial functions at one vector of distances, given as 1/d.
template <class T, class Consume>
TLMLP_INLINE void radial_jets(const Network<T> &net, V<T> inverse, Consume &&consume) {
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

/// Everything of the distance that the forward sweep needs; clears what vectors that start at a chunk's last edges read
/// behind them.
template <class T> TLMLP_NOINLINE void evaluate_distance(const training::SweepJob<T> &job, const Chunk &chunk) {
    const Network<T> &net = *job.network;
    const Sizes &s = net.sizes;
    const Lanes<T> inverse = lanes_of(job.inverse, 1, chunk),
                   radial_slope = lanes_of(job.radial_slope, s.radial_p, chunk);
    const Lanes<T> basis = lanes_of(job.basis, s.basis, chunk), slope = lanes_of(job.basis_slope, s.basis, chunk);
    for (T *array : {job.radial, job.radial_slope}) {
        clear(lanes_of(array, s.radial_p, chunk).data, std::ptrdiff_t(s.radial_p) * chunk.stride);
    }
    const auto clear_slack = [&](Lanes<T> array, int rows) {
        for (int c = 0; c < rows; ++c) {
            clear(array.at(c, chunk.lanes), chunk.stride - chunk.lanes);
        }
    };
    clear_slack(basis, s.basis);
    clear_slack(slope, s.basis);
    clear_slack(lanes_of(job.harmonics, s.harmonics, chunk), s.harmonics);
    for (int b = 0; b < s.blocks; ++b) {
        const std::ptrdiff_t at = (b * job.slots + chunk.slot + chunk.edges) * s.directional_p;
        for (T *rows : {job.y, job.z}) {
            clear(rows + at, std::ptrdiff_t(chunk.stride - chunk.edges) * s.directional_p);
        }
    }
    locate(job, chunk, inverse.data);
    for (int lane = 0; lane < chunk.lanes; lane += lanes<T>) {
        table_rows<T, true, true>(job, chunk, lane, [&](int k, V<T> value, V<T> first) {
            if (k < s.basis) {
                store(basis.at(k, lane), value);
                store(slope.at(k, lane), first);
            }
        });
        const Lanes<T> radial = tile_of(job.radial, s.radial_p, chunk, lane);
        radial_jets(net, load(inverse.at(0, lane)), [&](int k, const auto &jet) {
            store(radial.at(k, 0), jet.value);
            store(radial_slope.at(k, lane), jet.d);
        });
    }
}

/// The slopes kept, for the way back.
template <class T> struct KeptSlopes {
    const training::SweepJob<T> &of;
    template <class Consume>
    TLMLP_INLINE void radial(const Job<T> &, const Chunk &chunk, int lane, Consume &&consume) const {
        const Lanes<T> slope = lanes_of(of.radial_slope, of.network->sizes.radial_p, chunk);
        for (int k = 0; k < of.network->sizes.radial; ++k) {
            consume(k, load(slope.at(k, lane)));
        }
    }
    template <class Consume>
    TLMLP_INLINE void basis(const Job<T> &, const Chunk &chunk, int lane, Consume &&consume) const {
        const Lanes<T> slope = lanes_of(of.basis_slope, of.network->sizes.basis, chunk);
        for (int k = 0; k < of.network->sizes.basis; ++k) {
            consume(k, load(slope.at(k, lane)));
        }
    }
};

/// Tangents of distance, radial basis and harmonics along vector_dot; dummies stand still.
template <class T> TLMLP_NOINLINE void geometry_tangent(const training::SweepJob<T> &job, const Chunk &chunk) {
    const Network<T> &net = *job.network;
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
TLMLP_NOINLINE void frequencies_second(const training::SweepJob<T> &job, const Chunk &chunk, T *gradient) {
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
