#pragma once

// The directional sum around one centre (core/src/kernels/directional_forward.h) along a tangent, and the second sweep through
// it. With T_p[l] = y_p R_l(p), A = sum_p T Y / N, z = Y A - sum_l N_l T and dots for tangents
//     T_dot = y_dot R + y R_dot,   A_dot = sum_p (T_dot Y + T Y_dot) / N,   z_dot = Y_dot A + Y A_dot - sum_l N_l T_dot.
// The adjoints of z_dot (z_bar of the reverse sweep) and of z (z_bar2) give
//     a_bar  = sum_p Y z_bar / N,                      t_bar  = Y a_bar - N z_bar
//     a_bar2 = sum_p (Y z_bar2 + Y_dot z_bar) / N,     t_bar2 = Y a_bar2 + Y_dot a_bar - N z_bar2
//     y_bar2 = sum_l (t_bar2 R + t_bar R_dot),   R_bar2 = t_bar2 y + t_bar y_dot,   R_dot_bar = t_bar y
// and the weights of R_l = sum_n w_ln b_ln collect w_bar = sum_p (b R_bar2 + b_dot R_dot_bar). Basis and harmonics
// depend on no weight: nothing goes on to them. Channels are in the lanes throughout; what belongs to edges is copied
// to places with constant strides, [function][edge_block].

#include "kernels/directional_backward.h"

