#pragma once

// The directional sum around one centre j without triplets. With y, R_l, Y_lm of the edges p that end at j:
//     A[lm][c] = sum_p y_p[c] R_l[c](d_p) Y_lm(p) / N_l
//     z_p[c]   = sum_lm Y_lm(p) A[lm][c] - y_p[c] sum_l N_l R_l[c](d_p)
// z_p belongs to the edge that leaves j against p, whose direction from j is that of p; the last term removes the
// edge's own reverse (P_l(1) = 1). Channels are in the SIMD lanes, edges and harmonics are scalars broadcast from
// memory, so that the sum over edges needs no shuffle. Channels go in blocks of row_pad, so that strides are constants.

#include "kernels/layers.h"

namespace {

/// The edges of one centre: lane arrays that start at its first edge.
template <class T> struct Centre {
    Lanes<T> basis, harmonics;
    const T *y; ///< [edges][directional_p]
    int edges;
};

/// t[p][l] = y_p R_l(p) and own[p] = y_p sum_l N_l R_l(p) for one vector of channels: `y` and `weights` point to its
/// first; t and own hold vectors.
template <class T>
TLMLP_INLINE void radial_rows(const Sizes &s, const T *weights, const T *legendre, const Centre<T> &centre, const T *y,
                              T *t, T *own) {
    constexpr int block = 4;
    const std::ptrdiff_t row = s.directional_p;
    for (int first = 0; first < centre.edges; first += block) {
        V<T> value[block], mine[block] = {};
#pragma GCC unroll 4
        for (int p = 0; p < block; ++p) {
            value[p] = load(y + (first + p) * row);
        }
        for (int l = 0; l < s.spherical; ++l) {
            V<T> sum[block] = {};
            const T *w = weights + std::ptrdiff_t(l) * s.radial * row_pad;
            for (int n = 0; n < s.radial; ++n) {
                const V<T> weight = load(w + n * row_pad);
                const T *b = centre.basis.at(l * s.radial + n, first);
#pragma GCC unroll 4
                for (int p = 0; p < block; ++p) {
                    sum[p] += weight * b[p];
                }
            }
#pragma GCC unroll 4
            for (int p = 0; p < block; ++p) {
                const V<T> product = sum[p] * value[p];
                store(t + ((first + p) * std::ptrdiff_t(s.spherical) + l) * lanes<T>, product);
                mine[p] += product * legendre[l];
            }
        }
#pragma GCC unroll 4
        for (int p = 0; p < block; ++p) {
            store(own + std::ptrdiff_t(first + p) * lanes<T>, mine[p]);
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
            TLMLP_ORDER(0) TLMLP_ORDER(1) TLMLP_ORDER(2) TLMLP_ORDER(3) TLMLP_ORDER(4) TLMLP_ORDER(5) TLMLP_ORDER(6)
            TLMLP_ORDER(7) TLMLP_ORDER(8) TLMLP_ORDER(9) TLMLP_ORDER(10) TLMLP_ORDER(11)
#undef TLMLP_ORDER
        default:
            break;
        }
    }
}

/// a[lm] = scale_l sum_p t[p][l] Y_lm(p) for one vector of channels of any number of edges; `copy` is work space,
/// [harmonics][edge_block].
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
        orders_sums(s, copy, t + first * step_p, step_p, step_l, n, legendre, a, first > 0);
    }
}

/// out_p = sum_lm Y_lm(p) a[lm] - own_p for one vector of channels.
template <class T>
TLMLP_INLINE void evaluate_sums(const Sizes &s, Lanes<T> harmonics, const T *a, const T *own, int edges, T *out) {
    constexpr int block = 8;
    const std::ptrdiff_t row = s.directional_p;
    for (int first = 0; first < edges; first += block) {
        V<T> sum[block];
#pragma GCC unroll 8
        for (int p = 0; p < block; ++p) {
            sum[p] = -load(own + std::ptrdiff_t(first + p) * lanes<T>);
        }
        for (int k = 0; k < s.harmonics; ++k) {
            const V<T> value = load(a + k * row_pad);
            const T *y = harmonics.at(k, first);
#pragma GCC unroll 8
            for (int p = 0; p < block; ++p) {
                sum[p] += value * y[p];
            }
        }
#pragma GCC unroll 8
        for (int p = 0; p < block; ++p) {
            if (first + p < edges) {
                store(out + (first + p) * row, sum[p]);
            }
        }
    }
}

/// A of one centre, [directional_p / row_pad][harmonics][row_pad], and z of the edges that leave it. `t` holds edges *
/// spherical vectors, `own` edges vectors, both with room for 8 edges more; `centre.y` is readable that far.
template <class T>
TLMLP_NOINLINE void directional_forward(const Sizes &s, const T *weights, const T *legendre, Centre<T> centre, T *t,
                                        T *own, T *copy, T *a, T *z) {
    for (int c = 0; c < s.directional_p; c += lanes<T>) {
        const int block = c / row_pad, inside = c % row_pad;
        T *sums = a + std::ptrdiff_t(block) * s.harmonics * row_pad + inside;
        radial_rows(s, weights + std::ptrdiff_t(block) * s.basis * row_pad + inside, legendre, centre, centre.y + c, t,
                    own);
        all_harmonic_sums(s, centre.harmonics, t, s.spherical * lanes<T>, lanes<T>, centre.edges, legendre, sums, copy);
        evaluate_sums(s, centre.harmonics, sums, own, centre.edges, z + c);
    }
}

} // namespace
