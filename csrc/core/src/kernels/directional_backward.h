#pragma once

// Reverse of directional.h around one centre. Given z_bar_p = dE/dz_p of the edges that leave the centre:
//     A_bar[lm] = sum_p Y_lm(p) z_bar_p / N_l                                   (channels in the lanes)
// and then, with the edges in the lanes, for every order l and channel c
//     t_bar = sum_m A_bar[lm] Y_lm - N_l z_bar        the adjoint of y R_l, own-reverse term included
//     y_bar += t_bar R_l,   R_bar = t_bar y,   Y_bar_lm += A_bar[lm] y R_l + A[lm] z_bar,   b_bar_ln += w_ln R_bar
// which has no sum across lanes. Lanes behind the last edge carry y = z_bar = 0.

#include "kernels/directional.h"

namespace {

template <class T> struct CentreBackward {
    Centre<T> centre;
    const T *a, *a_bar;           ///< [harmonics][directional_p]
    const T *y, *z_bar;           ///< [directional][lanes]: this vector of edges
    T *radial, *radial_bar;       ///< work space, [directional][lanes]
    T *y_bar;                     ///< [directional][lanes]
    Lanes<T> basis_bar, harmonics_bar;
};

/// Order l, the vector of edges that starts at `lane`.
template <class T, int l>
TLMLP_NOINLINE void order_backward(const Sizes &s, const T *weights, T legendre, const CentreBackward<T> &w,
                                   int lane) {
    constexpr int count = 2 * l + 1, begin = l * l;
    constexpr int block = 4;
    const int row = s.directional_p, width = lanes<T>;
    const T *order = weights + std::ptrdiff_t(l) * s.radial * row;

    for (int c = 0; c < row; c += block) {
        V<T> sum[block] = {};
        for (int n = 0; n < s.radial; ++n) {
            const V<T> b = load(w.centre.basis.at(l * s.radial + n, lane));
#pragma GCC unroll 4
            for (int k = 0; k < block; ++k) {
                sum[k] += b * order[std::ptrdiff_t(n) * row + c + k];
            }
        }
#pragma GCC unroll 4
        for (int k = 0; k < block; ++k) {
            store(w.radial + (c + k) * width, sum[k]);
        }
    }

    V<T> y_bar_lm[count], y_lm[count];
#pragma GCC unroll 25
    for (int k = 0; k < count; ++k) {
        y_bar_lm[k] = V<T>{};
        y_lm[k] = load(w.centre.harmonics.at(begin + k, lane));
    }
    for (int c = 0; c < row; ++c) {
        const T *a = w.a + std::ptrdiff_t(begin) * row + c;
        const T *a_bar = w.a_bar + std::ptrdiff_t(begin) * row + c;
        const V<T> y = load(w.y + c * width), z_bar = load(w.z_bar + c * width);
        const V<T> radial = load(w.radial + c * width);
        const V<T> t = y * radial;
        V<T> t_bar = -(z_bar * legendre);
#pragma GCC unroll 25
        for (int k = 0; k < count; ++k) {
            t_bar += y_lm[k] * a_bar[std::ptrdiff_t(k) * row];
            y_bar_lm[k] += t * a_bar[std::ptrdiff_t(k) * row];
            y_bar_lm[k] += z_bar * a[std::ptrdiff_t(k) * row];
        }
        store(w.y_bar + c * width, load(w.y_bar + c * width) + t_bar * radial);
        store(w.radial_bar + c * width, t_bar * y);
    }
#pragma GCC unroll 25
    for (int k = 0; k < count; ++k) {
        store(w.harmonics_bar.at(begin + k, lane), y_bar_lm[k]);
    }

    for (int n = 0; n < s.radial; ++n) {
        V<T> even = {}, odd = {};
        const T *weight = order + std::ptrdiff_t(n) * row;
        for (int c = 0; c < row; c += 2) {
            even += load(w.radial_bar + c * width) * weight[c];
            odd += load(w.radial_bar + (c + 1) * width) * weight[c + 1];
        }
        store(w.basis_bar.at(l * s.radial + n, lane), even + odd);
    }
}

template <class T>
TLMLP_INLINE void orders_backward(const Sizes &s, const T *weights, const T *legendre, const CentreBackward<T> &w,
                                  int lane) {
    for (int l = 0; l < s.spherical; ++l) {
        switch (l) {
#define TLMLP_ORDER(n)                                                                                                 \
    case n:                                                                                                            \
        order_backward<T, n>(s, weights, legendre[n], w, lane);                                                        \
        break;
            TLMLP_ORDER(0) TLMLP_ORDER(1) TLMLP_ORDER(2) TLMLP_ORDER(3) TLMLP_ORDER(4) TLMLP_ORDER(5) TLMLP_ORDER(6)
            TLMLP_ORDER(7) TLMLP_ORDER(8) TLMLP_ORDER(9) TLMLP_ORDER(10) TLMLP_ORDER(11)
#undef TLMLP_ORDER
        default:
            break;
        }
    }
}

/// rows[lane][row] -> columns[c][lanes], zero behind the first `valid` lanes.
template <class T> TLMLP_INLINE void to_columns(const T *rows, int row, int valid, T *columns) {
    for (int c = 0; c < row; c += lanes<T>) {
        V<T> block[lanes<T>];
#pragma GCC unroll 16
        for (int p = 0; p < lanes<T>; ++p) {
            block[p] = p < valid ? load(rows + std::ptrdiff_t(p) * row + c) : V<T>{};
        }
        transpose<T>(block);
#pragma GCC unroll 16
        for (int k = 0; k < lanes<T>; ++k) {
            store(columns + (c + k) * lanes<T>, block[k]);
        }
    }
}

/// Work space of one centre's reverse pass, in numbers of T: A_bar and five blocks of directional_p vectors.
template <class T> constexpr std::ptrdiff_t centre_scratch(const Sizes &s) {
    return std::ptrdiff_t(s.directional_p) * (s.harmonics + 5 * lane_pad);
}

/// y_bar, basis_bar and harmonics_bar are lane arrays that start at the centre's first edge; up to a vector of lanes
/// behind its last edge is overwritten, so centres must come in the order of their lanes.
template <class T>
TLMLP_NOINLINE void directional_backward(const Sizes &s, const T *weights, const T *legendre, Centre<T> centre,
                                         const T *a, const T *z_bar, T *scratch, Lanes<T> y_bar, Lanes<T> basis_bar,
                                         Lanes<T> harmonics_bar) {
    const int row = s.directional_p;
    T *a_bar = scratch, *block = a_bar + std::ptrdiff_t(row) * s.harmonics;
    for (int c = 0; c < row; c += lanes<T>) {
        all_harmonic_sums(s, centre.harmonics, z_bar + c, row, 0, centre.edges, legendre, a_bar + c);
    }
    const int size = row * lanes<T>;
    for (int lane = 0; lane < centre.edges; lane += lanes<T>) {
        const int valid = centre.edges - lane;
        to_columns(centre.y + std::ptrdiff_t(lane) * row, row, valid, block);
        to_columns(z_bar + std::ptrdiff_t(lane) * row, row, valid, block + size);
        T *sum = block + 4 * size;
        for (int k = 0; k < size; k += lanes<T>) {
            store(sum + k, V<T>{});
        }
        orders_backward<T>(s, weights, legendre,
                           {centre, a, a_bar, block, block + size, block + 2 * size, block + 3 * size, sum, basis_bar,
                            harmonics_bar},
                           lane);
        for (int c = 0; c < s.directional; ++c) {
            store(y_bar.at(c, lane), load(sum + c * lanes<T>));
        }
    }
}

} // namespace
