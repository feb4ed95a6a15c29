#pragma once

// The small contractions of the directional sum, over the entries (edges) of one atom. Arrays of an atom:
//     X [e][l][c] or [e][c]  channels c in the lanes, padded to `cp`
//     Y [e][lm]              spherical harmonics, row stride `qp`
//     A [lm][c]              per-atom sums
// Eight entries (or up to thirteen rows m) accumulate in registers at once, so that a vector loaded is used by as
// many multiply-adds, whose other factor is a broadcast.

#include "simd.h"

namespace {

inline constexpr int entry_block = 8;

#if TLMLP_SIMD_BYTES == 64
inline constexpr int order_block = 13;
#else
inline constexpr int order_block = 7;
#endif

template <int N> struct Count {
    static constexpr int value = N;
};

/// Calls body(Count<n>) for a run-time n in 1..Max.
template <int Max, class Body> TLMLP_INLINE void with_count(int n, Body &&body) {
    if constexpr (Max == 1) {
        body(Count<1>{});
    } else {
        if (n == Max) {
            body(Count<Max>{});
        } else {
            with_count<Max - 1>(n, body);
        }
    }
}

/// Calls body(Count<block>, first) over n entries in blocks of 8, 4 and 1.
template <class Body> TLMLP_INLINE void over_entries(std::int64_t n, Body &&body) {
    std::int64_t e = 0;
    for (; e + entry_block <= n; e += entry_block) {
        body(Count<entry_block>{}, e);
    }
    for (; e + 4 <= n; e += 4) {
        body(Count<4>{}, e);
    }
    for (; e < n; ++e) {
        body(Count<1>{}, e);
    }
}

struct Sizes {
    std::int64_t L, N, C; ///< orders, radial functions, channels
    std::int64_t cp;      ///< channels, padded to the lanes
    std::int64_t Q, qp;   ///< L^2, and the row stride of Y with room for overlapping stores
    std::int64_t sp;      ///< row stride of sbf, likewise
    std::int64_t np;      ///< radial functions in the lanes: half a vector or whole vectors
    std::int64_t lanes_;

    Sizes(std::int64_t L_, std::int64_t N_, std::int64_t C_, std::int64_t w)
        : L(L_), N(N_), C(C_), cp(round_up(C_, w)), Q(L_ * L_), qp(round_up(Q + w, 16)),
          sp(round_up(L_ * N_ + w, 16)), np(2 * N_ <= w ? w / 2 : round_up(N_, w)), lanes_(w) {}

    /// 2l+1 in the lanes: half a vector if it fits, else whole vectors.
    std::int64_t order_width(std::int64_t l) const {
        const std::int64_t width = 2 * l + 1;
        return 2 * width <= lanes_ ? lanes_ / 2 : round_up(width, lanes_);
    }

