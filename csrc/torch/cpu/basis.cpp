#include <ATen/Dispatch.h>
#include <ATen/ops/empty_like.h>

#include <cmath>
#include <vector>

#include "../bessel_table.h"
#include "../checks.h"
#include "../kernels/kernels.h"
#include "../ops.h"
#include "parallel.h"
#include "tlmlp/math/harmonics.h"

namespace tlmlp::cpu {

namespace {

Chunks edge_chunks(std::int64_t n) { return Chunks(n, 512, 64); }

template <class T>
kernels::BasisTable<T> kernel_table(double cutoff, std::int64_t p, std::int64_t num_spherical,
                                    std::int64_t num_radial) {
    const auto &table = bessel_table<T>(num_spherical, num_radial, p);
    return {table.functions, table.stride,          table.intervals,
            table.degree,    table.interval(0), T(1.0 / cutoff)};
}

template <class T> std::vector<T> norms_as(int lmax) {
    const std::vector<double> norms = math::harmonics_norms(lmax);
    return {norms.begin(), norms.end()};
}

void check_distance(const Tensor &distance) {
    check_float(distance, "distance");
    check_shape(distance, "distance", {-1}, "(n_edges,)");
}

void check_orders(std::int64_t num_spherical) {
    TORCH_CHECK_VALUE(num_spherical >= 1 && num_spherical <= 32, "`num_spherical` must lie in 1..32, got ",
                      num_spherical);
}

} // namespace

Tensor spherical_bessel_basis(const Tensor &distance_, double cutoff, std::int64_t p, std::int64_t num_spherical,
                              std::int64_t num_radial) {
    check_distance(distance_);
    check_basis(cutoff, p);
    check_orders(num_spherical);
    TORCH_CHECK_VALUE(num_radial >= 1, "`num_radial` must be positive, got ", num_radial);
    const Tensor distance = distance_.contiguous();
    const std::int64_t n = distance.size(0), width = num_spherical * num_radial;
    Tensor values = at::empty({n, width}, distance.options());
    AT_DISPATCH_FLOATING_TYPES(distance.scalar_type(), "spherical_bessel_basis", [&] {
        const auto table = kernel_table<scalar_t>(cutoff, p, num_spherical, num_radial);
        const scalar_t *d = pointer<scalar_t>(distance);
        scalar_t *to = values.data_ptr<scalar_t>();
        over_chunks(edge_chunks(n), [&](std::int64_t, std::int64_t first, std::int64_t last) {
            kernels::table<scalar_t>().bessel(table, d + first, last - first, to + first * width);
        });
    });
    return values;
}

Tensor spherical_bessel_basis_backward(const Tensor &distance_, const Tensor &grad_, double cutoff, std::int64_t p,
                                       std::int64_t num_spherical, std::int64_t num_radial) {
    const Tensor distance = distance_.contiguous(), grad = grad_.contiguous();
    const std::int64_t n = distance.size(0), width = num_spherical * num_radial;
    Tensor result = at::empty_like(distance);
    AT_DISPATCH_FLOATING_TYPES(distance.scalar_type(), "spherical_bessel_basis_backward", [&] {
        const auto table = kernel_table<scalar_t>(cutoff, p, num_spherical, num_radial);
        const scalar_t *d = pointer<scalar_t>(distance), *g = pointer<scalar_t>(grad);
        scalar_t *to = result.data_ptr<scalar_t>();
        over_chunks(edge_chunks(n), [&](std::int64_t, std::int64_t first, std::int64_t last) {
            kernels::table<scalar_t>().bessel_backward(table, g + first * width, d + first, last - first, to + first);
        });
    });
    return result;
}

std::tuple<Tensor, Tensor> spherical_bessel_basis_second(const Tensor &v_, const Tensor &distance_,
                                                         const Tensor &grad_, double cutoff, std::int64_t p,
                                                         std::int64_t num_spherical, std::int64_t num_radial) {
    const Tensor v = v_.contiguous(), distance = distance_.contiguous(), grad = grad_.contiguous();
    const std::int64_t n = distance.size(0), width = num_spherical * num_radial;
    Tensor to_distance = at::empty_like(distance), to_grad = at::empty({n, width}, distance.options());
    AT_DISPATCH_FLOATING_TYPES(distance.scalar_type(), "spherical_bessel_basis_second", [&] {
        const auto table = kernel_table<scalar_t>(cutoff, p, num_spherical, num_radial);
        const scalar_t *d = pointer<scalar_t>(distance), *g = pointer<scalar_t>(grad), *w = pointer<scalar_t>(v);
        scalar_t *distance_to = to_distance.data_ptr<scalar_t>(), *grad_to = to_grad.data_ptr<scalar_t>();
        over_chunks(edge_chunks(n), [&](std::int64_t, std::int64_t first, std::int64_t last) {
            kernels::table<scalar_t>().bessel_second(table, w + first, g + first * width, d + first, last - first,
                                                     grad_to + first * width, distance_to + first);
        });
    });
    return {to_distance, to_grad};
}

Tensor radial_basis(const Tensor &distance_, const Tensor &frequencies_, double cutoff, std::int64_t p) {
    check_distance(distance_);
    check_basis(cutoff, p);
    check_shape(frequencies_, "frequencies", {-1}, "(num_radial,)");
    check_same_type(frequencies_, "frequencies", distance_, "distance");
    const Tensor distance = distance_.contiguous(), frequencies = frequencies_.contiguous();
    const std::int64_t n = distance.size(0), width = frequencies.size(0);
    Tensor values = at::empty({n, width}, distance.options());
    AT_DISPATCH_FLOATING_TYPES(distance.scalar_type(), "radial_basis", [&] {
        const kernels::Radial<scalar_t> radial{width, int(p), scalar_t(cutoff), pointer<scalar_t>(frequencies)};
        const scalar_t *d = pointer<scalar_t>(distance);
        scalar_t *to = values.data_ptr<scalar_t>();
        over_chunks(edge_chunks(n), [&](std::int64_t, std::int64_t first, std::int64_t last) {
            kernels::table<scalar_t>().radial(radial, d + first, last - first, to + first * width);
        });
    });
    return values;
}

std::tuple<Tensor, Tensor> radial_basis_backward(const Tensor &distance_, const Tensor &frequencies_,
                                                 const Tensor &grad_, double cutoff, std::int64_t p,
                                                 std::int64_t wanted) {
    const Tensor distance = distance_.contiguous(), frequencies = frequencies_.contiguous();
    const Tensor grad = grad_.contiguous();
    const std::int64_t n = distance.size(0), width = frequencies.size(0);
    const Chunks chunks = edge_chunks(n);
    const bool to_frequencies = wants(wanted, 1);
    Tensor to_distance = result(wants(wanted, 0), {n}, distance.options()), sum;
    Tensor partial = partial_sums(to_frequencies, chunks, width, distance.options());
    AT_DISPATCH_FLOATING_TYPES(distance.scalar_type(), "radial_basis_backward", [&] {
        const kernels::Radial<scalar_t> radial{width, int(p), scalar_t(cutoff), pointer<scalar_t>(frequencies)};
        const scalar_t *d = pointer<scalar_t>(distance), *g = pointer<scalar_t>(grad);
        over_chunks(chunks, [&](std::int64_t chunk, std::int64_t first, std::int64_t last) {
            kernels::table<scalar_t>().radial_backward(
                radial, g + first * width, d + first, last - first,
                wants(wanted, 0) ? to_distance.data_ptr<scalar_t>() + first : nullptr,
                to_frequencies ? partial.data_ptr<scalar_t>() + chunk * width : nullptr);
        });
        sum = add_up<scalar_t>(partial, {width});
    });
    return {to_distance, sum};
}

std::tuple<Tensor, Tensor, Tensor> radial_basis_second(const OptionalTensor &v_distance_,
                                                       const OptionalTensor &v_frequencies_, const Tensor &distance_,
                                                       const Tensor &frequencies_, const Tensor &grad_,
                                                       double cutoff, std::int64_t p) {
    const Tensor distance = distance_.contiguous(), frequencies = frequencies_.contiguous();
    const Tensor grad = grad_.contiguous();
    const Tensor v_distance = contiguous(v_distance_), v_frequencies = contiguous(v_frequencies_);
    const std::int64_t n = distance.size(0), width = frequencies.size(0);
    const Chunks chunks = edge_chunks(n);
    Tensor to_distance = at::empty_like(distance), to_grad = at::empty({n, width}, distance.options()), sum;
    Tensor partial = partial_sums(true, chunks, width, distance.options());
    AT_DISPATCH_FLOATING_TYPES(distance.scalar_type(), "radial_basis_second", [&] {
        const kernels::Radial<scalar_t> radial{width, int(p), scalar_t(cutoff), pointer<scalar_t>(frequencies)};
        const scalar_t *d = pointer<scalar_t>(distance), *g = pointer<scalar_t>(grad);
        const scalar_t *vd = pointer<scalar_t>(v_distance), *vf = pointer<scalar_t>(v_frequencies);
        over_chunks(chunks, [&](std::int64_t chunk, std::int64_t first, std::int64_t last) {
            kernels::table<scalar_t>().radial_second(
                radial, vd ? vd + first : nullptr, vf, g + first * width, d + first, last - first,
                to_grad.data_ptr<scalar_t>() + first * width, to_distance.data_ptr<scalar_t>() + first,
                partial.data_ptr<scalar_t>() + chunk * width);
        });
        sum = add_up<scalar_t>(partial, {width});
    });
    return {to_distance, sum, to_grad};
}

std::tuple<Tensor, Tensor> spherical_harmonics(const Tensor &edge_vector, std::int64_t num_spherical) {
    check_float(edge_vector, "edge_vector");
    check_shape(edge_vector, "edge_vector", {-1, 3}, "(n_edges, 3)");
    check_orders(num_spherical);
    const Tensor vectors = edge_vector.contiguous();
    const std::int64_t n = vectors.size(0), width = num_spherical * num_spherical;
    const int lmax = int(num_spherical) - 1;
    Tensor distance = at::empty({n}, vectors.options()), values = at::empty({n, width}, vectors.options());
    AT_DISPATCH_FLOATING_TYPES(vectors.scalar_type(), "spherical_harmonics", [&] {
        const auto norms = norms_as<scalar_t>(lmax);
        const scalar_t *v = pointer<scalar_t>(vectors);
        scalar_t *d = distance.data_ptr<scalar_t>(), *y = values.data_ptr<scalar_t>();
        over_chunks(edge_chunks(n), [&](std::int64_t, std::int64_t first, std::int64_t last) {
            kernels::table<scalar_t>().harmonics(lmax, norms.data(), v + 3 * first, last - first, d + first,
                                                 y + first * width);
        });
        for (std::int64_t e = 0; e < n; ++e) {
            TORCH_CHECK_VALUE(d[e] > 0 && std::isfinite(d[e]), "`edge_vector` row ", e, " has length ", d[e],
                              ": two atoms coincide or a position is not finite");
        }
    });
    return {distance, values};
}

Tensor spherical_harmonics_backward(const Tensor &edge_vector, const OptionalTensor &grad_distance_,
                                    const OptionalTensor &grad_y_, std::int64_t num_spherical) {
    const Tensor vectors = edge_vector.contiguous();
    const Tensor grad_distance = contiguous(grad_distance_), grad_y = contiguous(grad_y_);
    const std::int64_t n = vectors.size(0), width = num_spherical * num_spherical;
    const int lmax = int(num_spherical) - 1;
    Tensor result = at::empty_like(vectors);
    AT_DISPATCH_FLOATING_TYPES(vectors.scalar_type(), "spherical_harmonics_backward", [&] {
        const auto norms = norms_as<scalar_t>(lmax);
        const scalar_t *v = pointer<scalar_t>(vectors), *gd = pointer<scalar_t>(grad_distance),
                       *gy = pointer<scalar_t>(grad_y);
        scalar_t *to = result.data_ptr<scalar_t>();
        over_chunks(edge_chunks(n), [&](std::int64_t, std::int64_t first, std::int64_t last) {
            kernels::table<scalar_t>().harmonics_backward(lmax, norms.data(), gd ? gd + first : nullptr,
                                                          gy ? gy + first * width : nullptr, v + 3 * first,
                                                          last - first, to + 3 * first);
        });
    });
    return result;
}

std::tuple<Tensor, Tensor, Tensor> spherical_harmonics_second(const Tensor &v_, const Tensor &edge_vector,
                                                              const OptionalTensor &grad_distance_,
                                                              const OptionalTensor &grad_y_,
                                                              std::int64_t num_spherical) {
    const Tensor vectors = edge_vector.contiguous(), v = v_.contiguous();
    const Tensor grad_distance = contiguous(grad_distance_), grad_y = contiguous(grad_y_);
    const std::int64_t n = vectors.size(0), width = num_spherical * num_spherical;
    const int lmax = int(num_spherical) - 1;
    Tensor to_vectors = at::empty_like(vectors);
    Tensor to_distance = result(grad_distance.defined(), {n}, vectors.options());
    Tensor to_y = result(grad_y.defined(), {n, width}, vectors.options());
    AT_DISPATCH_FLOATING_TYPES(vectors.scalar_type(), "spherical_harmonics_second", [&] {
        const auto norms = norms_as<scalar_t>(lmax);
        const scalar_t *u = pointer<scalar_t>(vectors), *w = pointer<scalar_t>(v);
        const scalar_t *gd = pointer<scalar_t>(grad_distance), *gy = pointer<scalar_t>(grad_y);
        scalar_t *to = to_vectors.data_ptr<scalar_t>();
        scalar_t *distance_to = grad_distance.defined() ? to_distance.data_ptr<scalar_t>() : nullptr;
        scalar_t *y_to = grad_y.defined() ? to_y.data_ptr<scalar_t>() : nullptr;
        over_chunks(edge_chunks(n), [&](std::int64_t, std::int64_t first, std::int64_t last) {
            kernels::table<scalar_t>().harmonics_second(
                lmax, norms.data(), w + 3 * first, gd ? gd + first : nullptr, gy ? gy + first * width : nullptr,
                u + 3 * first, last - first, distance_to ? distance_to + first : nullptr,
                y_to ? y_to + first * width : nullptr, to + 3 * first);
        });
    });
    return {to_vectors, to_distance, to_y};
}

} // namespace tlmlp::cpu
