#pragma once

#include <ATen/core/Dict.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>

/// The operators behind the schemas of register.cpp, on the CPU and on NVIDIA GPUs; `tlmlp::autograd` adds the derivatives.
/// In the backward and second-derivative operators an absent gradient is nullopt, and an unwanted result an empty tensor.
namespace tlmlp {

using at::Tensor;
using OptionalTensor = std::optional<at::Tensor>;

inline bool present(const OptionalTensor &t) { return t.has_value() && t->defined(); }

/// Bits of `wanted`, in the order of an op's differentiable inputs.
inline bool wants(std::int64_t wanted, int index) { return (wanted >> index) & 1; }

std::tuple<Tensor, Tensor, Tensor> topology(const Tensor &edge_index, const Tensor &edge_vector, std::int64_t n_atoms);
std::tuple<Tensor, Tensor> neighbour_list(const Tensor &positions, const Tensor &cell, const Tensor &pbc,
                                          double cutoff);

std::tuple<Tensor, Tensor> spherical_harmonics(const Tensor &edge_vector, std::int64_t num_spherical);
Tensor spherical_harmonics_backward(const Tensor &edge_vector, const OptionalTensor &grad_distance,
                                    const OptionalTensor &grad_y, std::int64_t num_spherical);
std::tuple<Tensor, Tensor, Tensor> spherical_harmonics_second(const Tensor &v, const Tensor &edge_vector,
                                                              const OptionalTensor &grad_distance,
                                                              const OptionalTensor &grad_y, std::int64_t num_spherical);

Tensor radial_basis(const Tensor &distance, const Tensor &frequencies, double cutoff, std::int64_t p);
std::tuple<Tensor, Tensor> radial_basis_backward(const Tensor &distance, const Tensor &frequencies, const Tensor &grad,
                                                 double cutoff, std::int64_t p, std::int64_t wanted);
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
std::tuple<Tensor, Tensor, Tensor, Tensor> directional_sum_backward(const Tensor &y, const Tensor &sbf,
                                                                    const Tensor &weight, const Tensor &harmonics,
                                                                    const Tensor &grad_z, const Tensor &edge_index,
                                                                    const Tensor &offsets, const Tensor &edges,
                                                                    const Tensor &reverse, std::int64_t wanted);
std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor>
directional_sum_second(const OptionalTensor &v_y, const OptionalTensor &v_sbf, const OptionalTensor &v_weight,
                       const OptionalTensor &v_harmonics, const Tensor &y, const Tensor &sbf, const Tensor &weight,
                       const Tensor &harmonics, const Tensor &grad_z, const Tensor &edge_index, const Tensor &offsets,
                       const Tensor &edges, const Tensor &reverse, std::int64_t wanted);

/// The whole network without gradients by the engine; see register.cpp.
std::tuple<Tensor, Tensor> inference(at::TensorList parameters, c10::string_view names, const Tensor &species,
                                     const Tensor &edge_index, const Tensor &edge_vector,
                                     const c10::Dict<std::string, std::int64_t> &sizes, double cutoff,
                                     at::IntArrayRef atomic_numbers, at::ArrayRef<double> zbl);
/// The same with gradients by the weights.
std::tuple<Tensor, Tensor> energies_and_derivatives(at::TensorList weights, const Tensor &species,
                                                    const Tensor &edge_index, const Tensor &edge_vector,
                                                    const Tensor &offsets, const Tensor &edges, const Tensor &reverse,
                                                    at::IntArrayRef sizes, double cutoff);

namespace autograd {

std::tuple<Tensor, Tensor> spherical_harmonics(const Tensor &edge_vector, std::int64_t num_spherical);
Tensor radial_basis(const Tensor &distance, const Tensor &frequencies, double cutoff, std::int64_t p);
Tensor spherical_bessel_basis(const Tensor &distance, double cutoff, std::int64_t p, std::int64_t num_spherical,
                              std::int64_t num_radial);
Tensor directional_sum(const Tensor &y, const Tensor &sbf, const Tensor &weight, const Tensor &harmonics,
                       const Tensor &edge_index, const Tensor &offsets, const Tensor &edges, const Tensor &reverse);
std::tuple<Tensor, Tensor> energies_and_derivatives(at::TensorList weights, const Tensor &species,
                                                    const Tensor &edge_index, const Tensor &edge_vector,
                                                    const Tensor &offsets, const Tensor &edges, const Tensor &reverse,
                                                    at::IntArrayRef sizes, double cutoff);

} // namespace autograd
} // namespace tlmlp
