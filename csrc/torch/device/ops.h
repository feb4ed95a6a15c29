#pragma once

#include <ATen/TensorOperators.h>

#include "../ops.h"

/// The operators on an NVIDIA GPU, with the signatures of `tlmlp::cpu`. Given tensors of the CPU they run the same
/// kernel bodies there, one number after the other: slow, and how the tests hold them against the CPU's own kernels.
namespace tlmlp::device {

std::tuple<Tensor, Tensor> spherical_harmonics(const Tensor &edge_vector, std::int64_t num_spherical);
Tensor spherical_harmonics_backward(const Tensor &edge_vector, const OptionalTensor &grad_distance,
                                    const OptionalTensor &grad_y, std::int64_t num_spherical);
std::tuple<Tensor, Tensor, Tensor> spherical_harmonics_second(const Tensor &v, const Tensor &edge_vector,
                                                              const OptionalTensor &grad_distance,
                                                              const OptionalTensor &grad_y,
                                                              std::int64_t num_spherical);

Tensor radial_basis(const Tensor &distance, const Tensor &frequencies, double cutoff, std::int64_t p);
std::tuple<Tensor, Tensor> radial_basis_backward(const Tensor &distance, const Tensor &frequencies,
                                                 const Tensor &grad, double cutoff, std::int64_t p,
                                                 std::int64_t wanted);
std::tuple<Tensor, Tensor, Tensor> radial_basis_second(const OptionalTensor &v_distance,
                                                       const OptionalTensor &v_frequencies, const Tensor &distance,
                                                       const Tensor &frequencies, const Tensor &grad, double cutoff,
                                                       std::int64_t p);

Tensor spherical_bessel_basis(const Tensor &distance, double cutoff, std::int64_t p, std::int64_t num_spherical,
                              std::int64_t num_radial);
Tensor spherical_bessel_basis_backward(const Tensor &distance, const Tensor &grad, double cutoff, std::int64_t p,
                                       std::int64_t num_spherical, std::int64_t num_radial);
std::tuple<Tensor, Tensor> spherical_bessel_basis_second(const Tensor &v, const Tensor &distance, const Tensor &grad,
                                                         double cutoff, std::int64_t p, std::int64_t num_spherical,
                                                         std::int64_t num_radial);

Tensor directional_sum(const Tensor &y, const Tensor &sbf, const Tensor &weight, const Tensor &harmonics,
                       const Tensor &edge_index, const Tensor &offsets, const Tensor &edges, const Tensor &reverse);
std::tuple<Tensor, Tensor, Tensor, Tensor>
directional_sum_backward(const Tensor &y, const Tensor &sbf, const Tensor &weight, const Tensor &harmonics,
                         const Tensor &grad_z, const Tensor &edge_index, const Tensor &offsets, const Tensor &edges,
                         const Tensor &reverse, std::int64_t wanted);
std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor>
directional_sum_second(const OptionalTensor &v_y, const OptionalTensor &v_sbf, const OptionalTensor &v_weight,
                       const OptionalTensor &v_harmonics, const Tensor &y, const Tensor &sbf, const Tensor &weight,
                       const Tensor &harmonics, const Tensor &grad_z, const Tensor &edge_index, const Tensor &offsets,
                       const Tensor &edges, const Tensor &reverse, std::int64_t wanted);

} // namespace tlmlp::device
