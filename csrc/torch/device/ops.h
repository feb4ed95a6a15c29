#pragma once

#include <ATen/TensorOperators.h>

#include "../ops.h"

/// The operators on an NVIDIA GPU, with the signatures of `tlmlp::cpu`. Given tensors of the CPU they run the same
/// kernel bodies there, one number after the other: slow, and how the tests hold them against the CPU's own kernels.
namespace tlmlp::device {

decltype(cpu::spherical_harmonics) spherical_harmonics;
decltype(cpu::spherical_harmonics_backward) spherical_harmonics_backward;
decltype(cpu::spherical_harmonics_second) spherical_harmonics_second;
decltype(cpu::radial_basis) radial_basis;
decltype(cpu::radial_basis_backward) radial_basis_backward;
decltype(cpu::radial_basis_second) radial_basis_second;
decltype(cpu::spherical_bessel_basis) spherical_bessel_basis;
decltype(cpu::spherical_bessel_basis_backward) spherical_bessel_basis_backward;
decltype(cpu::spherical_bessel_basis_second) spherical_bessel_basis_second;
decltype(cpu::directional_sum) directional_sum;
decltype(cpu::directional_sum_backward) directional_sum_backward;
decltype(cpu::directional_sum_second) directional_sum_second;

} // namespace tlmlp::device
