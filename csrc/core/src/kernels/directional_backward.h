#pragma once

// Reverse of directional_forward.h around one centre. Given z_bar_p = dE/dz_p of the edges that leave the centre:
//     A_bar[lm] = sum_p Y_lm(p) z_bar_p / N_l                                   (channels in the lanes)
// and then, with the edges in the lanes, for every order l and channel c
//     t_bar = sum_m A_bar[lm] Y_lm - N_l z_bar        the adjoint of y R_l, own-reverse term included
//     y_bar += t_bar R_l,   R_bar = t_bar y,   Y_bar_lm += A_bar[lm] y R_l + A[lm] z_bar,   b_bar_ln += w_ln R_bar
// which has no sum across lanes. Lanes behind the last edge carry y = z_bar = 0.

#include "kernels/directional_forward.h"

namespace {

inline constexpr int max_terms = 2 * 11 + 1; ///< of an order

/// One vector of edges and one block of row_pad channels.
template <class T> struct BlockBackward {
    Lanes<T> basis, harmonics, basis_bar, harmonics_bar; ///< from the vector's first edge on
    const T *weights;                                    ///< [spherical][radial][row_pad]
    const T *a, *a_bar;                                  ///< [harmonics][row_pad]
    const T *y, *z_bar;                                  ///< [row_pad][lanes]
    T *radial, *radial_bar;                              ///< work space, [row_pad][lanes]
    T *order;                                            ///< work space, [max_terms][lanes]
    T *y_bar;                                            ///< [row_pad][lanes]
    bool add;                                            ///< to basis_bar and harmonics_bar, which are set otherwise
};

/// rows[c] = sum_n w_ln[c] b_ln for one order
template <class T> TLMLP_INLINE void radial_of_order(const Sizes &s, const T *order, Lanes<T> basis, T *rows) {
    constexpr int block = 8;
    for (int c = 0; c < row_pad; c += block) {
        V<T> sum[block] = {};
        for (int n = 0; n < s.radial; ++n) {
            const V<T> b = load(basis.at(n, 0));
#pragma GCC unroll 8
            for (int k = 0; k < block; ++k) {
                sum[k] += b * order[n * row_pad + c + k];
            }
        }
#pragma GCC unroll 8
        for (int k = 0; k < block; ++k) {
            store(rows + (c + k) * lanes<T>, sum[k]);
        }
    }
}

/// basis_bar_n (+)= sum_c w_n[c] radial_bar[c] for `count` functions at a time
template <class T, int count>
TLMLP_INLINE void basis_of_order(const T *order, const T *radial_bar, Lanes<T> basis_bar, bool add) {
    V<T> even[count] = {}, odd[count] = {};
#pragma GCC unroll 4
    for (int n = 0; n < count; ++n) {
        even[n] = add ? load(basis_bar.at(n, 0)) : V<T>{};
    }
    for (int c = 0; c < row_pad; c += 2) {
        const V<T> a = load(radial_bar + c * lanes<T>), b = load(radial_bar + (c + 1) * lanes<T>);
#pragma GCC unroll 4
        for (int n = 0; n < count; ++n) {
            even[n] += a * order[n * row_pad + c];
            odd[n] += b * order[n * row_pad + c + 1];
        }
    }
#pragma GCC unroll 4
    for (int n = 0; n < count; ++n) {
        store(basis_bar.at(n, 0), even[n] + odd[n]);
    }
}

/// The terms m of one order, from its begin-th to the one before its end-th: all of Y_bar, and what t_bar has of them.
/// The first call starts t_bar, kept in w.radial_bar, the last one completes it and passes it on.
template <class T, int l, int begin, int end> TLMLP_INLINE void order_terms(T legendre, const BlockBackward<T> &w) {
    constexpr int count = end - begin, first = l * l + begin, width = lanes<T>;
    constexpr bool starts = begin == 0, completes = end == 2 * l + 1;
    // Sums fill 16 registers: there harmonics come from memory, and from aligned memory, which the edges' lanes are not.
    constexpr bool in_memory = TLMLP_SIMD_ROWS < 8;
    T *const copy = w.order;
    V<T> y_bar_lm[count], y_lm[count];
#pragma GCC unroll 25
    for (int k = 0; k < count; ++k) {
        y_bar_lm[k] = w.add ? load(w.harmonics_bar.at(first + k, 0)) : V<T>{};
        y_lm[k] = load(w.harmonics.at(first + k, 0));
        if (in_memory) {
            store(copy + k * width, y_lm[k]);
        }
    }
    const T *a = w.a + first * row_pad, *a_bar = w.a_bar + first * row_pad;
    T *const radial_bar = w.radial_bar, *const y_bar = w.y_bar;
    for (int c = 0; c < row_pad; ++c) {
        const V<T> y = load(w.y + c * width), z_bar = load(w.z_bar + c * width);
        const V<T> radial = load(w.radial + c * width);
        const V<T> t = y * radial;
        V<T> t_bar = starts ? -(z_bar * legendre) : load(radial_bar + c * width);
#pragma GCC unroll 25
        for (int k = 0; k < count; ++k) {
            t_bar += (in_memory ? load(copy + k * width) : y_lm[k]) * a_bar[k * row_pad + c];
            y_bar_lm[k] += t * a_bar[k * row_pad + c];
            y_bar_lm[k] += z_bar * a[k * row_pad + c];
        }
        if (completes) {
            store(y_bar + c * width, load(y_bar + c * width) + t_bar * radial);
        }
        store(radial_bar + c * width, completes ? t_bar * y : t_bar);
    }
#pragma GCC unroll 25
    for (int k = 0; k < count; ++k) {
        store(w.harmonics_bar.at(first + k, 0), y_bar_lm[k]);
    }
}

template <class T, int l> TLMLP_NOINLINE void order_backward(const Sizes &s, T legendre, const BlockBackward<T> &w) {
    // With TLMLP_SIMD_ROWS = 4 (16 registers) not more than 9 terms keep their sums in registers.
    constexpr int terms = 2 * l + 1, parts = TLMLP_SIMD_ROWS < 8 ? (terms + 8) / 9 : 1,
                  part = (terms + parts - 1) / parts;
    const T *order = w.weights + std::ptrdiff_t(l) * s.radial * row_pad;
    radial_of_order(s, order, {w.basis.at(l * s.radial, 0), w.basis.ld}, w.radial);
    order_terms<T, l, 0, part>(legendre, w);
    if constexpr (parts > 1) {
        order_terms<T, l, part, (2 * part < terms ? 2 * part : terms)>(legendre, w);
    }
    if constexpr (parts > 2) {
        order_terms<T, l, 2 * part, terms>(legendre, w);
    }
    int n = 0;
    const auto basis_bar = [&](int at)
                               TLMLP_FINISH { return Lanes<T>{w.basis_bar.at(l * s.radial + at, 0), w.basis_bar.ld}; };
    for (; n + 3 <= s.radial; n += 3) {
        basis_of_order<T, 3>(order + n * row_pad, w.radial_bar, basis_bar(n), w.add);
    }
    for (; n < s.radial; ++n) {
        basis_of_order<T, 1>(order + n * row_pad, w.radial_bar, basis_bar(n), w.add);
    }
}

template <class T> TLMLP_INLINE void orders_backward(const Sizes &s, const T *legendre, const BlockBackward<T> &w) {
    for (int l = 0; l < s.spherical; ++l) {
        switch (l) {
#define TLMLP_ORDER(n)                                                                                                 \
    case n:                                                                                                            \
        order_backward<T, n>(s, legendre[n], w);                                                                       \
        break;
            TLMLP_EACH_ORDER(TLMLP_ORDER)
#undef TLMLP_ORDER
        default:
            break;
        }
    }
}

/// rows[lane][row] of row_pad channels -> columns[c][lanes], zero behind the first `valid` lanes.
template <class T> TLMLP_INLINE void to_columns(const T *rows, int row, int valid, T *columns) {
    for (int c = 0; c < row_pad; c += lanes<T>) {
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

/// Work space of one centre's reverse pass, in numbers of T: A_bar, a copy of harmonics, five blocks of vectors, and the
/// harmonics of an order.
template <class T> constexpr std::ptrdiff_t centre_scratch(const Sizes &s) {
    return std::ptrdiff_t(s.harmonics) * (s.directional_p + edge_block) + 5 * row_pad * lane_pad + max_terms * lane_pad;
}

/// A_bar of one centre; `copy` as in all_harmonic_sums.
template <class T>
TLMLP_INLINE void centre_adjoint(const Sizes &s, const T *legendre, Lanes<T> harmonics, const T *z_bar, int edges,
                                 T *copy, T *a_bar) {
    const int row = s.directional_p;
    for (int c = 0; c < row; c += row_pad) {
        all_harmonic_sums(s, harmonics, z_bar + c, row, 0, edges, legendre, a_bar + std::ptrdiff_t(c) * s.harmonics,
                          copy);
    }
}

/// y_bar, basis_bar and harmonics_bar are lane arrays that start at the centre's first edge; up to a vector of lanes
/// behind its last edge is overwritten, so centres must come in the order of their lanes. A_bar is made from z_bar, or
/// is zero where the atom's owner makes it. What was `received` is added, in the layout of `a`, unless it is null.
template <class T>
TLMLP_NOINLINE void directional_backward(const Sizes &s, const T *weights, const T *legendre, Centre<T> centre,
                                         const T *a, const T *z_bar, bool owned, const T *received, T *scratch,
                                         Lanes<T> y_bar, Lanes<T> basis_bar, Lanes<T> harmonics_bar) {
    const int row = s.directional_p;
    const std::ptrdiff_t size_a = std::ptrdiff_t(row) * s.harmonics;
    T *const a_bar = scratch, *const copy = a_bar + size_a;
    T *const block = copy + std::ptrdiff_t(s.harmonics) * edge_block;
    if (owned) {
        centre_adjoint(s, legendre, centre.harmonics, z_bar, centre.edges, copy, a_bar);
    } else {
        for (std::ptrdiff_t k = 0; k < size_a; k += lanes<T>) {
            store(a_bar + k, V<T>{});
        }
    }
    for (std::ptrdiff_t k = 0; received && k < size_a; k += lanes<T>) {
        store(a_bar + k, load(a_bar + k) + load(received + k));
    }
    constexpr int size = row_pad * lanes<T>;
    for (int lane = 0; lane < centre.edges; lane += lanes<T>) {
        const auto from = [lane](Lanes<T> array) TLMLP_FINISH { return Lanes<T>{array.data + lane, array.ld}; };
        for (int c = 0; c < row; c += row_pad) {
            const std::ptrdiff_t first_row = std::ptrdiff_t(lane) * row + c;
            to_columns(centre.y + first_row, row, centre.edges - lane, block);
            to_columns(z_bar + first_row, row, centre.edges - lane, block + size);
            T *sum = block + 4 * size;
            for (int k = 0; k < size; k += lanes<T>) {
                store(sum + k, V<T>{});
            }
            orders_backward<T>(s, legendre,
                               {from(centre.basis), from(centre.harmonics), from(basis_bar), from(harmonics_bar),
                                weights + std::ptrdiff_t(c) * s.basis, a + std::ptrdiff_t(c) * s.harmonics,
                                a_bar + std::ptrdiff_t(c) * s.harmonics, block, block + size, block + 2 * size,
                                block + 3 * size, block + 5 * size, sum, c > 0});
            for (int k = 0; k < row_pad; ++k) {
                store(y_bar.at(c + k, lane), load(sum + k * lanes<T>));
            }
        }
    }
}

} // namespace
