#include <torch/csrc/autograd/autograd_not_implemented_fallback.h>
#include <torch/library.h>

#include "ops.h"

// Every schema of the library. The first group is the interface; the ops that start with an underscore are the
// derivatives, which the autograd formulas reach through the dispatcher, so that another device adds its kernels by
// registering its key here. Edge arrays have E rows; lengths in one unit throughout (the network uses nm).
TORCH_LIBRARY(tlmlp, m) {
    m.def("topology(Tensor edge_index, Tensor edge_vector, int n_atoms)"
          " -> (Tensor offsets, Tensor edges, Tensor reverse)");
    m.def("neighbour_list(Tensor positions, Tensor cell, Tensor pbc, float cutoff)"
          " -> (Tensor edge_index, Tensor shifts)");
    m.def("spherical_harmonics(Tensor edge_vector, int num_spherical) -> (Tensor distance, Tensor Y)");
    m.def("radial_basis(Tensor distance, Tensor frequencies, float cutoff, int p) -> Tensor");
    m.def("spherical_bessel_basis(Tensor distance, float cutoff, int p, int num_spherical, int num_radial)"
          " -> Tensor");
    m.def("directional_sum(Tensor y, Tensor sbf, Tensor weight, Tensor Y, Tensor edge_index, Tensor offsets,"
          " Tensor edges, Tensor reverse) -> Tensor");
    m.def("dense_swish(Tensor x, Tensor weight, Tensor? bias) -> Tensor");
    m.def("residual_swish(Tensor h, Tensor weight1, Tensor bias1, Tensor weight2, Tensor bias2) -> Tensor");
    m.def("gate(Tensor x, Tensor e, Tensor weight) -> Tensor");
    // The whole network, for training: weights and sizes in the order of csrc/training/training.h, lengths in nm.
    // Differentiable once, by the weights alone.
    m.def("energies_and_derivatives(Tensor[] weights, Tensor species, Tensor edge_index, Tensor edge_vector,"
          " Tensor offsets, Tensor edges, Tensor reverse, int[] sizes, float cutoff)"
          " -> (Tensor energies, Tensor derivatives)");

    m.def("_spherical_harmonics_backward(Tensor edge_vector, Tensor? grad_distance, Tensor? grad_Y,"
          " int num_spherical) -> Tensor");
    m.def("_spherical_harmonics_second(Tensor v, Tensor edge_vector, Tensor? grad_distance, Tensor? grad_Y,"
          " int num_spherical) -> (Tensor, Tensor, Tensor)");
    m.def("_radial_basis_backward(Tensor distance, Tensor frequencies, Tensor grad, float cutoff, int p, int wanted)"
          " -> (Tensor, Tensor)");
    m.def("_radial_basis_second(Tensor? v_distance, Tensor? v_frequencies, Tensor distance, Tensor frequencies,"
          " Tensor grad, float cutoff, int p) -> (Tensor, Tensor, Tensor)");
    m.def("_spherical_bessel_basis_backward(Tensor distance, Tensor grad, float cutoff, int p, int num_spherical,"
          " int num_radial) -> Tensor");
    m.def("_spherical_bessel_basis_second(Tensor v, Tensor distance, Tensor grad, float cutoff, int p,"
          " int num_spherical, int num_radial) -> (Tensor, Tensor)");
    m.def("_directional_sum_backward(Tensor y, Tensor sbf, Tensor weight, Tensor Y, Tensor grad_z,"
          " Tensor edge_index, Tensor offsets, Tensor edges, Tensor reverse, int wanted)"
          " -> (Tensor, Tensor, Tensor, Tensor)");
    m.def("_directional_sum_second(Tensor? v_y, Tensor? v_sbf, Tensor? v_weight, Tensor? v_Y, Tensor y, Tensor sbf,"
          " Tensor weight, Tensor Y, Tensor grad_z, Tensor edge_index, Tensor offsets, Tensor edges, Tensor reverse,"
          " int wanted) -> (Tensor, Tensor, Tensor, Tensor, Tensor)");
    m.def("_dense_swish_forward(Tensor x, Tensor weight, Tensor? bias) -> (Tensor y, Tensor pre)");
    m.def("_dense_swish_backward(Tensor x, Tensor weight, Tensor pre, Tensor? grad_y, Tensor? grad_pre, int wanted)"
          " -> (Tensor, Tensor, Tensor)");
    m.def("_dense_swish_second(Tensor? v_x, Tensor? v_weight, Tensor? v_bias, Tensor x, Tensor weight, Tensor pre,"
          " Tensor? grad_y, Tensor? grad_pre, int wanted) -> (Tensor, Tensor, Tensor, Tensor, Tensor)");
    m.def("_residual_swish_forward(Tensor h, Tensor weight1, Tensor bias1, Tensor weight2, Tensor bias2)"
          " -> (Tensor, Tensor pre1, Tensor pre2)");
    m.def("_residual_swish_backward(Tensor h, Tensor weight1, Tensor weight2, Tensor pre1, Tensor pre2, Tensor? grad,"
          " Tensor? grad_pre1, Tensor? grad_pre2, int wanted) -> (Tensor, Tensor, Tensor, Tensor, Tensor)");
    m.def("_residual_swish_second(Tensor?[] v, Tensor h, Tensor weight1, Tensor weight2, Tensor pre1, Tensor pre2,"
          " Tensor? grad, Tensor? grad_pre1, Tensor? grad_pre2, int wanted) -> Tensor[]");
    m.def("_gate_backward(Tensor x, Tensor e, Tensor weight, Tensor grad_y, int wanted) -> (Tensor, Tensor, Tensor)");
    m.def("_gate_second(Tensor? v_x, Tensor? v_e, Tensor? v_weight, Tensor x, Tensor e, Tensor weight, Tensor grad_y,"
          " int wanted) -> (Tensor, Tensor, Tensor, Tensor)");
}

