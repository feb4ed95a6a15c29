#include <ATen/Dispatch.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/from_blob.h>

#include <cmath>
#include <map>
#include <mutex>
#include <vector>

#include "bessel_table.h"
#include "checks.h"
#include "operators.h"
#include "run_functor.h"

namespace tlmlp {

namespace {

Tensor dense(const OptionalTensor &t) { return present(t) ? t->contiguous() : Tensor(); }

/// An array to fill, or an empty one where it is not wanted.
Tensor made(bool wanted, at::IntArrayRef sizes, const Tensor &like) {
    return at::empty(wanted ? sizes : at::IntArrayRef{0}, like.options());
}

template <class F, class T> F directions(const Tensor &vectors, std::int64_t num_spherical) {
    F f{};
    f.lmax = int(num_spherical) - 1;
    const std::vector<double> norms = math::harmonics_norms(f.lmax);
    for (std::size_t k = 0; k < norms.size(); ++k) {
        f.norms[k] = T(norms[k]);
    }
    f.vectors = input<T>(vectors);
    f.edges = vectors.size(0);
    return f;
}

void check_degrees(std::int64_t num_spherical) {
    TORCH_CHECK_VALUE(num_spherical >= 1 && num_spherical <= cuda::ops::most_degrees, "`num_spherical` must lie in 1..",
                      cuda::ops::most_degrees, ", got ", num_spherical);
}

template <class F, class T> F radial(const Tensor &distance, const Tensor &frequencies, double cutoff, std::int64_t p) {
    F f{};
    f.distance = input<T>(distance);
    f.frequencies = input<T>(frequencies);
    f.cutoff = T(cutoff);
    f.exponent = int(p);
    f.edges = distance.size(0);
    f.functions = frequencies.size(0);
    return f;
}

/// Coefficients of the Bessel basis on the device of `like`, sent there once.
template <class T> Tensor coefficients_on(const Tensor &like, const math::PiecewisePolynomials<T> &table) {
    static std::mutex mutex;
    static auto &sent = *new std::map<std::pair<const void *, int>, Tensor>; // outlives the device's runtime
    const std::lock_guard<std::mutex> lock(mutex);
    Tensor &there = sent[{&table, like.is_cuda() ? int(like.device().index()) : -1}];
    if (!there.defined()) {
        const auto n = std::int64_t(table.coefficients.size());
        there = at::from_blob(const_cast<T *>(table.coefficients.data()), {n}, like.options().device(at::kCPU))
                    .to(like.device(), like.scalar_type(), /*non_blocking=*/false, /*copy=*/true);
    }
    return there;
}

template <class F, class T>
F bessel(const Tensor &distance, double cutoff, std::int64_t p, std::int64_t num_spherical, std::int64_t num_radial) {
    const auto &table = bessel_table<T>(num_spherical, num_radial, p);
    F f{};
    f.coefficients = input<T>(coefficients_on(distance, table));
    f.functions = table.functions;
    f.stride = table.stride;
    f.intervals = table.intervals;
    f.degree = table.degree;
    f.inverse_cutoff = T(1.0 / cutoff);
    f.distance = input<T>(distance);
    f.edges = distance.size(0);
    return f;
}

} // namespace

std::tuple<Tensor, Tensor> spherical_harmonics(const Tensor &edge_vector, std::int64_t num_spherical) {
    check_float(edge_vector, "edge_vector");
    check_shape(edge_vector, "edge_vector", {-1, 3}, "(n_edges, 3)");
    check_degrees(num_spherical);
    const Tensor vectors = edge_vector.contiguous();
    const std::int64_t n = vectors.size(0);
    Tensor length = at::empty({n}, vectors.options());
    Tensor values = at::empty({n, num_spherical * num_spherical}, vectors.options());
    AT_DISPATCH_FLOATING_TYPES(vectors.scalar_type(), "spherical_harmonics", [&] {
        auto f = directions<cuda::ops::Harmonics<scalar_t>, scalar_t>(vectors, num_spherical);
        f.length = output<scalar_t>(length);
        f.values = output<scalar_t>(values);
        run<scalar_t>(f, vectors);
        if (!length.is_cuda()) { // there, looking would wait for the device
            const scalar_t *d = input<scalar_t>(length);
            for (std::int64_t e = 0; e < n; ++e) {
                TORCH_CHECK_VALUE(d[e] > 0 && std::isfinite(d[e]), "`edge_vector` row ", e, " has length ", d[e],
                                  ": two atoms coincide or a position is not finite");
            }
        }
    });
    return {length, values};
}

Tensor spherical_harmonics_backward(const Tensor &edge_vector, const OptionalTensor &grad_distance,
                                    const OptionalTensor &grad_y, std::int64_t num_spherical) {
    const Tensor vectors = edge_vector.contiguous(), to_length = dense(grad_distance), to_values = dense(grad_y);
    Tensor result = at::empty_like(vectors);
    AT_DISPATCH_FLOATING_TYPES(vectors.scalar_type(), "spherical_harmonics_backward", [&] {
        auto f = directions<cuda::ops::HarmonicsBackward<scalar_t>, scalar_t>(vectors, num_spherical);
        f.grad_length = input<scalar_t>(to_length);
        f.grad_values = input<scalar_t>(to_values);
        f.result = output<scalar_t>(result);
        run<scalar_t>(f, vectors);
    });
    return result;
}

std::tuple<Tensor, Tensor, Tensor> spherical_harmonics_second(const Tensor &v, const Tensor &edge_vector,
                                                              const OptionalTensor &grad_distance,
                                                              const OptionalTensor &grad_y,
                                                              std::int64_t num_spherical) {
    const Tensor vectors = edge_vector.contiguous(), cotangent = v.contiguous();
    const Tensor to_length = dense(grad_distance), to_values = dense(grad_y);
    const std::int64_t n = vectors.size(0);
    Tensor vectors_result = at::empty_like(vectors), length_result = made(to_length.defined(), {n}, vectors);
    Tensor values_result = made(to_values.defined(), {n, num_spherical * num_spherical}, vectors);
    AT_DISPATCH_FLOATING_TYPES(vectors.scalar_type(), "spherical_harmonics_second", [&] {
        auto f = directions<cuda::ops::HarmonicsSecond<scalar_t>, scalar_t>(vectors, num_spherical);
        f.cotangent = input<scalar_t>(cotangent);
        f.grad_length = input<scalar_t>(to_length);
        f.grad_values = input<scalar_t>(to_values);
        f.to_grad_length = output<scalar_t>(length_result);
        f.to_grad_values = output<scalar_t>(values_result);
        f.to_vectors = output<scalar_t>(vectors_result);
        run<scalar_t>(f, vectors);
    });
    return {vectors_result, length_result, values_result};
}

Tensor radial_basis(const Tensor &distance_, const Tensor &frequencies_, double cutoff, std::int64_t p) {
    check_float(distance_, "distance");
    check_shape(distance_, "distance", {-1}, "(n_edges,)");
    check_basis(cutoff, p);
    check_shape(frequencies_, "frequencies", {-1}, "(num_radial,)");
    check_same_type(frequencies_, "frequencies", distance_, "distance");
    const Tensor distance = distance_.contiguous(), frequencies = frequencies_.contiguous();
    Tensor values = at::empty({distance.size(0), frequencies.size(0)}, distance.options());
    AT_DISPATCH_FLOATING_TYPES(distance.scalar_type(), "radial_basis", [&] {
        auto f = radial<cuda::ops::RadialValues<scalar_t>, scalar_t>(distance, frequencies, cutoff, p);
        f.values = output<scalar_t>(values);
        run<scalar_t>(f, distance);
    });
    return values;
}

std::tuple<Tensor, Tensor> radial_basis_backward(const Tensor &distance_, const Tensor &frequencies_,
                                                 const Tensor &grad_, double cutoff, std::int64_t p,
                                                 std::int64_t wanted) {
    const Tensor distance = distance_.contiguous(), frequencies = frequencies_.contiguous();
    const Tensor grad = grad_.contiguous();
    const std::int64_t n = distance.size(0);
    Tensor to_distance = made(wants(wanted, 0), {n}, distance);
    Tensor to_frequencies = made(wants(wanted, 1), {n, frequencies.size(0)}, distance);
    AT_DISPATCH_FLOATING_TYPES(distance.scalar_type(), "radial_basis_backward", [&] {
        auto f = radial<cuda::ops::RadialBackward<scalar_t>, scalar_t>(distance, frequencies, cutoff, p);
        f.grad = input<scalar_t>(grad);
        f.to_distance = output<scalar_t>(to_distance);
        f.to_frequencies = output<scalar_t>(to_frequencies);
        run<scalar_t>(f, distance);
    });
    return {to_distance, wants(wanted, 1) ? to_frequencies.sum(0) : to_frequencies};
}

std::tuple<Tensor, Tensor, Tensor> radial_basis_second(const OptionalTensor &v_distance_,
                                                       const OptionalTensor &v_frequencies_, const Tensor &distance_,
                                                       const Tensor &frequencies_, const Tensor &grad_, double cutoff,
                                                       std::int64_t p) {
    const Tensor distance = distance_.contiguous(), frequencies = frequencies_.contiguous();
    const Tensor grad = grad_.contiguous(), v_distance = dense(v_distance_), v_frequencies = dense(v_frequencies_);
    Tensor to_distance = at::empty_like(distance), to_grad = at::empty_like(grad);
    Tensor to_frequencies = at::empty_like(grad);
    AT_DISPATCH_FLOATING_TYPES(distance.scalar_type(), "radial_basis_second", [&] {
        auto f = radial<cuda::ops::RadialSecond<scalar_t>, scalar_t>(distance, frequencies, cutoff, p);
        f.grad = input<scalar_t>(grad);
        f.v_distance = input<scalar_t>(v_distance);
        f.v_frequencies = input<scalar_t>(v_frequencies);
        f.to_distance = output<scalar_t>(to_distance);
        f.to_frequencies = output<scalar_t>(to_frequencies);
        f.to_grad = output<scalar_t>(to_grad);
        run<scalar_t>(f, distance);
    });
    return {to_distance, to_frequencies.sum(0), to_grad};
}

Tensor spherical_bessel_basis(const Tensor &distance_, double cutoff, std::int64_t p, std::int64_t num_spherical,
                              std::int64_t num_radial) {
    check_float(distance_, "distance");
    check_shape(distance_, "distance", {-1}, "(n_edges,)");
    check_basis(cutoff, p);
    check_degrees(num_spherical);
    TORCH_CHECK_VALUE(num_radial >= 1, "`num_radial` must be positive, got ", num_radial);
    const Tensor distance = distance_.contiguous();
    Tensor values = at::empty({distance.size(0), num_spherical * num_radial}, distance.options());
    AT_DISPATCH_FLOATING_TYPES(distance.scalar_type(), "spherical_bessel_basis", [&] {
        auto f = bessel<cuda::ops::BesselValues<scalar_t>, scalar_t>(distance, cutoff, p, num_spherical, num_radial);
        f.values = output<scalar_t>(values);
        run<scalar_t>(f, distance);
    });
    return values;
}

Tensor spherical_bessel_basis_backward(const Tensor &distance_, const Tensor &grad_, double cutoff, std::int64_t p,
                                       std::int64_t num_spherical, std::int64_t num_radial) {
    const Tensor distance = distance_.contiguous(), grad = grad_.contiguous();
    Tensor result = at::empty_like(distance);
    AT_DISPATCH_FLOATING_TYPES(distance.scalar_type(), "spherical_bessel_basis_backward", [&] {
        auto f = bessel<cuda::ops::BesselBackward<scalar_t>, scalar_t>(distance, cutoff, p, num_spherical, num_radial);
        f.grad = input<scalar_t>(grad);
        f.to_distance = output<scalar_t>(result);
        run<scalar_t>(f, distance);
    });
    return result;
}

std::tuple<Tensor, Tensor> spherical_bessel_basis_second(const Tensor &v_, const Tensor &distance_, const Tensor &grad_,
                                                         double cutoff, std::int64_t p, std::int64_t num_spherical,
                                                         std::int64_t num_radial) {
    const Tensor v = v_.contiguous(), distance = distance_.contiguous(), grad = grad_.contiguous();
    Tensor to_distance = at::empty_like(distance), to_grad = at::empty_like(grad);
    AT_DISPATCH_FLOATING_TYPES(distance.scalar_type(), "spherical_bessel_basis_second", [&] {
        auto f = bessel<cuda::ops::BesselSecond<scalar_t>, scalar_t>(distance, cutoff, p, num_spherical, num_radial);
        f.grad = input<scalar_t>(grad);
        f.v = input<scalar_t>(v);
        f.to_distance = output<scalar_t>(to_distance);
        f.to_grad = output<scalar_t>(to_grad);
        run<scalar_t>(f, distance);
    });
    return {to_distance, to_grad};
}

} // namespace tlmlp
