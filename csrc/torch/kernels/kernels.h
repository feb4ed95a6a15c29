#pragma once

#include <cstddef>
#include <cstdint>

/// Numeric kernels of the torch ops: plain pointers, no torch, one thread; the caller splits the work. Every kernel
/// exists once per instruction level (baseline, AVX2+FMA, AVX-512) and `table<T>()` picks one set at run time.
/// Rows are contiguous unless said otherwise. A null pointer among optional arrays means "absent" for inputs and
/// "not wanted" for outputs.
namespace tlmlp::kernels {

/// y = swish(pre), pre = x W^T + b; x (rows, in), W (out, in).
template <class T> struct Dense {
    std::int64_t in, out;
    const T *x, *weight, *bias, *pre;
};

template <class T> struct DenseGrads {
    const T *grad_y, *grad_pre;           ///< gradients arriving at y and at pre; either may be null
    T *grad_x, *grad_weight, *grad_bias;  ///< (rows, in) written; (out, in) and (out) added to
};

template <class T> struct DenseSecond {
    const T *v_x, *v_weight, *v_bias;     ///< cotangents of grad_x, grad_weight, grad_bias
    T *to_grad_y, *to_grad_pre, *to_pre;  ///< (rows, out) written
    T *to_x, *to_weight;                  ///< (rows, in) written; (out, in) added to
};

/// y = x * (e W^T), elementwise; x (rows, channels), e (rows, inputs), W (channels, inputs).
template <class T> struct Gate {
    std::int64_t channels, inputs;
    const T *x, *e, *weight;
};

template <class T> struct GateGrads {
    const T *grad_y;
    T *grad_x, *grad_e, *grad_weight; ///< rows written; the weight's (channels, inputs) added to
};

template <class T> struct GateSecond {
    const T *grad_y, *v_x, *v_e, *v_weight;   ///< cotangents of grad_x, grad_e, grad_weight
    T *to_grad_y, *to_x, *to_e, *to_weight; ///< rows written; the weight's (channels, inputs) added to
};

/// out = h + swish(swish(h W1^T + b1) W2^T + b2); h (rows, size), W1 (middle, size), W2 (size, middle).
template <class T> struct Residual {
    std::int64_t size, middle;
    const T *h, *weight1, *bias1, *weight2, *bias2, *pre1, *pre2;
};

template <class T> struct ResidualGrads {
    const T *grad, *grad_pre1, *grad_pre2;        ///< arriving at out, pre1, pre2; each may be null
    T *h, *weight1, *bias1, *weight2, *bias2;     ///< h written, the others added to
};

template <class T> struct ResidualSecond {
    const T *grad, *grad_pre1, *grad_pre2;                 ///< the arguments of the first derivative
    const T *v_h, *v_weight1, *v_bias1, *v_weight2, *v_bias2; ///< cotangents of its results
    T *h, *pre1, *pre2, *to_grad, *to_grad_pre1, *to_grad_pre2; ///< (rows, ...) written
    T *weight1, *weight2;                                  ///< added to
};

/// The directional sum on a graph sorted by target; see directional.h for the formulas.
template <class T> struct Directional {
    std::int64_t num_spherical, num_radial, channels;
    const T *y, *sbf, *weight, *harmonics;
    const std::int64_t *offsets, *edges, *reverse;
    /// Edges without a reverse edge, grouped by source atom; both null if every edge has one.
    const std::int64_t *orphan_offsets, *orphans;
};

template <class T> struct DirectionalGrads {
    const T *grad_z;
    T *y, *sbf, *weight, *harmonics; ///< weight is added to
    T *orphan_harmonics;             ///< (n_orphans, L^2): what has to be added to `harmonics` at the orphan edges
};

template <class T> struct DirectionalSecond {
    const T *grad_z, *v_y, *v_sbf, *v_weight, *v_harmonics;
    T *grad_z_out, *y, *sbf, *weight, *harmonics, *orphan_harmonics;
};

/// Coefficients of math/piecewise.h for the spherical Bessel basis.
template <class T> struct BasisTable {
    std::int64_t functions, stride, intervals, degree;
    const T *coefficients;
    T inverse_cutoff;
};

template <class T> struct Radial {
    std::int64_t num_radial;
    int p;
    T cutoff;
    const T *frequencies;
};

template <class T> struct Table {
    const char *level;

    /// Numbers of T of scratch for one call; `dense*` treat rows first..last-1.
    std::int64_t (*dense_scratch)(std::int64_t in, std::int64_t out);
    void (*dense)(const Dense<T> &, std::int64_t first, std::int64_t last, T *y, T *pre, T *scratch);
    void (*dense_backward)(const Dense<T> &, const DenseGrads<T> &, std::int64_t first, std::int64_t last,
                           T *scratch);
    void (*dense_second)(const Dense<T> &, const DenseGrads<T> &, const DenseSecond<T> &, std::int64_t first,
                         std::int64_t last, T *scratch);

    std::int64_t (*gate_scratch)(std::int64_t channels, std::int64_t inputs);
    void (*gate)(const Gate<T> &, std::int64_t first, std::int64_t last, T *y, T *scratch);
    void (*gate_backward)(const Gate<T> &, const GateGrads<T> &, std::int64_t first, std::int64_t last, T *scratch);
    void (*gate_second)(const Gate<T> &, const GateSecond<T> &, std::int64_t first, std::int64_t last, T *scratch);

    std::int64_t (*residual_scratch)(std::int64_t size, std::int64_t middle);
    void (*residual)(const Residual<T> &, std::int64_t first, std::int64_t last, T *out, T *pre1, T *pre2,
                     T *scratch);
    void (*residual_backward)(const Residual<T> &, const ResidualGrads<T> &, std::int64_t first, std::int64_t last,
                              T *scratch);
    void (*residual_second)(const Residual<T> &, const ResidualSecond<T> &, std::int64_t first, std::int64_t last,
                            T *scratch);

    /// Numbers of T of scratch for atoms with at most `neighbours` entries; `directional*` treat atoms first..last-1.
    std::int64_t (*directional_scratch)(const Directional<T> &, std::int64_t neighbours);
    void (*directional)(const Directional<T> &, std::int64_t first, std::int64_t last, T *z, T *scratch);
    void (*directional_backward)(const Directional<T> &, const DirectionalGrads<T> &, std::int64_t first,
                                 std::int64_t last, T *scratch);
    void (*directional_second)(const Directional<T> &, const DirectionalSecond<T> &, std::int64_t first,
                               std::int64_t last, T *scratch);

    /// value (n, functions) of the table at distance d; the sums over functions for the two derivatives.
    void (*bessel)(const BasisTable<T> &, const T *distance, std::int64_t n, T *value);
    void (*bessel_backward)(const BasisTable<T> &, const T *grad, const T *distance, std::int64_t n, T *to_distance);
    void (*bessel_second)(const BasisTable<T> &, const T *v, const T *grad, const T *distance, std::int64_t n,
                          T *to_grad, T *to_distance);

    void (*radial)(const Radial<T> &, const T *distance, std::int64_t n, T *value);
    void (*radial_backward)(const Radial<T> &, const T *grad, const T *distance, std::int64_t n, T *to_distance,
                            T *to_frequencies);
    void (*radial_second)(const Radial<T> &, const T *v_distance, const T *v_frequencies, const T *grad,
                          const T *distance, std::int64_t n, T *to_grad, T *to_distance, T *to_frequencies);

    /// edge vectors (n, 3) -> distance (n), Y (n, (lmax+1)^2); norms from math::harmonics_norms.
    void (*harmonics)(int lmax, const T *norms, const T *vectors, std::int64_t n, T *distance, T *values);
    void (*harmonics_backward)(int lmax, const T *norms, const T *grad_distance, const T *grad_values,
                               const T *vectors, std::int64_t n, T *to_vectors);
    void (*harmonics_second)(int lmax, const T *norms, const T *v, const T *grad_distance, const T *grad_values,
                             const T *vectors, std::int64_t n, T *to_grad_distance, T *to_grad_values,
                             T *to_vectors);
};

/// The kernels for this processor; the environment variable TLMLP_SIMD (baseline, avx2, avx512) asks for a lower level.
template <class T> const Table<T> &table();

} // namespace tlmlp::kernels