TORCH_LIBRARY_IMPL(tlmlp, CPU, m) {
    namespace cpu = tlmlp::cpu;
    m.impl("topology", TORCH_FN(cpu::topology));
    m.impl("neighbour_list", TORCH_FN(cpu::neighbour_list));
    m.impl("spherical_harmonics", TORCH_FN(cpu::spherical_harmonics));
    m.impl("radial_basis", TORCH_FN(cpu::radial_basis));
    m.impl("spherical_bessel_basis", TORCH_FN(cpu::spherical_bessel_basis));
    m.impl("directional_sum", TORCH_FN(cpu::directional_sum));
    m.impl("dense_swish", TORCH_FN(cpu::dense_swish));
    m.impl("_spherical_harmonics_backward", TORCH_FN(cpu::spherical_harmonics_backward));
    m.impl("_spherical_harmonics_second", TORCH_FN(cpu::spherical_harmonics_second));
    m.impl("_radial_basis_backward", TORCH_FN(cpu::radial_basis_backward));
    m.impl("_radial_basis_second", TORCH_FN(cpu::radial_basis_second));
    m.impl("_spherical_bessel_basis_backward", TORCH_FN(cpu::spherical_bessel_basis_backward));
    m.impl("_spherical_bessel_basis_second", TORCH_FN(cpu::spherical_bessel_basis_second));
    m.impl("_directional_sum_backward", TORCH_FN(cpu::directional_sum_backward));
    m.impl("_directional_sum_second", TORCH_FN(cpu::directional_sum_second));
    m.impl("_dense_swish_forward", TORCH_FN(cpu::dense_swish_forward));
    m.impl("_dense_swish_backward", TORCH_FN(cpu::dense_swish_backward));
    m.impl("_dense_swish_second", TORCH_FN(cpu::dense_swish_second));
    m.impl("residual_swish", TORCH_FN(cpu::residual_swish));
    m.impl("_residual_swish_forward", TORCH_FN(cpu::residual_swish_forward));
    m.impl("_residual_swish_backward", TORCH_FN(cpu::residual_swish_backward));
    m.impl("_residual_swish_second", TORCH_FN(cpu::residual_swish_second));
    m.impl("gate", TORCH_FN(cpu::gate));
    m.impl("_gate_backward", TORCH_FN(cpu::gate_backward));
    m.impl("_gate_second", TORCH_FN(cpu::gate_second));
    m.impl("energies_and_derivatives", TORCH_FN(cpu::energies_and_derivatives));
}

TORCH_LIBRARY_IMPL(tlmlp, Autograd, m) {
    namespace autograd = tlmlp::autograd;
    m.impl("spherical_harmonics", TORCH_FN(autograd::spherical_harmonics));
    m.impl("radial_basis", TORCH_FN(autograd::radial_basis));
    m.impl("spherical_bessel_basis", TORCH_FN(autograd::spherical_bessel_basis));
    m.impl("directional_sum", TORCH_FN(autograd::directional_sum));
    m.impl("dense_swish", TORCH_FN(autograd::dense_swish));
    m.impl("residual_swish", TORCH_FN(autograd::residual_swish));
    m.impl("gate", TORCH_FN(autograd::gate));
    m.impl("energies_and_derivatives", TORCH_FN(autograd::energies_and_derivatives));
    // There is no third derivative: asking for one is an error, not a silent zero.
    for (const char *name : {"_spherical_harmonics_second", "_radial_basis_second", "_spherical_bessel_basis_second",
                             "_directional_sum_second", "_dense_swish_second", "_residual_swish_second"}) {
        m.impl(name, torch::autograd::autogradNotImplementedFallback());
    }
    // Integer results: nothing to differentiate.
    m.impl("topology", torch::CppFunction::makeFallthrough());
    m.impl("neighbour_list", torch::CppFunction::makeFallthrough());
}
