#pragma once

// The directional sum around one centre per block, without triplets; mirrors csrc/core/src/kernels/directional*.h.
// With y, R_l, Y_lm of the edges p that end at j:
//     A[lm][c] = sum_p y_p[c] R_l[c](d_p) Y_lm(p) / N_l,      z_p[c] = sum_lm Y_lm(p) A[lm][c] - y_p[c] sum_l N_l R_l[c](d_p)
// z_p belongs to the edge that leaves j against p and is written there. Sums over edges run in the order of the edges in
// one thread each: no atomics, the same bits whatever else is in the launch. Edges come through shared memory in parts of
// centre_edges. The gated sums of the output blocks, s_j[c] = sum_n W_g[c][n] sum_p e_p[n] m_p[c], are taken on the way.

#include "cuda/kernels/block.h"
#include "cuda/kernels/cuda_geometry.h"
#include "cuda/kernels/cuda_job.h"

namespace tlmlp::cuda {

TLMLP_HD inline int order_of(int lm) {
    int l = 0;
    while ((l + 1) * (l + 1) <= lm) {
        ++l;
    }
    return l;
}

template <class T> struct CentreArrays {
    static constexpr int P = centre_edges;
    T *a, *a_bar, *y, *z_bar, *basis, *harmonics, *t, *r_bar, *basis_bar, *harmonics_bar, *e, *m, *gates;

    TLMLP_HD int cut(T *memory, const Sizes &s, bool backward) {
        int used = 0;
        const auto take = [&](int n) {
            T *begin = memory ? memory + used : nullptr;
            used += (n + 3) / 4 * 4;
            return begin;
        };
        const int c = s.directional_p;
        a = take(s.harmonics * c);
        y = take(P * c);
        basis = take(P * s.basis);
        harmonics = take(P * s.harmonics);
        t = take(P * s.spherical * c);
        a_bar = backward ? take(s.harmonics * c) : nullptr;
        z_bar = backward ? take(P * c) : nullptr;
        r_bar = backward ? take(P * s.spherical * c) : nullptr;
        basis_bar = backward ? take(P * s.basis) : nullptr;
        harmonics_bar = backward ? take(P * s.harmonics) : nullptr;
        e = backward ? nullptr : take(P * s.radial);
        m = backward ? nullptr : take(s.embed_p * (P + 1)); // a column more, against bank conflicts
        gates = backward ? nullptr : take(s.radial * s.embed_p);
        return used;
    }
};

template <class T> TLMLP_HD inline int centres_shared(const Sizes &s, bool backward) {
    CentreArrays<T> arrays;
    return arrays.cut(nullptr, s, backward);
}

/// sum[lm][c] (+)= sum over n edges of harmonics[p][lm] * values[p * step_p + l * step_l + c]
template <class T, class Block>
TLMLP_HD inline void harmonic_sums(const Block &block, const Sizes &s, const T *harmonics, const T *values, int step_p,
                                   int step_l, int n, bool add, T *sum) {
    const int quads = s.directional_p / 4, row = s.harmonics;
    block.for_each(row * quads, [=](int item) {
        const int lm = item / quads, c = item % quads * 4;
        Four<T> total = add ? load4(sum + lm * 4 * quads + c) : Four<T>{};
        const T *value = values + order_of(lm) * step_l + c;
        for (int p = 0; p < n; ++p) {
            const T y = harmonics[p * row + lm];
            const Four<T> four = load4(value + p * step_p);
            for (int v = 0; v < 4; ++v) {
                total.v[v] += y * four.v[v];
            }
        }
        store4(sum + lm * 4 * quads + c, total);
    });
    block.sync();
}

/// sum[lm][c] /= N_l
template <class T, class Block>
TLMLP_HD inline void scale_orders(const Block &block, const Sizes &s, const T *legendre, T *sum) {
    block.for_each(s.harmonics * s.directional_p,
                   [=](int k) { sum[k] *= T(1) / legendre[order_of(k / s.directional_p)]; });
    block.sync();
}

/// gates[n][c] += sum_p e_p[n] m_p[c] of one part of the centre's edges.
template <class T, class Block>
TLMLP_HD inline void gated_sums(const Block &block, const Job<T> &job, int b, const CentreArrays<T> &w, int first,
                                int n) {
    constexpr int P = centre_edges, W = tile_lanes<T>;
    const Sizes &s = job.network.sizes;
    block.for_each(n * s.radial,
                   [&](int k) { w.e[k] = job.radial[std::int64_t(first + k / s.radial) * s.radial_p + k % s.radial]; });
    block.for_each(n * s.embed_p, [&](int k) {
        const int p = k % n, c = k / n, edge = first + p;
        w.m[c * (P + 1) + p] = job.message_tile(b, edge / W)[c * W + edge % W];
    });
    block.sync();
    block.for_each(s.radial * s.embed_p, [&](int k) {
        const int c = k % s.embed_p, row = k / s.embed_p;
        T total = w.gates[k];
        for (int p = 0; p < n; ++p) {
            total += w.e[p * s.radial + row] * w.m[c * (P + 1) + p];
        }
        w.gates[k] = total;
    });
    block.sync();
}

template <class T, class Block> TLMLP_HD inline void centres_forward(const Block &block, const Job<T> &job, int b) {
    constexpr int P = centre_edges;
    const Network<T> &net = job.network;
    const Sizes &s = net.sizes;
    const int row = s.directional_p, quads = row / 4;
    CentreArrays<T> w;
    w.cut(static_cast<T *>(block.shared), s, false);
    for (std::int64_t atom = block.index; atom < job.atoms; atom += block.count) {
        const int begin = job.offsets[atom], end = job.offsets[atom + 1];
        block.for_each(s.radial * s.embed_p, [&](int k) { w.gates[k] = T(0); });
        block.for_each(s.harmonics * row, [&](int k) { w.a[k] = T(0); });
        block.sync();
        for (int first = begin; first < end; first += P) {
            const int n = end - first < P ? end - first : P;
            gated_sums(block, job, b, w, first, n);
            if (b == s.blocks) {
                continue;
            }
            const Interaction<T> &layer = net.interactions[b];
            const std::int64_t from = first;
            const T *y = job.rows(job.y, b) + from * row;
            block.for_each(n * row, [&](int k) { w.y[k] = y[k]; });
            block.for_each(n * s.basis, [&](int k) { w.basis[k] = job.basis[from * s.basis + k]; });
            block.for_each(n * s.harmonics, [&](int k) { w.harmonics[k] = job.harmonics[from * s.harmonics + k]; });
            block.sync();
            block.for_each(n * quads, [&](int item) { // t[p][l] = y_p R_l, and z begins with -y_p sum_l N_l R_l
                const int p = item / quads, c = item % quads * 4;
                const Four<T> value = load4(w.y + p * row + c);
                const T *weights = radial_weights(layer.radial, s.basis, 0, c);
                Four<T> own{};
                for (int l = 0; l < s.spherical; ++l) {
                    Four<T> sum{};
                    for (int k = l * s.radial; k < (l + 1) * s.radial; ++k) {
                        const Four<T> weight = load4(weights + k * engine::row_pad);
                        const T basis = w.basis[p * s.basis + k];
                        for (int v = 0; v < 4; ++v) {
                            sum.v[v] += weight.v[v] * basis;
                        }
                    }
                    for (int v = 0; v < 4; ++v) {
                        sum.v[v] *= value.v[v];
                        own.v[v] -= sum.v[v] * net.legendre[l];
                    }
                    store4(w.t + (p * s.spherical + l) * row + c, sum);
                }
                store4(job.rows(job.z, b) + std::int64_t(job.reverse[first + p]) * row + c, own);
            });
            block.sync();
            harmonic_sums(block, s, w.harmonics, w.t, s.spherical * row, row, n, true, w.a);
        }
        s.each_output(b, [&](int output) {
            const T *gates = net.outputs[output].gate.forward;
            block.for_each(s.embed_p, [&](int c) {
                const T *gate =
                    gates + c / engine::output_group * s.radial * engine::output_group + c % engine::output_group;
                T sum = T(0);
                for (int k = 0; k < s.radial; ++k) {
                    sum += gate[k * engine::output_group] * w.gates[k * s.embed_p + c];
                }
                job.sums[(output * job.atoms + atom) * s.embed_p + c] = sum;
            });
        });
        if (b == s.blocks) {
            block.sync();
            continue;
        }
        scale_orders(block, s, net.legendre, w.a);
        block.for_each(s.harmonics * row, [&](int k) { job.A_of(b, atom)[k] = w.a[k]; });
        for (int first = begin; first < end; first += P) {
            const int n = end - first < P ? end - first : P;
            if (end - begin > P) { // else they are still there
                block.for_each(n * s.harmonics,
                               [&](int k) { w.harmonics[k] = job.harmonics[std::int64_t(first) * s.harmonics + k]; });
                block.sync();
            }
            block.for_each(n * quads, [&](int item) {
                const int p = item / quads, c = item % quads * 4;
                T *z = job.rows(job.z, b) + std::int64_t(job.reverse[first + p]) * row + c;
                Four<T> sum = load4(z);
                for (int lm = 0; lm < s.harmonics; ++lm) {
                    const T y = w.harmonics[p * s.harmonics + lm];
                    const Four<T> a = load4(w.a + lm * row + c);
                    for (int v = 0; v < 4; ++v) {
                        sum.v[v] += y * a.v[v];
                    }
                }
                store4(z, sum);
            });
            block.sync();
        }
        block.sync();
    }
}

/// One part of a centre's edges, loaded for the way back: dE/dz of the edges that leave against them, and harmonics.
template <class T, class Block>
TLMLP_HD inline void load_bars(const Block &block, const Job<T> &job, const CentreArrays<T> &w, int first, int n) {
    const Sizes &s = job.network.sizes;
    const int row = s.directional_p;
    block.for_each(n * row,
                   [&](int k) { w.z_bar[k] = job.z_bar[std::int64_t(job.reverse[first + k / row]) * row + k % row]; });
    block.for_each(n * s.harmonics,
                   [&](int k) { w.harmonics[k] = job.harmonics[std::int64_t(first) * s.harmonics + k]; });
}

template <class T, class Block> TLMLP_HD inline void centres_backward(const Block &block, const Job<T> &job, int b) {
    constexpr int P = centre_edges;
    const Network<T> &net = job.network;
    const Sizes &s = net.sizes;
    const Interaction<T> &layer = net.interactions[b];
    const int row = s.directional_p, quads = row / 4;
    CentreArrays<T> w;
    w.cut(static_cast<T *>(block.shared), s, true);
    for (std::int64_t atom = block.index; atom < job.atoms; atom += block.count) {
        const int begin = job.offsets[atom], end = job.offsets[atom + 1];
        block.for_each(s.harmonics * row, [&](int k) {
            w.a[k] = job.A_of(b, atom)[k];
            w.a_bar[k] = T(0);
        });
        for (int first = begin; first < end; first += P) {
            const int n = end - first < P ? end - first : P;
            block.sync();
            load_bars(block, job, w, first, n);
            block.sync();
            harmonic_sums(block, s, w.harmonics, w.z_bar, row, 0, n, true, w.a_bar);
        }
        block.sync();
        scale_orders(block, s, net.legendre, w.a_bar);
        for (int first = begin; first < end; first += P) {
            const int n = end - first < P ? end - first : P;
            const std::int64_t from = first;
            if (end - begin > P) {
                load_bars(block, job, w, first, n);
            }
            const T *y = job.rows(job.y, b) + from * row;
            block.for_each(n * row, [&](int k) { w.y[k] = y[k]; });
            block.for_each(n * s.basis, [&](int k) { w.basis[k] = job.basis[from * s.basis + k]; });
            block.sync();
            block.for_each(n * quads, [&](int item) {
                const int p = item / quads, c = item % quads * 4;
                const Four<T> value = load4(w.y + p * row + c), z_bar = load4(w.z_bar + p * row + c);
                const T *weights = radial_weights(layer.radial, s.basis, 0, c), *y_lm = w.harmonics + p * s.harmonics;
                Four<T> y_bar{};
                for (int l = 0; l < s.spherical; ++l) {
                    Four<T> radial{}, t_bar;
                    for (int k = l * s.radial; k < (l + 1) * s.radial; ++k) {
                        const Four<T> weight = load4(weights + k * engine::row_pad);
                        const T basis = w.basis[p * s.basis + k];
                        for (int v = 0; v < 4; ++v) {
                            radial.v[v] += weight.v[v] * basis;
                        }
                    }
                    for (int v = 0; v < 4; ++v) {
                        t_bar.v[v] = -net.legendre[l] * z_bar.v[v];
                    }
                    for (int lm = l * l; lm < (l + 1) * (l + 1); ++lm) {
                        const Four<T> a_bar = load4(w.a_bar + lm * row + c);
                        for (int v = 0; v < 4; ++v) {
                            t_bar.v[v] += y_lm[lm] * a_bar.v[v];
                        }
                    }
                    for (int v = 0; v < 4; ++v) {
                        y_bar.v[v] += t_bar.v[v] * radial.v[v];
                        t_bar.v[v] *= value.v[v];
                        radial.v[v] *= value.v[v];
                    }
                    store4(w.t + (p * s.spherical + l) * row + c, radial);
                    store4(w.r_bar + (p * s.spherical + l) * row + c, t_bar);
                }
                store4(job.y_bar + (from + p) * row + c, y_bar);
            });
            block.sync();
            block.for_each(n * s.harmonics, [&](int item) { // Y_bar_lm = sum_c A_bar[lm] y R_l + A[lm] z_bar
                const int p = item / s.harmonics, lm = item % s.harmonics;
                const T *product = w.t + (p * s.spherical + order_of(lm)) * row;
                T sum = T(0);
                for (int c = 0; c < row; c += 4) {
                    const Four<T> a = load4(w.a + lm * row + c), a_bar = load4(w.a_bar + lm * row + c);
                    const Four<T> t = load4(product + c), z_bar = load4(w.z_bar + p * row + c);
                    for (int v = 0; v < 4; ++v) {
                        sum += a_bar.v[v] * t.v[v] + a.v[v] * z_bar.v[v];
                    }
                }
                w.harmonics_bar[item] = sum;
            });
            block.for_each(n * s.basis, [&](int item) { // b_bar_ln = sum_c w_ln R_bar, times db_ln/dt at once
                const int p = item / s.basis, k = item % s.basis;
                const T *bar = w.r_bar + (p * s.spherical + k / s.radial) * row;
                T sum = T(0);
                for (int c = 0; c < row; c += 4) {
                    const Four<T> weight = load4(radial_weights(layer.radial, s.basis, k, c)), r = load4(bar + c);
                    for (int v = 0; v < 4; ++v) {
                        sum += weight.v[v] * r.v[v];
                    }
                }
                w.basis_bar[item] =
                    sum * table_value(net.table, job.interval[from + p], job.position[from + p], s.radial + k, true);
            });
            block.sync();
            block.for_each(n, [&](int p) {
                T sum = T(0), g[3];
                for (int k = 0; k < s.basis; ++k) {
                    sum += w.basis_bar[p * s.basis + k];
                }
                const T *unit = job.unit + 3 * (from + p), *bar = w.harmonics_bar + p * s.harmonics;
                if (s.spherical == 7) {
                    harmonics_pull<6>(6, net.harmonic_norms, unit, bar, g);
                } else {
                    harmonics_pull<max_order>(s.spherical - 1, net.harmonic_norms, unit, bar, g);
                }
                T *to = job.geometry_bar + 4 * (from + p);
                to[0] += sum;
                for (int k = 0; k < 3; ++k) {
                    to[1 + k] += g[k];
                }
            });
            block.sync();
        }
    }
}

} // namespace tlmlp::cuda
