#pragma once

// Sine and cosine of SIMD vectors. V, VectorOf and splat are those of the simd.h that was included before.

namespace {

/// 1/n!, the coefficients of polynomials, evaluated by the compiler.
inline constexpr double inverse_factorial(int n) { return n < 2 ? 1.0 : inverse_factorial(n - 1) / n; }

template <class T> struct SineTraits;

template <> struct SineTraits<float> {
    using Int = std::int32_t;
    static constexpr int sin_terms = 4, cos_terms = 5;
    static constexpr float round_magic = 12582912.0f; // 1.5 * 2^23
    static constexpr float half_pi[3] = {1.5703125f, 4.837512969970703125e-4f, 7.54978995489188216e-8f};
};

template <> struct SineTraits<double> {
    using Int = std::int64_t;
    static constexpr int sin_terms = 8, cos_terms = 9;
    static constexpr double round_magic = 6755399441055744.0; // 1.5 * 2^52
    static constexpr double half_pi[3] = {1.57079625129699707031, 7.54978941586159635336e-8,
                                          5.39030285815811905290e-15};
};

/// sin and cos by reduction modulo pi/2 in three steps; absolute error below 1e-7 (float), 3e-16 (double) for
/// |x| < 1000.
template <class T> TLMLP_INLINE void sine_cosine(V<T> x, V<T> &sine, V<T> &cosine) {
    using F = SineTraits<T>;
    typedef typename VectorOf<typename F::Int>::type I;
    const V<T> shifted = x * T(0.63661977236758134308) + F::round_magic;
    const V<T> n = shifted - F::round_magic;
    const V<T> r = ((x - n * F::half_pi[0]) - n * F::half_pi[1]) - n * F::half_pi[2];
    const V<T> square = r * r;
    V<T> s = {}, c = {};
#pragma GCC unroll 16
    for (int k = F::sin_terms; k >= 0; --k) {
        s = s * square + T((k % 2 ? -1.0 : 1.0) * inverse_factorial(2 * k + 1));
    }
#pragma GCC unroll 16
    for (int k = F::cos_terms; k >= 0; --k) {
        c = c * square + T((k % 2 ? -1.0 : 1.0) * inverse_factorial(2 * k));
    }
    s = s * r;
    const I quadrant = reinterpret_cast<I>(shifted);
    const I odd = (quadrant & 1) == 1;
    const V<T> a = odd ? c : s, b = odd ? s : c;
    sine = (quadrant & 2) == 2 ? -a : a;
    cosine = ((quadrant + 1) & 2) == 2 ? -b : b;
}

} // namespace
