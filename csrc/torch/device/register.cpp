#include <ATen/ops/linear.h>
#include <ATen/ops/silu.h>
#include <torch/library.h>

#include "ops.h"

namespace tlmlp::device {

namespace {

bool built_with_cuda() {
#ifdef TLMLP_CUDA
    return true;
#else
    return false;
#endif
}

// The dense layers on a device are torch's own operators, whose matrix products and derivatives are there already.

Tensor dense_swish(const Tensor &x, const Tensor &weight, const OptionalTensor &bias) {
    return at::silu(at::linear(x, weight, bias));
}

Tensor residual_swish(const Tensor &h, const Tensor &weight1, const Tensor &bias1, const Tensor &weight2,
                      const Tensor &bias2) {
    return h + dense_swish(dense_swish(h, weight1, bias1), weight2, bias2);
}

Tensor gate(const Tensor &x, const Tensor &e, const Tensor &weight) { return x * at::linear(e, weight); }

// Integers, made once for a structure: on the CPU.

std::tuple<Tensor, Tensor, Tensor> topology(const Tensor &edge_index, const Tensor &edge_vector, std::int64_t n_atoms) {
    const auto [offsets, edges, reverse] = cpu::topology(edge_index.cpu(), edge_vector.cpu(), n_atoms);
    const auto there = edge_index.device();
    return {offsets.to(there), edges.to(there), reverse.to(there)};
}

std::tuple<Tensor, Tensor> neighbour_list(const Tensor &positions, const Tensor &cell, const Tensor &pbc,
                                          double cutoff) {
    const auto [edge_index, shifts] = cpu::neighbour_list(positions.cpu(), cell.cpu(), pbc.cpu(), cutoff);
    return {edge_index.to(positions.device()), shifts.to(positions.device())};
}

} // namespace

} // namespace tlmlp::device

TORCH_LIBRARY_IMPL(tlmlp, CUDA, m) {
    namespace device = tlmlp::device;
    m.impl("spherical_harmonics", TORCH_FN(device::spherical_harmonics));
    m.impl("_spherical_harmonics_backward", TORCH_FN(device::spherical_harmonics_backward));
    m.impl("_spherical_harmonics_second", TORCH_FN(device::spherical_harmonics_second));
    m.impl("radial_basis", TORCH_FN(device::radial_basis));
    m.impl("_radial_basis_backward", TORCH_FN(device::radial_basis_backward));
    m.impl("_radial_basis_second", TORCH_FN(device::radial_basis_second));
    m.impl("spherical_bessel_basis", TORCH_FN(device::spherical_bessel_basis));
    m.impl("_spherical_bessel_basis_backward", TORCH_FN(device::spherical_bessel_basis_backward));
    m.impl("_spherical_bessel_basis_second", TORCH_FN(device::spherical_bessel_basis_second));
    m.impl("directional_sum", TORCH_FN(device::directional_sum));
    m.impl("_directional_sum_backward", TORCH_FN(device::directional_sum_backward));
    m.impl("_directional_sum_second", TORCH_FN(device::directional_sum_second));
    m.impl("topology", TORCH_FN(device::topology));
    m.impl("neighbour_list", TORCH_FN(device::neighbour_list));
    m.impl("dense_swish", TORCH_FN(device::dense_swish));
    m.impl("residual_swish", TORCH_FN(device::residual_swish));
    m.impl("gate", TORCH_FN(device::gate));
}

// In the place of the CPU's autograd formulas: torch differentiates its own operators to any order.
TORCH_LIBRARY_IMPL(tlmlp, AutogradCUDA, m) {
    namespace device = tlmlp::device;
    m.impl("dense_swish", TORCH_FN(device::dense_swish));
    m.impl("residual_swish", TORCH_FN(device::residual_swish));
    m.impl("gate", TORCH_FN(device::gate));
}

// The same functions on tensors of the CPU, for the tests.
TORCH_LIBRARY(tlmlp_device, m) {
    namespace device = tlmlp::device;
    m.def("built_with_cuda", TORCH_FN(device::built_with_cuda));
    m.def("dense_swish", TORCH_FN(device::dense_swish));
    m.def("residual_swish", TORCH_FN(device::residual_swish));
    m.def("gate", TORCH_FN(device::gate));
    m.def("spherical_harmonics", TORCH_FN(device::spherical_harmonics));
    m.def("spherical_harmonics_backward", TORCH_FN(device::spherical_harmonics_backward));
    m.def("spherical_harmonics_second", TORCH_FN(device::spherical_harmonics_second));
    m.def("radial_basis", TORCH_FN(device::radial_basis));
    m.def("radial_basis_backward", TORCH_FN(device::radial_basis_backward));
    m.def("radial_basis_second", TORCH_FN(device::radial_basis_second));
    m.def("spherical_bessel_basis", TORCH_FN(device::spherical_bessel_basis));
    m.def("spherical_bessel_basis_backward", TORCH_FN(device::spherical_bessel_basis_backward));
    m.def("spherical_bessel_basis_second", TORCH_FN(device::spherical_bessel_basis_second));
    m.def("directional_sum", TORCH_FN(device::directional_sum));
    m.def("directional_sum_backward", TORCH_FN(device::directional_sum_backward));
    m.def("directional_sum_second", TORCH_FN(device::directional_sum_second));
}
