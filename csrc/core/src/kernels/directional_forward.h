#pragma once

// The directional sum around one centre j without triplets. With y, R_l, Y_lm of the edges p that end at j:
//     A[lm][c] = sum_p y_p[c] R_l[c](d_p) Y_lm(p) / N_l
//     z_p[c]   = sum_lm Y_lm(p) A[lm][c] - y_p[c] sum_l N_l R_l[c](d_p)
// z_p belongs to the edge that leaves j against p, whose direction from j is that of p; the last term removes the
// edge's own reverse (P_l(1) = 1). Channels are in the SIMD lanes, edges and harmonics are scalars broadcast from
// memory, so that the sum over edges needs no shuffle. Channels go in blocks of row_pad, so that strides are constants.

#include "kernels/layers.h"
#include "kernels/orders.h"

namespace {

/// The edges of one centre: lane arrays that start at its first edge.
template <class T> struct Centre {
    Lanes<T> basis, harmonics;
    const T *y; ///< [edges][directional_p]
    int edges;
};

/// t[p][l] = y_p R_l(p) for one block of row_pad channels, to whose first `weights` and `y` point; t is
/// [edges][spherical][row_pad].
template <class T>
TLMLP_INLINE void radial_rows(const Sizes &s, const T *weights, const Centre<T> &centre, const T *y, T *t) {
    constexpr int vectors = channel_vectors<T>, block = channel_edges<T>;
    const std::ptrdiff_t row = s.directional_p, step = std::ptrdiff_t(s.spherical) * row_pad;
    for (int c = 0; c < row_pad; c += vectors * lanes<T>) {
        for (int first = 0; first < centre.edges; first += block) {
            for (int l = 0; l < s.spherical; ++l) {
                V<T> sum[block][vectors] = {};
                const T *w = weights + std::ptrdiff_t(l) * s.radial * row_pad + c;
                for (int n = 0; n < s.radial; ++n) {
                    V<T> weight[vectors];
#pragma GCC unroll 2
                    for (int v = 0; v < vectors; ++v) {
                        weight[v] = load(w + n * row_pad + v * lanes<T>);
                    }
                    const T *b = centre.basis.at(l * s.radial + n, first);
#pragma GCC unroll 8
                    for (int p = 0; p < block; ++p) {
#pragma GCC unroll 2
                        for (int v = 0; v < vectors; ++v) {
                            sum[p][v] += weight[v] * b[p];
                        }
                    }
                }
#pragma GCC unroll 8
                for (int p = 0; p < block; ++p) {
#pragma GCC unroll 2
                    for (int v = 0; v < vectors; ++v) {
                        const int at = c + v * lanes<T>;
                        store(t + (first + p) * step + l * row_pad + at, sum[p][v] * load(y + (first + p) * row + at));
                    }
                }
            }
        }
    }
}

/// z_p -= sum_l N_l t[p][l]: the edge's own reverse. `t` points to the first edge and channel.
template <class T, int block, int vectors>
TLMLP_INLINE void own_terms(const Sizes &s, const T *legendre, const T *t, V<T> (&z)[block][vectors]) {
    const std::ptrdiff_t step = std::ptrdiff_t(s.spherical) * row_pad;
    for (int l = 0; l < s.spherical; ++l) {
        const V<T> norm = splat<T>(legendre[l]);
#pragma GCC unroll 8
        for (int p = 0; p < block; ++p) {
#pragma GCC unroll 2
            for (int v = 0; v < vectors; ++v) {
                z[p][v] -= norm * load(t + p * step + l * row_pad + v * lanes<T>);
            }
        }
    }
}

/// Edges whose harmonics are copied to a place with a constant stride, which `harmonic_sums` needs for its addresses.
inline constexpr int edge_block = 64;

/// a[lm] (set, or with `add` added to) = scale_l sum_p t[p][l] Y_lm(p) for the orders first_l..last_l, all accumulators
/// in registers; y is [harmonics][edge_block], t[p * step_p + l * step_l] are vectors.
template <class T, int first_l, int last_l>
TLMLP_NOINLINE void harmonic_sums(const T *y, const T *t, std::ptrdiff_t step_p, std::ptrdiff_t step_l, int edges,
                                  const T *legendre, T *a, bool add) {
    constexpr int begin = first_l * first_l, count = (last_l + 1) * (last_l + 1) - begin;
    V<T> sum[count] = {};
    y += begin * edge_block;
    for (int p = 0; p < edges; ++p) {
#pragma GCC unroll 12
        for (int l = first_l; l <= last_l; ++l) {
            const V<T> value = load(t + p * step_p + l * step_l);
#pragma GCC unroll 25
            for (int k = l * l - begin; k < (l + 1) * (l + 1) - begin; ++k) {
                sum[k] += value * y[k * edge_block + p];
            }
        }
    }
#pragma GCC unroll 12
    for (int l = first_l; l <= last_l; ++l) {
        const T scale = T(1) / legendre[l];
#pragma GCC unroll 25
        for (int k = l * l - begin; k < (l + 1) * (l + 1) - begin; ++k) {
            T *out = a + (begin + k) * row_pad;
            store(out, (add ? load(out) : V<T>{}) + sum[k] * scale);
        }
    }
}

/// All orders of up to edge_block edges: those of the usual network in the groups that fill the registers, any others
/// one by one.
template <class T>
TLMLP_INLINE void orders_sums(const Sizes &s, const T *y, const T *t, std::ptrdiff_t step_p, std::ptrdiff_t step_l,
                              int edges, const T *legendre, T *a, bool add) {
    int l = 0;
#if TLMLP_SIMD_ROWS == 8
    if (s.spherical >= 4) {
        harmonic_sums<T, 0, 3>(y, t, step_p, step_l, edges, legendre, a, add);
        l = 4;
    }
    if (s.spherical >= 6) {
        harmonic_sums<T, 4, 5>(y, t, step_p, step_l, edges, legendre, a, add);
        l = 6;
    }
#else
    if (s.spherical >= 3) {
        harmonic_sums<T, 0, 2>(y, t, step_p, step_l, edges, legendre, a, add);
        l = 3;
    }
#endif
    for (; l < s.spherical; ++l) {
        switch (l) {
#define TLMLP_ORDER(n)                                                                                                 \
    case n:                                                                                                            \
        harmonic_sums<T, n, n>(y, t, step_p, step_l, edges, legendre, a, add);                                         \
        break;
            TLMLP_EACH_ORDER(TLMLP_ORDER)
#undef TLMLP_ORDER
        default:
            break;
        }
    }
}

/// a[lm] = scale_l sum_p t[p][l] Y_lm(p) for one block of row_pad channels and any number of edges; `copy` is work
/// space, [harmonics][edge_block].
template <class T>
TLMLP_INLINE void all_harmonic_sums(const Sizes &s, Lanes<T> harmonics, const T *t, std::ptrdiff_t step_p,
                                    std::ptrdiff_t step_l, int edges, const T *legendre, T *a, T *copy) {
    for (int first = 0; first == 0 || first < edges; first += edge_block) {
        const int n = edges - first < edge_block ? edges - first : edge_block;
        for (int k = 0; k < s.harmonics; ++k) {
            for (int p = 0; p < n; p += lanes<T>) {
                store(copy + k * edge_block + p, load(harmonics.at(k, first + p)));
            }
        }
        for (int c = 0; c < row_pad; c += lanes<T>) {
            orders_sums(s, copy, t + first * step_p + c, step_p, step_l, n, legendre, a + c, first > 0);
        }
    }
}

/// z_p += sum_lm Y_lm(p) a[lm] for the edges from `first` on; `a` points to the first channel.
template <class T, int block, int vectors>
TLMLP_INLINE void sum_terms(const Sizes &s, Lanes<T> harmonics, const T *a, int first, V<T> (&z)[block][vectors]) {
    for (int k = 0; k < s.harmonics; ++k) {
        V<T> value[vectors];
#pragma GCC unroll 2
        for (int v = 0; v < vectors; ++v) {
            value[v] = load(a + k * row_pad + v * lanes<T>);
        }
        const T *y = harmonics.at(k, first);
#pragma GCC unroll 8
        for (int p = 0; p < block; ++p) {
#pragma GCC unroll 2
            for (int v = 0; v < vectors; ++v) {
                z[p][v] += value[v] * y[p];
            }
        }
    }
}

/// out_p = z_p for one block of row_pad channels, to whose first `out` points: terms(z, first, c) adds to the zeros in
/// z[edge][vector of channels] what belongs to the edges from `first` and the channels from c on.
template <class T, class Terms> TLMLP_INLINE void each_z(const Sizes &s, int edges, T *out, Terms &&terms) {
    constexpr int vectors = channel_vectors<T>, block = channel_edges<T>;
    const std::ptrdiff_t row = s.directional_p;
    for (int c = 0; c < row_pad; c += vectors * lanes<T>) {
        for (int first = 0; first < edges; first += block) {
            V<T> z[block][vectors] = {};
            terms(z, first, c);
#pragma GCC unroll 8
            for (int p = 0; p < block; ++p) {
                for (int v = 0; first + p < edges && v < vectors; ++v) {
                    store(out + (first + p) * row + c + v * lanes<T>, z[p][v]);
                }
            }
        }
    }
}

/// A of one centre, [directional_p / row_pad][harmonics][row_pad], and z of the edges that leave it. `t` is as in
/// radial_rows, with room for 8 edges more; `centre.y` is readable that far.
template <class T>
TLMLP_NOINLINE void directional_forward(const Sizes &s, const T *weights, const T *legendre, Centre<T> centre, T *t,
                                        T *copy, T *a, T *z) {
    const std::ptrdiff_t step = std::ptrdiff_t(s.spherical) * row_pad;
    for (int c = 0; c < s.directional_p; c += row_pad) {
        T *sums = a + std::ptrdiff_t(c) * s.harmonics;
        radial_rows(s, weights + std::ptrdiff_t(c) * s.basis, centre, centre.y + c, t);
        all_harmonic_sums(s, centre.harmonics, t, step, row_pad, centre.edges, legendre, sums, copy);
        each_z(s, centre.edges, z + c, [&](auto &rows, int first, int at) TLMLP_FINISH {
            own_terms<T>(s, legendre, t + first * step + at, rows);
            sum_terms<T>(s, centre.harmonics, sums + at, first, rows);
        });
    }
}

} // namespace
