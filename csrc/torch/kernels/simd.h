#pragma once

// SIMD vectors of one instruction level, by the compiler's vector extension. Included by level.cpp only, which is
// compiled once per level; everything lives in an unnamed namespace, so that no function compiled for a newer
// processor can be picked by the linker for an older one. No header with inline functions is included,
// except the intrinsics, which are always inlined.

#include <cstddef>
#include <cstdint>

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

namespace {

#define TLMLP_INLINE inline __attribute__((always_inline))

template <class T> struct VectorOf {
    typedef T type __attribute__((vector_size(TLMLP_SIMD_BYTES)));
};
template <class T> using V = typename VectorOf<T>::type;
/// Half a vector: narrow rows take half the execution width where the processor has more narrow units.
template <class T> struct HalfOf {
    typedef T type __attribute__((vector_size(TLMLP_SIMD_BYTES / 2)));
};
template <class T> using Half = typename HalfOf<T>::type;
template <class T> inline constexpr int lanes = TLMLP_SIMD_BYTES / int(sizeof(T));

/// Vector registers that one block of accumulators may take.
#if TLMLP_SIMD_BYTES == 64
inline constexpr int block_rows = 12;
#else
inline constexpr int block_rows = 6;
#endif

template <class T> TLMLP_INLINE V<T> load(const T *p) {
    V<T> v;
    __builtin_memcpy(&v, p, sizeof(v));
    return v;
}

template <class T> TLMLP_INLINE void store(T *p, V<T> v) { __builtin_memcpy(p, &v, sizeof(v)); }

template <class T> TLMLP_INLINE V<T> splat(T x) { return V<T>{} + x; }

template <class T> TLMLP_INLINE T horizontal_sum(V<T> v) {
    T sum = v[0];
    for (int i = 1; i < lanes<T>; ++i) {
        sum += v[i];
    }
    return sum;
}

/// For a vector type by name: V<T> or Half<T>.
template <class Vector, class T> TLMLP_INLINE Vector load_as(const T *p) {
    Vector v;
    __builtin_memcpy(&v, p, sizeof(v));
    return v;
}

template <class Vector, class T> TLMLP_INLINE void store_as(T *p, Vector v) { __builtin_memcpy(p, &v, sizeof(v)); }

/// The first n lanes only, for the ends of rows.
template <class T> TLMLP_INLINE V<T> load_some(const T *p, std::int64_t n) {
    V<T> v = {};
    __builtin_memcpy(&v, p, std::size_t(n) * sizeof(T));
    return v;
}

template <class T> TLMLP_INLINE void store_some(T *p, V<T> v, std::int64_t n) {
    __builtin_memcpy(p, &v, std::size_t(n) * sizeof(T));
}

template <class T> TLMLP_INLINE void copy_row(T *to, const T *from, std::int64_t n) {
    std::int64_t i = 0;
    for (; i + lanes<T> <= n; i += lanes<T>) {
        store<T>(to + i, load<T>(from + i));
    }
    for (; i < n; ++i) {
        to[i] = from[i];
    }
}

template <class T> TLMLP_INLINE void fill_zero(T *p, std::int64_t n) {
    __builtin_memset(p, 0, std::size_t(n) * sizeof(T));
}

/// Hands out pieces of one scratch array; with a null base it only counts.
template <class T> struct Workspace {
    T *base;
    std::int64_t used = 0;

    T *take(std::int64_t n) {
        T *piece = base ? base + used : nullptr;
        used += (n + 15) / 16 * 16;
        return piece;
    }
};

} // namespace

#include "kernels/sine.h"

namespace {

template <class T> struct FloatTraits;

template <> struct FloatTraits<float> {
    using Int = std::int32_t;
    static constexpr int mantissa = 23, exp_terms = 7;
    static constexpr float round_magic = 12582912.0f; // 1.5 * 2^23
    static constexpr float exp_low = -87.0f, exp_high = 88.0f;
    static constexpr float ln2_high = 0.693359375f, ln2_low = -2.12194440e-4f;
};

template <> struct FloatTraits<double> {
    using Int = std::int64_t;
    static constexpr int mantissa = 52, exp_terms = 13;
    static constexpr double round_magic = 6755399441055744.0; // 1.5 * 2^52
    static constexpr double exp_low = -708.0, exp_high = 709.0;
    static constexpr double ln2_high = 6.93145751953125e-1, ln2_low = 1.42860682030941723212e-6;
};

inline constexpr std::int64_t round_up(std::int64_t n, std::int64_t step) { return (n + step - 1) / step * step; }

/// The polynomial of e^r, |r| <= ln 2 / 2.
template <class T> TLMLP_INLINE V<T> exponential_polynomial(V<T> r) {
    using F = FloatTraits<T>;
    V<T> p = splat<T>(T(inverse_factorial(F::exp_terms)));
#pragma GCC unroll 16
    for (int k = F::exp_terms - 1; k >= 0; --k) {
        p = p * r + T(inverse_factorial(k));
    }
    return p;
}

/// e^x: x = n ln 2 + r, |r| <= ln 2 / 2, Taylor polynomial of r, exponent field shifted by n. Relative error below
/// 2e-7 (float) and 4e-16 (double); saturates outside the clamped range, passes NaN on.
template <class T> TLMLP_INLINE V<T> exponential(V<T> x) {
    using F = FloatTraits<T>;
#if defined(__AVX512F__)
    // max and min return their second operand for a NaN.
    if constexpr (sizeof(T) == 4) {
        x = _mm512_min_ps(splat<T>(F::exp_high), _mm512_max_ps(splat<T>(F::exp_low), x));
        const V<T> n = _mm512_roundscale_ps(x * T(1.44269504088896340736), 0);
        return _mm512_scalef_ps(exponential_polynomial<T>((x - n * F::ln2_high) - n * F::ln2_low), n);
    } else {
        x = _mm512_min_pd(splat<T>(F::exp_high), _mm512_max_pd(splat<T>(F::exp_low), x));
        const V<T> n = _mm512_roundscale_pd(x * T(1.44269504088896340736), 0);
        return _mm512_scalef_pd(exponential_polynomial<T>((x - n * F::ln2_high) - n * F::ln2_low), n);
    }
#else
    typedef typename VectorOf<typename F::Int>::type I;
    x = x < F::exp_low ? splat<T>(F::exp_low) : x;
    x = x > F::exp_high ? splat<T>(F::exp_high) : x;
    const V<T> shifted = x * T(1.44269504088896340736) + F::round_magic;
    const V<T> n = shifted - F::round_magic;
    const V<T> p = exponential_polynomial<T>((x - n * F::ln2_high) - n * F::ln2_low);
    const I bits = reinterpret_cast<I>(shifted) << F::mantissa;
    return reinterpret_cast<V<T>>(reinterpret_cast<I>(p) + bits);
#endif
}

template <class T> TLMLP_INLINE V<T> logistic(V<T> x) { return T(1) / (T(1) + exponential<T>(-x)); }

} // namespace
