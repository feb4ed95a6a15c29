#pragma once

// SIMD vectors of one instruction level, by the compiler's vector extension. Included by the sources of levels only, which are
// compiled once per level (TLMLP_SIMD_BYTES, TLMLP_SIMD_ROWS). Everything here and in the kernels lies in an unnamed
// namespace: a function compiled for a newer processor must never be the one that the linker keeps for an older one.

#include <cstddef>
#include <cstdint>
#include <utility>

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#define TLMLP_INLINE inline __attribute__((always_inline))

namespace {

template <class T> struct VectorOf {
    typedef T type __attribute__((vector_size(TLMLP_SIMD_BYTES)));
};
template <class T> using V = typename VectorOf<T>::type;
template <class T> inline constexpr int lanes = TLMLP_SIMD_BYTES / int(sizeof(T));

/// Vectors side by side in a tile of edges: with TLMLP_SIMD_ROWS outputs they fill the registers with accumulators.
inline constexpr int tile_vectors = 3;
template <class T> inline constexpr int tile_width = tile_vectors * lanes<T>;

/// The same vector at any address of T. It aliases T alone, so that stores do not make the compiler reload pointers.
template <class T> struct UnalignedOf {
    typedef T type __attribute__((vector_size(TLMLP_SIMD_BYTES), aligned(sizeof(T))));
};
template <class T> TLMLP_INLINE V<T> load(const T *p) {
    return *reinterpret_cast<const typename UnalignedOf<T>::type *>(p);
}
template <class T> TLMLP_INLINE void store(T *p, V<T> v) { *reinterpret_cast<typename UnalignedOf<T>::type *>(p) = v; }

template <class T> TLMLP_INLINE V<T> splat(T x) { return x - V<T>{}; }

template <class T> struct FloatBits;

template <> struct FloatBits<float> {
    using Int = std::int32_t;
    static constexpr int mantissa = 23;
    static constexpr float round_magic = 12582912.0f; // 1.5 * 2^23
    static constexpr float limit = 126.0f;
    /// 2^f on [-1/2, 1/2], Chebyshev fit, relative error 8e-8.
    static constexpr float exp2[] = {1.0f, 0.693147188f, 0.240221075f, 0.0555035711f, 0.00967603192f, 0.00133908634f};
};

template <> struct FloatBits<double> {
    using Int = std::int64_t;
    static constexpr int mantissa = 52;
    static constexpr double round_magic = 6755399441055744.0; // 1.5 * 2^52
    static constexpr double limit = 1022.0;
    /// 2^f on [-1/2, 1/2], Chebyshev fit, relative error 3e-18.
    static constexpr double exp2[] = {1.0,
                                      0.69314718055994530925,
                                      0.24022650695910159567,
                                      0.055504108664821627039,
                                      0.0096181291075872566681,
                                      0.0013333558146406470697,
                                      0.00015403530463724354209,
                                      0.000015252733841556772589,
                                      1.3215432535912376166e-6,
                                      1.0178057087733941105e-7,
                                      7.0741942972885210056e-9,
                                      4.455817908336064493e-10};
};

/// The constants of exponentials, each repeated in all lanes of a vector.
template <class T> struct ExpConstants {
    static constexpr int terms = int(sizeof(FloatBits<T>::exp2) / sizeof(T));
    static constexpr int minus_log2e = terms, limit = terms + 1, minus_limit = terms + 2, round_magic = terms + 3,
                         one = terms + 4, count = terms + 5;
    alignas(TLMLP_SIMD_BYTES) T value[count][lanes<T>];

    constexpr ExpConstants() : value{} {
        for (int lane = 0; lane < lanes<T>; ++lane) {
            for (int k = 0; k < terms; ++k) {
                value[k][lane] = FloatBits<T>::exp2[k];
            }
            value[minus_log2e][lane] = T(-1.44269504088896340736);
            value[limit][lane] = FloatBits<T>::limit;
            value[minus_limit][lane] = -FloatBits<T>::limit;
            value[round_magic][lane] = FloatBits<T>::round_magic;
            value[one][lane] = T(1);
        }
    }
};
template <class T> inline constexpr ExpConstants<T> exp_constants;

/// Constant `index`. With 16 registers the accumulators of a layer fill them all: constants that a compiler keeps there
/// for the activation after the multiply-adds make it spill accumulators within them, which doubles their time. So there
/// the address is made unknown, and constants are operands in memory.
template <class T> struct Constant {
    const ExpConstants<T> *table = &exp_constants<T>;
    TLMLP_INLINE Constant() {
#if TLMLP_SIMD_ROWS < 8
        asm volatile("" : "+r"(table));
#endif
    }
    TLMLP_INLINE V<T> operator[](int index) const { return load(table->value[index]); }
};

/// 2^f for f in [-1/2, 1/2].
template <class T> TLMLP_INLINE V<T> exp2_fraction(V<T> f, Constant<T> c) {
    V<T> p = c[ExpConstants<T>::terms - 1];
#pragma GCC unroll 12
    for (int k = ExpConstants<T>::terms - 2; k >= 0; --k) {
        p = p * f + c[k];
    }
    return p;
}

/// 2^t; infinity or 0 (or the nearest that the level can do) far out.
template <class T> TLMLP_INLINE V<T> exp2_any(V<T> t, Constant<T> c) {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4) {
        const V<T> n = _mm512_roundscale_ps(t, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
        return _mm512_scalef_ps(exp2_fraction<T>(t - n, c), n);
    } else {
        const V<T> n = _mm512_roundscale_pd(t, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
        return _mm512_scalef_pd(exp2_fraction<T>(t - n, c), n);
    }
#else
    using Bits = FloatBits<T>;
    using Index = ExpConstants<T>;
    typedef typename VectorOf<typename Bits::Int>::type I;
    const V<T> low = c[Index::minus_limit], high = c[Index::limit], magic = c[Index::round_magic];
    t = t > low ? t : low; // one instruction each, in this order of the operands
    t = t < high ? t : high;
    const V<T> shifted = t + magic; // its low bits are the integer n
    const V<T> f = t - (shifted - magic);
    return (V<T>)((I)exp2_fraction<T>(f, c) + ((I)shifted << Bits::mantissa));
#endif
}

/// Mask of the lanes below n.
template <class T> TLMLP_INLINE auto lanes_below(int n) {
    using Int = typename FloatBits<T>::Int;
    typename VectorOf<Int>::type index;
    for (int i = 0; i < lanes<T>; ++i) {
        index[i] = Int(i);
    }
    return index < Int(n);
}

/// Lanes `index` of a (below lanes<T>) and b (from there on).
template <class T, int... index> TLMLP_INLINE V<T> shuffle(V<T> a, V<T> b) {
#if __has_builtin(__builtin_shufflevector)
    return __builtin_shufflevector(a, b, index...);
#else // g++ 11
    using Int = typename FloatBits<T>::Int;
    const typename VectorOf<Int>::type mask = {Int(index)...};
    return __builtin_shuffle(a, b, mask);
#endif
}

/// One exchange of a butterfly transposition: blocks of `step` lanes swap between a and b.
template <int step, class T, int... lane>
TLMLP_INLINE void exchange(V<T> &a, V<T> &b, std::integer_sequence<int, lane...>) {
    const V<T> low = shuffle<T, ((lane & step) ? lane - step + lanes<T> : lane)...>(a, b);
    const V<T> high = shuffle<T, ((lane & step) ? lane + lanes<T> : lane + step)...>(a, b);
    a = low;
    b = high;
}

template <class T, int step = 1> TLMLP_INLINE void transpose(V<T> (&rows)[lanes<T>]) {
    if constexpr (step < lanes<T>) {
#pragma GCC unroll 16
        for (int i = 0; i < lanes<T>; ++i) {
            if (!(i & step)) {
                exchange<step, T>(rows[i], rows[i + step], std::make_integer_sequence<int, lanes<T>>{});
            }
        }
        transpose<T, step * 2>(rows);
    }
}

/// Lane i of the result is the sum over the lanes of rows[i]; destroys `rows`.
template <class T, int step = 1> TLMLP_INLINE V<T> sum_rows(V<T> (&rows)[lanes<T>]) {
    if constexpr (step == lanes<T>) {
        return rows[0];
    } else {
#pragma GCC unroll 16
        for (int i = 0; i < lanes<T>; i += 2 * step) {
            exchange<step, T>(rows[i], rows[i + step], std::make_integer_sequence<int, lanes<T>>{});
            rows[i] += rows[i + step];
        }
        return sum_rows<T, step * 2>(rows);
    }
}

} // namespace
