#pragma once

#include <ATen/core/List.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <tuple>

/// The ops behind the schemas of register.cpp. `tlmlp::cpu` computes; `tlmlp::autograd` adds the two derivatives.
/// In the backward and second-derivative ops an absent gradient is nullopt, and an unwanted result an empty tensor.
namespace tlmlp {

using at::Tensor;
using OptionalTensor = std::optional<at::Tensor>;

inline bool present(const OptionalTensor &t) { return t.has_value() && t->defined(); }

/// Bits of `wanted`, in the order of an op's differentiable inputs.
inline bool wants(std::int64_t wanted, int index) { return (wanted >> index) & 1; }

namespace cpu {

std::tuple<Tensor, Tensor, Tensor> topology(const Tensor &edge_index, const Tensor &edge_vector, std::int64_t n_atoms);
std::tuple<Tensor, Tensor> neighbour_list(const Tensor &positions, const Tensor &cell, const Tensor &pbc,
                                          double cutoff);

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

Tensor dense_swish(const Tensor &x, const Tensor &weight, const OptionalTensor &bias);
std::tuple<Tensor, Tensor> dense_swish_forward(const Tensor &x, const Tensor &weight, const OptionalTensor &bias);
std::tuple<Tensor, Tensor, Tensor> dense_swish_backward(const Tensor &x, const Tensor &weight, const Tensor &pre,
                                                        const OptionalTensor &grad_y,
                                                        const OptionalTensor &grad_pre, std::int64_t wanted);
std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor>
dense_swish_second(const OptionalTensor &v_x, const OptionalTensor &v_weight, const OptionalTensor &v_bias,
                   const Tensor &x, const Tensor &weight, const Tensor &pre, const OptionalTensor &grad_y,
                   const OptionalTensor &grad_pre, std::int64_t wanted);

Tensor residual_swish(const Tensor &h, const Tensor &weight1, const Tensor &bias1, const Tensor &weight2,
                      const Tensor &bias2);
std::tuple<Tensor, Tensor, Tensor> residual_swish_forward(const Tensor &h, const Tensor &weight1, const Tensor &bias1,
                                                          const Tensor &weight2, const Tensor &bias2);
std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor>
residual_swish_backward(const Tensor &h, const Tensor &weight1, const Tensor &weight2, const Tensor &pre1,
                        const Tensor &pre2, const OptionalTensor &grad, const OptionalTensor &grad_pre1,
                        const OptionalTensor &grad_pre2, std::int64_t wanted);
/// v: cotangents of the five results above. Results for h, weight1, weight2, pre1, pre2, grad, grad_pre1, grad_pre2.
std::vector<Tensor> residual_swish_second(const c10::List<OptionalTensor> &v, const Tensor &h, const Tensor &weight1,
                                          const Tensor &weight2, const Tensor &pre1, const Tensor &pre2,
                                          const OptionalTensor &grad, const OptionalTensor &grad_pre1,
                                          const OptionalTensor &grad_pre2, std::int64_t wanted);

Tensor gate(const Tensor &x, const Tensor &e, const Tensor &weight);
std::tuple<Tensor, Tensor, Tensor> gate_backward(const Tensor &x, const Tensor &e, const Tensor &weight,
                                                 const Tensor &grad_y, std::int64_t wanted);
std::tuple<Tensor, Tensor, Tensor, Tensor> gate_second(const OptionalTensor &v_x, const OptionalTensor &v_e,
                                                       const OptionalTensor &v_weight, const Tensor &x,
                                                       const Tensor &e, const Tensor &weight, const Tensor &grad_y,
                                                       std::int64_t wanted);

std::tuple<Tensor, Tensor> energies_and_derivatives(at::TensorList weights, const Tensor &species,
                                                    const Tensor &edge_index, const Tensor &edge_vector,
                                                    const Tensor &offsets, const Tensor &edges, const Tensor &reverse,
                                                    at::IntArrayRef sizes, double cutoff);

} // namespace cpu

namespace autograd {

std::tuple<Tensor, Tensor> spherical_harmonics(const Tensor &edge_vector, std::int64_t num_spherical);
Tensor radial_basis(const Tensor &distance, const Tensor &frequencies, double cutoff, std::int64_t p);
Tensor spherical_bessel_basis(const Tensor &distance, double cutoff, std::int64_t p, std::int64_t num_spherical,
                              std::int64_t num_radial);
Tensor directional_sum(const Tensor &y, const Tensor &sbf, const Tensor &weight, const Tensor &harmonics,
                       const Tensor &edge_index, const Tensor &offsets, const Tensor &edges, const Tensor &reverse);
Tensor dense_swish(const Tensor &x, const Tensor &weight, const OptionalTensor &bias);

Tensor residual_swish(const Tensor &h, const Tensor &weight1, const Tensor &bias1, const Tensor &weight2,
                      const Tensor &bias2);
Tensor gate(const Tensor &x, const Tensor &e, const Tensor &weight);

std::tuple<Tensor, Tensor> energies_and_derivatives(at::TensorList weights, const Tensor &species,
                                                    const Tensor &edge_index, const Tensor &edge_vector,
                                                    const Tensor &offsets, const Tensor &edges, const Tensor &reverse,
                                                    at::IntArrayRef sizes, double cutoff);

} // namespace autograd
} // namespace tlmlp
