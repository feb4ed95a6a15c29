#pragma once

// The directional sum around one centre j without triplets. With y, R_l, Y_lm of the edges p that end at j:
//     A[lm][c] = sum_p y_p[c] R_l[c](d_p) Y_lm(p) / N_l
//     z_p[c]   = sum_lm Y_lm(p) A[lm][c] - y_p[c] sum_l N_l R_l[c](d_p)
// z_p belongs to the edge that leaves j against p, whose direction from j is that of p; the last term removes the
// edge's own reverse (P_l(1) = 1). Channels are in the SIMD lanes, edges and harmonics are scalars broadcast from
// memory, so that the sum over edges needs no shuffle.

#include "kernels/layers.h"

namespace {

/// The edges of one centre: lane arrays that start at its first edge.
template <class T> struct Centre {
    Lanes<T> basis, harmonics;
    const T *y; ///< [edges][directional_p]
    int edges;
};

/// t[p][l] = y_p R_l(p) and own[p] = y_p sum_l N_l R_l(p) for the channels at `c`; t and own hold vectors.
template <class T>
TLMLP_INLINE void radial_rows(const Sizes &s, const T *weights, const T *legendre, const Centre<T> &centre, int c,
                              T *t, T *own) {
    constexpr int block = 4;
    const int row = s.directional_p;
    for (int first = 0; first < centre.edges; first += block) {
        V<T> y[block], mine[block] = {};
#pragma GCC unroll 4
        for (int p = 0; p < block; ++p) {
            y[p] = load(centre.y + std::ptrdiff_t(first + p) * row + c);
        }
        for (int l = 0; l < s.spherical; ++l) {
            V<T> sum[block] = {};
            const T *w = weights + std::ptrdiff_t(l) * s.radial * row + c;
            for (int n = 0; n < s.radial; ++n) {
                const V<T> weight = load(w + std::ptrdiff_t(n) * row);
                const T *b = centre.basis.at(l * s.radial + n, first);
#pragma GCC unroll 4
                for (int p = 0; p < block; ++p) {
                    sum[p] += weight * b[p];
                }
            }
#pragma GCC unroll 4
            for (int p = 0; p < block; ++p) {
                const V<T> product = sum[p] * y[p];
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

/// a[lm] = scale_l sum_p t[p][l] Y_lm(p) for the orders first_l..last_l, all accumulators in registers; t[p * step_p +
/// l * step_l] are vectors.
template <class T, int first_l, int last_l>
TLMLP_NOINLINE void harmonic_sums(Lanes<T> harmonics, const T *t, std::ptrdiff_t step_p, std::ptrdiff_t step_l,
                                  int edges, const T *legendre, T *a, int row) {
    constexpr int begin = first_l * first_l, count = (last_l + 1) * (last_l + 1) - begin;
    V<T> sum[count] = {};
    const T *y = harmonics.at(begin, 0);
    for (int p = 0; p < edges; ++p) {
#pragma GCC unroll 12
        for (int l = first_l; l <= last_l; ++l) {
            const V<T> value = load(t + p * step_p + l * step_l);
#pragma GCC unroll 25
            for (int k = l * l - begin; k < (l + 1) * (l + 1) - begin; ++k) {
                sum[k] += value * y[k * harmonics.ld + p];
            }
        }
    }
#pragma GCC unroll 12
    for (int l = first_l; l <= last_l; ++l) {
        const T scale = T(1) / legendre[l];
#pragma GCC unroll 25
        for (int k = l * l - begin; k < (l + 1) * (l + 1) - begin; ++k) {
            store(a + std::ptrdiff_t(begin + k) * row, sum[k] * scale);
        }
    }
}

/// All orders: those of the usual network in the groups that fill 32 registers, any others one by one.
template <class T>
TLMLP_INLINE void all_harmonic_sums(const Sizes &s, Lanes<T> harmonics, const T *t, std::ptrdiff_t step_p,
                                    std::ptrdiff_t step_l, int edges, const T *legendre, T *a) {
    const int row = s.directional_p;
    int l = 0;
#if TLMLP_SIMD_ROWS == 8
    if (s.spherical >= 4) {
        harmonic_sums<T, 0, 3>(harmonics, t, step_p, step_l, edges, legendre, a, row);
        l = 4;
    }
    if (s.spherical >= 6) {
        harmonic_sums<T, 4, 5>(harmonics, t, step_p, step_l, edges, legendre, a, row);
        l = 6;
    }
#else
    if (s.spherical >= 3) {
        harmonic_sums<T, 0, 2>(harmonics, t, step_p, step_l, edges, legendre, a, row);
        l = 3;
    }
#endif
    for (; l < s.spherical; ++l) {
        switch (l) {
#define TLMLP_ORDER(n)                                                                                                 \
    case n:                                                                                                            \
        harmonic_sums<T, n, n>(harmonics, t, step_p, step_l, edges, legendre, a, row);                                 \
        break;
            TLMLP_ORDER(0) TLMLP_ORDER(1) TLMLP_ORDER(2) TLMLP_ORDER(3) TLMLP_ORDER(4) TLMLP_ORDER(5) TLMLP_ORDER(6)
            TLMLP_ORDER(7) TLMLP_ORDER(8) TLMLP_ORDER(9) TLMLP_ORDER(10) TLMLP_ORDER(11)
#undef TLMLP_ORDER
        default:
            break;
        }
    }
}

/// out_p = sum_lm Y_lm(p) a[lm] - own_p for the channels at `c` of row arrays.
template <class T>
TLMLP_INLINE void evaluate_sums(const Sizes &s, Lanes<T> harmonics, const T *a, const T *own, int edges, int c,
                                T *out) {
    constexpr int block = 8;
    const int row = s.directional_p;
    for (int first = 0; first < edges; first += block) {
        V<T> sum[block];
#pragma GCC unroll 8
        for (int p = 0; p < block; ++p) {
            sum[p] = -load(own + std::ptrdiff_t(first + p) * lanes<T>);
        }
        for (int k = 0; k < s.harmonics; ++k) {
            const V<T> value = load(a + std::ptrdiff_t(k) * row + c);
            const T *y = harmonics.at(k, first);
#pragma GCC unroll 8
            for (int p = 0; p < block; ++p) {
                sum[p] += value * y[p];
            }
        }
        const int valid = edges - first < block ? edges - first : block;
        for (int p = 0; p < valid; ++p) {
            store(out + std::ptrdiff_t(first + p) * row + c, sum[p]);
        }
    }
}

/// A of one centre and z of the edges that leave it. `t` holds edges * spherical vectors, `own` edges vectors, both
/// with room for 8 edges more; `centre.y` is readable that far.
template <class T>
TLMLP_NOINLINE void directional_forward(const Sizes &s, const T *weights, const T *legendre, Centre<T> centre, T *t,
                                        T *own, T *a, T *z) {
    for (int c = 0; c < s.directional_p; c += lanes<T>) {
        radial_rows(s, weights, legendre, centre, c, t, own);
        all_harmonic_sums(s, centre.harmonics, t, s.spherical * lanes<T>, lanes<T>, centre.edges, legendre, a + c);
        evaluate_sums(s, centre.harmonics, a, own, centre.edges, c, z);
    }
}

} // namespace