    /// Size of an array of transposed sums [l][c][m].
    std::int64_t transposed_size() const {
        std::int64_t size = 0;
        for (std::int64_t l = 0; l < L; ++l) {
            size += C * order_width(l);
        }
        return size;
    }
};

/// R[e][l][c] = [R +] sum_n s[e][l,n] w[l,n][c].
template <class T>
TLMLP_INLINE void expand_radial(const Sizes &z, std::int64_t n, const T *s, const T *w, bool add, T *R) {
    over_entries(n, [&](auto block, std::int64_t e) {
        constexpr int B = decltype(block)::value;
        for (std::int64_t v = 0; v < z.cp; v += lanes<T>) {
            for (std::int64_t l = 0; l < z.L; ++l) {
                V<T> sum[B];
                for (int i = 0; i < B; ++i) {
                    sum[i] = add ? load<T>(R + ((e + i) * z.L + l) * z.cp + v) : splat<T>(T(0));
                }
                for (std::int64_t k = l * z.N; k < (l + 1) * z.N; ++k) {
                    const V<T> weight = load<T>(w + k * z.cp + v);
                    for (int i = 0; i < B; ++i) {
                        sum[i] += s[(e + i) * z.sp + k] * weight;
                    }
                }
                for (int i = 0; i < B; ++i) {
                    store<T>(R + ((e + i) * z.L + l) * z.cp + v, sum[i]);
                }
            }
        }
    });
}

/// A[lm][c] = [A +] factor_l sum_e Y[e][lm] X[e][l][c]; `order_stride` is cp, or 0 if X has no index l.
template <class T>
TLMLP_INLINE void sum_entries(const Sizes &z, std::int64_t n, const T *Y, const T *X, std::int64_t entry_stride,
                              std::int64_t order_stride, const T *factor, bool add, T *A) {
    for (std::int64_t v = 0; v < z.cp; v += lanes<T>) {
        for (std::int64_t l = 0; l < z.L; ++l) {
            const int width = int(2 * l + 1), parts = (width + order_block - 1) / order_block;
            const int part = (width + parts - 1) / parts;
            const T scale = factor ? factor[l] : T(1);
            for (int m0 = 0; m0 < width; m0 += part) {
                with_count<order_block>(width - m0 < part ? width - m0 : part, [&](auto count) {
                    constexpr int M = decltype(count)::value;
                    const std::int64_t q = l * l + m0;
                    V<T> sum[M];
                    for (int m = 0; m < M; ++m) {
                        sum[m] = splat<T>(T(0));
                    }
                    for (std::int64_t e = 0; e < n; ++e) {
                        const V<T> x = load<T>(X + e * entry_stride + l * order_stride + v);
                        const T *row = Y + e * z.qp + q;
                        for (int m = 0; m < M; ++m) {
                            sum[m] += row[m] * x;
                        }
                    }
                    for (int m = 0; m < M; ++m) {
                        T *to = A + (q + m) * z.cp + v;
                        store<T>(to, add ? load<T>(to) + scale * sum[m] : scale * sum[m]);
                    }
                });
            }
        }
    }
}

/// out[e][c] = [out +] sum_lm Y[e][lm] A[lm][c].
template <class T>
TLMLP_INLINE void project(const Sizes &z, std::int64_t n, const T *Y, const T *A, bool add, T *out) {
    over_entries(n, [&](auto block, std::int64_t e) {
        constexpr int B = decltype(block)::value;
        for (std::int64_t v = 0; v < z.cp; v += lanes<T>) {
            V<T> sum[B];
            for (int i = 0; i < B; ++i) {
                sum[i] = add ? load<T>(out + (e + i) * z.cp + v) : splat<T>(T(0));
            }
            for (std::int64_t q = 0; q < z.Q; ++q) {
                const V<T> a = load<T>(A + q * z.cp + v);
                for (int i = 0; i < B; ++i) {
                    sum[i] += Y[(e + i) * z.qp + q] * a;
                }
            }
            for (int i = 0; i < B; ++i) {
                store<T>(out + (e + i) * z.cp + v, sum[i]);
            }
        }
    });
}

/// out[e][l][c] = [out +] sum_m Y[e][lm] A[lm][c] - factor_l G[e][c]; G may be null.
template <class T>
TLMLP_INLINE void project_orders(const Sizes &z, std::int64_t n, const T *Y, const T *A, const T *factor, const T *G,
                                 bool add, T *out) {
    over_entries(n, [&](auto block, std::int64_t e) {
        constexpr int B = decltype(block)::value;
        for (std::int64_t v = 0; v < z.cp; v += lanes<T>) {
            for (std::int64_t l = 0; l < z.L; ++l) {
                V<T> sum[B];
                for (int i = 0; i < B; ++i) {
                    sum[i] = add ? load<T>(out + ((e + i) * z.L + l) * z.cp + v) : splat<T>(T(0));
                    if (G) {
                        sum[i] -= factor[l] * load<T>(G + (e + i) * z.cp + v);
                    }
                }
                for (std::int64_t q = l * l; q < (l + 1) * (l + 1); ++q) {
                    const V<T> a = load<T>(A + q * z.cp + v);
                    for (int i = 0; i < B; ++i) {
                        sum[i] += Y[(e + i) * z.qp + q] * a;
                    }
                }
                for (int i = 0; i < B; ++i) {
                    store<T>(out + ((e + i) * z.L + l) * z.cp + v, sum[i]);
                }
            }
        }
    });
}

/// to[l][c][m] = factor_l A[lm][c], the orders in the lanes, zero padded.
template <class T> TLMLP_INLINE void transpose_orders(const Sizes &z, const T *A, const T *factor, T *to) {
    for (std::int64_t l = 0; l < z.L; ++l) {
        const std::int64_t width = z.order_width(l), orders = 2 * l + 1;
        const T scale = factor ? factor[l] : T(1);
        fill_zero(to, z.C * width);
        for (std::int64_t m = 0; m < orders; ++m) {
            const T *from = A + (l * l + m) * z.cp;
            for (std::int64_t c = 0; c < z.C; ++c) {
                to[c * width + m] = scale * from[c];
            }
        }
        to += z.C * width;
    }
}

/// One product of a contraction over channels: X[e][l][c], and the other factor [l][c][lane].
template <class T> struct ChannelTerm {
    const T *X;
    std::int64_t entry_stride, order_stride;
    const T *other;
};

/// One vector of a contraction over channels, for B entries: sum over terms and c of X[e][l][c] other[l][c][lane].
template <class Vector, int B, class T, int Terms>
TLMLP_INLINE void contract_vector(const Sizes &z, const ChannelTerm<T> (&terms)[Terms], int used, std::int64_t e,
                                  std::int64_t l, std::int64_t at, std::int64_t width, T *out,
                                  std::int64_t out_stride) {
    Vector sum[B];
    for (int i = 0; i < B; ++i) {
        sum[i] = Vector{};
    }
    for (int t = 0; t < used; ++t) {
        const ChannelTerm<T> &term = terms[t];
        const T *x = term.X + e * term.entry_stride + l * term.order_stride;
        const T *other = term.other + at;
        for (std::int64_t c = 0; c < z.C; ++c) {
            const Vector row = load_as<Vector>(other + c * width);
            for (int i = 0; i < B; ++i) {
                sum[i] += x[i * term.entry_stride + c] * row;
            }
        }
    }
    for (int i = 0; i < B; ++i) {
        store_as<Vector>(out + i * out_stride, sum[i]);
    }
}

/// out[e][start_l + i] = sum over terms and c of X[e][l][c] other[l][c][i], i = 0..width_l-1. Rows of `out` are
/// written in whole (or half) vectors in ascending l, so each overwrites the padding of the one before.
template <class T, int Terms, class Width, class Start>
TLMLP_INLINE void contract_channels(const Sizes &z, std::int64_t n, const ChannelTerm<T> (&terms)[Terms], int used,
                                    Width &&width_of, Start &&start_of, T *out, std::int64_t out_stride) {
    over_entries(n, [&](auto block, std::int64_t e) {
        constexpr int B = decltype(block)::value;
        std::int64_t offset = 0;
        for (std::int64_t l = 0; l < z.L; ++l) {
            const std::int64_t width = width_of(l);
            T *to = out + e * out_stride + start_of(l);
            if (width < lanes<T>) {
                contract_vector<Half<T>, B>(z, terms, used, e, l, offset, width, to, out_stride);
            }
            for (std::int64_t v = 0; v + lanes<T> <= width; v += lanes<T>) {
                contract_vector<V<T>, B>(z, terms, used, e, l, offset + v, width, to + v, out_stride);
            }
            offset += z.C * width;
        }
    });
}

/// w[l,n][c] += sum_e s[e][l,n] X[e][l][c].
template <class T>
TLMLP_INLINE void sum_weight(const Sizes &z, std::int64_t n, const T *s, const T *X, T *w) {
    for (std::int64_t v = 0; v < z.cp; v += lanes<T>) {
        for (std::int64_t l = 0; l < z.L; ++l) {
            for (std::int64_t k0 = 0; k0 < z.N; k0 += order_block) {
                const std::int64_t left = z.N - k0;
                with_count<order_block>(int(left < order_block ? left : order_block), [&](auto count) {
                    constexpr int K = decltype(count)::value;
                    T *to = w + (l * z.N + k0) * z.cp + v;
                    V<T> sum[K];
                    for (int k = 0; k < K; ++k) {
                        sum[k] = load<T>(to + k * z.cp);
                    }
                    for (std::int64_t e = 0; e < n; ++e) {
                        const V<T> x = load<T>(X + (e * z.L + l) * z.cp + v);
                        const T *row = s + e * z.sp + l * z.N + k0;
                        for (int k = 0; k < K; ++k) {
                            sum[k] += row[k] * x;
                        }
                    }
                    for (int k = 0; k < K; ++k) {
                        store<T>(to + k * z.cp, sum[k]);
                    }
                });
            }
        }
    }
}

} // namespace