namespace {

/// Edges of one centre; `first` counts from its first edge in all lane arrays.
template <class T> struct CentreJet {
    Lanes<T> basis, basis_slope, harmonics, harmonics_dot;
    const T *distance_dot;
    const T *y, *y_dot; ///< [edges][directional_p]
    int edges;
};

/// Functions of up to edge_block edges, [function][edge_block].
template <class T> struct EdgeCopies {
    T *basis, *basis_dot, *harmonics, *harmonics_dot;
};

template <class T> constexpr std::ptrdiff_t edge_copies_size(const Sizes &s) {
    return std::ptrdiff_t(2) * (s.basis + s.harmonics) * edge_block;
}

template <class T> TLMLP_INLINE EdgeCopies<T> edge_copies(const Sizes &s, T *memory) {
    T *harmonics = memory + std::ptrdiff_t(2) * s.basis * edge_block;
    return {memory, memory + std::ptrdiff_t(s.basis) * edge_block, harmonics,
            harmonics + std::ptrdiff_t(s.harmonics) * edge_block};
}

template <class T>
TLMLP_NOINLINE void copy_edges(const Sizes &s, const CentreJet<T> &centre, int first, int n, EdgeCopies<T> to) {
    // Whole blocks of lane_pad edges: what lies behind the last edge is finite, and its sums are thrown away.
    for (int p = 0; p < pad_to(n, lane_pad); p += lanes<T>) {
        const V<T> distance_dot = load(centre.distance_dot + first + p);
        for (int k = 0; k < s.basis; ++k) {
            store(to.basis + k * edge_block + p, load(centre.basis.at(k, first + p)));
            store(to.basis_dot + k * edge_block + p, load(centre.basis_slope.at(k, first + p)) * distance_dot);
        }
        for (int k = 0; k < s.harmonics; ++k) {
            store(to.harmonics + k * edge_block + p, load(centre.harmonics.at(k, first + p)));
            store(to.harmonics_dot + k * edge_block + p, load(centre.harmonics_dot.at(k, first + p)));
        }
    }
}

/// t = T and t_dot = T_dot, [p][l] vectors, and own_dot = sum_l N_l T_dot, for one vector of channels of the edges
/// first..first + n - 1; all three are written up to the next multiple of 4 edges.
template <class T>
TLMLP_NOINLINE void radial_rows_tangent(const Sizes &s, const T *weights, const T *legendre, EdgeCopies<T> copies,
                                        const T *y, const T *y_dot, int n, T *t, T *t_dot, T *own_dot) {
    constexpr int block = 4;
    const std::ptrdiff_t row = s.directional_p;
    for (int first = 0; first < n; first += block) {
        V<T> value[block], value_dot[block], mine[block] = {};
#pragma GCC unroll 4
        for (int p = 0; p < block; ++p) {
            value[p] = load(y + (first + p) * row);
            value_dot[p] = load(y_dot + (first + p) * row);
        }
        for (int l = 0; l < s.spherical; ++l) {
            V<T> sum[block] = {}, sum_dot[block] = {};
            const T *w = weights + std::ptrdiff_t(l) * s.radial * row_pad;
            for (int k = 0; k < s.radial; ++k) {
                const V<T> weight = load(w + k * row_pad);
                const T *b = copies.basis + (l * s.radial + k) * edge_block + first;
                const T *b_dot = copies.basis_dot + (l * s.radial + k) * edge_block + first;
#pragma GCC unroll 4
                for (int p = 0; p < block; ++p) {
                    sum[p] += weight * b[p];
                    sum_dot[p] += weight * b_dot[p];
                }
            }
#pragma GCC unroll 4
            for (int p = 0; p < block; ++p) {
                const std::ptrdiff_t at = ((first + p) * std::ptrdiff_t(s.spherical) + l) * lanes<T>;
                store(t + at, sum[p] * value[p]);
                const V<T> product = sum[p] * value_dot[p] + sum_dot[p] * value[p];
                store(t_dot + at, product);
                mine[p] += product * legendre[l];
            }
        }
#pragma GCC unroll 4
        for (int p = 0; p < block; ++p) {
            store(own_dot + std::ptrdiff_t(first + p) * lanes<T>, mine[p]);
        }
    }
}

/// out_p = sum_lm (Y a + Y_dot a2) - own_p for one vector of channels.
template <class T>
TLMLP_NOINLINE void evaluate_sums_tangent(const Sizes &s, EdgeCopies<T> copies, const T *a, const T *a2, const T *own,
                                          int n, T *out) {
    constexpr int block = 8;
    const std::ptrdiff_t row = s.directional_p;
    for (int first = 0; first < n; first += block) {
        V<T> sum[block];
#pragma GCC unroll 8
        for (int p = 0; p < block; ++p) {
            sum[p] = -load(own + std::ptrdiff_t(first + p) * lanes<T>);
        }
        for (int k = 0; k < s.harmonics; ++k) {
            const V<T> value = load(a + k * row_pad), value2 = load(a2 + k * row_pad);
            const T *y = copies.harmonics + k * edge_block + first;
            const T *y_dot = copies.harmonics_dot + k * edge_block + first;
#pragma GCC unroll 8
            for (int p = 0; p < block; ++p) {
                sum[p] += value * y[p];
                sum[p] += value2 * y_dot[p];
            }
        }
#pragma GCC unroll 8
        for (int p = 0; p < block; ++p) {
            if (first + p < n) {
                store(out + (first + p) * row, sum[p]);
            }
        }
    }
}

/// Numbers of T of work space of `directional_tangent`.
template <class T> constexpr std::ptrdiff_t tangent_scratch(const Sizes &s, int max_edges) {
    return edge_copies_size<T>(s) + std::ptrdiff_t(s.harmonics) * row_pad +
           std::ptrdiff_t(max_edges + edge_block) * (2 * s.spherical + 1) * lanes<T>;
}

/// z_dot of the edges that leave the centre; `a` is A of the forward sweep.
template <class T>
TLMLP_NOINLINE void directional_tangent(const Sizes &s, const T *weights, const T *legendre, const CentreJet<T> &centre,
                                        const T *a, T *scratch, T *z_dot) {
    const EdgeCopies<T> copies = edge_copies(s, scratch);
    T *a_dot = scratch + edge_copies_size<T>(s);
    T *t = a_dot + std::ptrdiff_t(s.harmonics) * row_pad;
    const std::ptrdiff_t vectors = std::ptrdiff_t(centre.edges + edge_block) * lanes<T>;
    T *t_dot = t + vectors * s.spherical, *own = t_dot + vectors * s.spherical;
    const std::ptrdiff_t row = s.directional_p, step = std::ptrdiff_t(s.spherical) * lanes<T>;
    for (int c = 0; c < s.directional_p; c += lanes<T>) {
        const int block = c / row_pad, inside = c % row_pad;
        const T *w = weights + std::ptrdiff_t(block) * s.basis * row_pad + inside;
        for (int first = 0; first == 0 || first < centre.edges; first += edge_block) {
            const int n = centre.edges - first < edge_block ? centre.edges - first : edge_block;
            if (c == 0 || centre.edges > edge_block) {
                copy_edges(s, centre, first, n, copies);
            }
            T *rows = t + first * step, *rows_dot = t_dot + first * step;
            radial_rows_tangent(s, w, legendre, copies, centre.y + first * row + c, centre.y_dot + first * row + c, n,
                                rows, rows_dot, own + first * lanes<T>);
            orders_sums(s, copies.harmonics, rows_dot, step, lanes<T>, n, legendre, a_dot, first > 0);
            orders_sums(s, copies.harmonics_dot, rows, step, lanes<T>, n, legendre, a_dot, true);
        }
        const T *sums = a + std::ptrdiff_t(block) * s.harmonics * row_pad + inside;
        for (int first = 0; first < centre.edges; first += edge_block) {
            const int n = centre.edges - first < edge_block ? centre.edges - first : edge_block;
            if (centre.edges > edge_block) {
                copy_edges(s, centre, first, n, copies);
            }
            evaluate_sums_tangent(s, copies, a_dot, sums, own + first * lanes<T>, n, z_dot + first * row + c);
        }
    }
}

/// One order l of the second sweep for one vector of channels and up to edge_block edges.
template <class T> struct OrderSecond {
    const T *weights;                                       ///< [radial][row_pad] of this order
    T *weights_bar;                                         ///< the same
    const T *a_bar, *a_bar2;                                ///< [2l + 1][row_pad]
    const T *basis, *basis_dot, *harmonics, *harmonics_dot; ///< this order's, [function][edge_block]
    const T *y, *y_dot, *z_bar, *z_bar2;                    ///< [edges][row]; zero rows behind the last edge
    T *y_bar2;                                              ///< [edges][lanes], added to
    std::ptrdiff_t row;
    int edges, radial;
};

template <class T, int l> TLMLP_NOINLINE void order_second(T legendre, const OrderSecond<T> &w) {
    constexpr int block = 4, count = 2 * l + 1;
    for (int first = 0; first < w.edges; first += block) {
        V<T> t_bar[block], t_bar2[block], r[block] = {}, r_dot[block] = {};
#pragma GCC unroll 4
        for (int p = 0; p < block; ++p) {
            t_bar[p] = -(load(w.z_bar + (first + p) * w.row) * legendre);
            t_bar2[p] = -(load(w.z_bar2 + (first + p) * w.row) * legendre);
        }
#pragma GCC unroll 25
        for (int k = 0; k < count; ++k) {
            const V<T> a = load(w.a_bar + k * row_pad), a2 = load(w.a_bar2 + k * row_pad);
            const T *y = w.harmonics + k * edge_block + first, *y_dot = w.harmonics_dot + k * edge_block + first;
#pragma GCC unroll 4
            for (int p = 0; p < block; ++p) {
                t_bar[p] += a * y[p];
                t_bar2[p] += a2 * y[p];
                t_bar2[p] += a * y_dot[p];
            }
        }
        for (int n = 0; n < w.radial; ++n) {
            const V<T> weight = load(w.weights + n * row_pad);
            const T *b = w.basis + n * edge_block + first, *b_dot = w.basis_dot + n * edge_block + first;
#pragma GCC unroll 4
            for (int p = 0; p < block; ++p) {
                r[p] += weight * b[p];
                r_dot[p] += weight * b_dot[p];
            }
        }
        V<T> r_bar2[block], r_dot_bar[block];
#pragma GCC unroll 4
        for (int p = 0; p < block; ++p) {
            T *to = w.y_bar2 + (first + p) * lanes<T>;
            store(to, load(to) + t_bar2[p] * r[p] + t_bar[p] * r_dot[p]);
            // Edges behind the last one have y = y_dot = 0 and add nothing to the weights.
            const V<T> y = load(w.y + (first + p) * w.row), y_dot = load(w.y_dot + (first + p) * w.row);
            const bool inside = first + p < w.edges;
            r_bar2[p] = inside ? t_bar2[p] * y + t_bar[p] * y_dot : V<T>{};
            r_dot_bar[p] = inside ? t_bar[p] * y : V<T>{};
        }
        for (int n = 0; n < w.radial; ++n) {
            const T *b = w.basis + n * edge_block + first, *b_dot = w.basis_dot + n * edge_block + first;
            V<T> sum = load(w.weights_bar + n * row_pad), sum_dot = {};
#pragma GCC unroll 4
            for (int p = 0; p < block; ++p) {
                sum += r_bar2[p] * b[p];
                sum_dot += r_dot_bar[p] * b_dot[p];
            }
            store(w.weights_bar + n * row_pad, sum + sum_dot);
        }
    }
}

template <class T> TLMLP_INLINE void orders_second(const Sizes &s, int l, T legendre, const OrderSecond<T> &w) {
    (void)s;
    switch (l) {
#define TLMLP_ORDER(n)                                                                                                 \
    case n:                                                                                                            \
        order_second<T, n>(legendre, w);                                                                               \
        break;
        TLMLP_EACH_ORDER(TLMLP_ORDER)
#undef TLMLP_ORDER
    default:
        break;
    }
}

template <class T> constexpr std::ptrdiff_t second_scratch(const Sizes &s, int max_edges) {
    return edge_copies_size<T>(s) + std::ptrdiff_t(2) * s.harmonics * row_pad +
           std::ptrdiff_t(max_edges + edge_block) * lanes<T>;
}

/// y_bar2 (rows of the centre's edges) and the gradient of the radial weights, from z_bar and z_bar2. Both are
/// [edges][row] of the edges that leave the centre, readable 4 rows further.
template <class T>
TLMLP_NOINLINE void directional_second(const Sizes &s, const T *weights, const T *legendre, const CentreJet<T> &centre,
                                       const T *z_bar, const T *z_bar2, T *scratch, T *y_bar2, T *weights_bar) {
    const EdgeCopies<T> copies = edge_copies(s, scratch);
    T *a_bar = scratch + edge_copies_size<T>(s), *a_bar2 = a_bar + std::ptrdiff_t(s.harmonics) * row_pad;
    T *sums = a_bar2 + std::ptrdiff_t(s.harmonics) * row_pad;
    const std::ptrdiff_t row = s.directional_p;
    for (int c = 0; c < s.directional_p; c += lanes<T>) {
        const std::ptrdiff_t at = std::ptrdiff_t(c / row_pad) * s.basis * row_pad + c % row_pad;
        for (int first = 0; first == 0 || first < centre.edges; first += edge_block) {
            const int n = centre.edges - first < edge_block ? centre.edges - first : edge_block;
            if (c == 0 || centre.edges > edge_block) {
                copy_edges(s, centre, first, n, copies);
            }
            const T *bar = z_bar + first * row + c, *bar2 = z_bar2 + first * row + c;
            orders_sums(s, copies.harmonics, bar, row, 0, n, legendre, a_bar, first > 0);
            orders_sums(s, copies.harmonics, bar2, row, 0, n, legendre, a_bar2, first > 0);
            orders_sums(s, copies.harmonics_dot, bar, row, 0, n, legendre, a_bar2, true);
        }
        for (int first = 0; first < centre.edges; first += edge_block) {
            const int n = centre.edges - first < edge_block ? centre.edges - first : edge_block;
            if (centre.edges > edge_block) {
                copy_edges(s, centre, first, n, copies);
            }
            for (int p = 0; p < n + 4; ++p) {
                store(sums + p * lanes<T>, V<T>{});
            }
            for (int l = 0; l < s.spherical; ++l) {
                const std::ptrdiff_t radial = std::ptrdiff_t(l) * s.radial;
                orders_second<T>(s, l, legendre[l],
                                 {weights + at + radial * row_pad, weights_bar + at + radial * row_pad,
                                  a_bar + l * l * row_pad, a_bar2 + l * l * row_pad, copies.basis + radial * edge_block,
                                  copies.basis_dot + radial * edge_block, copies.harmonics + l * l * edge_block,
                                  copies.harmonics_dot + l * l * edge_block, centre.y + first * row + c,
                                  centre.y_dot + first * row + c, z_bar + first * row + c, z_bar2 + first * row + c,
                                  sums, row, n, s.radial});
            }
            for (int p = 0; p < n; ++p) {
                store(y_bar2 + (first + p) * row + c, load(sums + p * lanes<T>));
            }
        }
    }
}

} // namespace
