#pragma once

/// `TLMLP_HD` marks the formulas that the CPU and CUDA kernels share; a plain C++ compiler sees nothing.
#if defined(__CUDACC__)
#define TLMLP_HD __host__ __device__
#else
#define TLMLP_HD
#endif

namespace tlmlp::math {

inline constexpr double pi = 3.14159265358979323846;

/// A value with its first and second derivative with respect to one variable.
template <class T> struct Jet {
    T value;
    T first;
    T second;
};

/// Product rule to second order: (a b)'' = a'' b + 2 a' b' + a b''.
template <class T> TLMLP_HD inline Jet<T> operator*(const Jet<T> &a, const Jet<T> &b) {
    return {a.value * b.value, a.first * b.value + a.value * b.first,
            a.second * b.value + (a.first * b.first + a.first * b.first) + a.value * b.second};
}

} // namespace tlmlp::math
