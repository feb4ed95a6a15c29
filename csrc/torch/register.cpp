#include <ATen/TensorOperators.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/silu.h>
#include <torch/csrc/autograd/autograd_not_implemented_fallback.h>
#include <torch/library.h>

#include "operators.h"

namespace {

bool built_with_cuda() {
#ifdef TLMLP_CUDA
    return true;
#else
    return false;
#endif
}

// Layers that the TorchScript of models exported before `inference` existed calls by name, as torch's own operators.
at::Tensor dense_swish(const at::Tensor &x, const at::Tensor &weight, const tlmlp::OptionalTensor &bias) {
    return at::silu(at::linear(x, weight, bias));
}
at::Tensor residual_swish(const at::Tensor &h, const at::Tensor &weight1, const at::Tensor &bias1,
                          const at::Tensor &weight2, const at::Tensor &bias2) {
    return h + dense_swish(dense_swish(h, weight1, bias1), weight2, bias2);
}
at::Tensor gate(const at::Tensor &x, const at::Tensor &e, const at::Tensor &weight) {
    return x * at::linear(e, weight);
}

} // namespace

// Every schema of the library. The first group is the interface; the operators that start with an underscore are the
// derivatives, which the autograd formulas reach through the dispatcher. Edge arrays have E rows; lengths are in one unit
// throughout (the network uses nm), but in angstrom and eV for `inference`.
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
    // The whole network by the engine, on the CPU; not differentiable. Parameters, their names (with blanks between) and
    // sizes are those of docs/reference/model-file.md; `zbl` is empty or the two radii of a repulsion. Energies of the
    // atoms, without shift, and the derivative of their sum by edge_vector.
    m.def("inference(Tensor[] parameters, str names, Tensor species, Tensor edge_index, Tensor edge_vector,"
          " Dict(str, int) sizes, float cutoff, int[] atomic_numbers, float[] zbl)"
          " -> (Tensor energies, Tensor derivatives)");
    // The whole network for training, on the CPU: weights and sizes in the order of csrc/training/training.h, lengths in
    // nm. Differentiable once, by the weights alone.
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

    m.def("built_with_cuda", TORCH_FN(built_with_cuda));
    m.def("dense_swish(Tensor x, Tensor weight, Tensor? bias) -> Tensor");
    m.def("residual_swish(Tensor h, Tensor weight1, Tensor bias1, Tensor weight2, Tensor bias2) -> Tensor");
    m.def("gate(Tensor x, Tensor e, Tensor weight) -> Tensor");
}

TORCH_LIBRARY_IMPL(tlmlp, CPU, m) {
    m.impl("inference", TORCH_FN(tlmlp::inference));
    m.impl("energies_and_derivatives", TORCH_FN(tlmlp::energies_and_derivatives));
}

// One implementation for the CPU and for GPUs; each finds out where its tensors lie.
TORCH_LIBRARY_IMPL(tlmlp, CompositeExplicitAutograd, m) {
    m.impl("topology", TORCH_FN(tlmlp::topology));
    m.impl("neighbour_list", TORCH_FN(tlmlp::neighbour_list));
    m.impl("spherical_harmonics", TORCH_FN(tlmlp::spherical_harmonics));
    m.impl("_spherical_harmonics_backward", TORCH_FN(tlmlp::spherical_harmonics_backward));
    m.impl("_spherical_harmonics_second", TORCH_FN(tlmlp::spherical_harmonics_second));
    m.impl("radial_basis", TORCH_FN(tlmlp::radial_basis));
    m.impl("_radial_basis_backward", TORCH_FN(tlmlp::radial_basis_backward));
    m.impl("_radial_basis_second", TORCH_FN(tlmlp::radial_basis_second));
    m.impl("spherical_bessel_basis", TORCH_FN(tlmlp::spherical_bessel_basis));
    m.impl("_spherical_bessel_basis_backward", TORCH_FN(tlmlp::spherical_bessel_basis_backward));
    m.impl("_spherical_bessel_basis_second", TORCH_FN(tlmlp::spherical_bessel_basis_second));
    m.impl("directional_sum", TORCH_FN(tlmlp::directional_sum));
    m.impl("_directional_sum_backward", TORCH_FN(tlmlp::directional_sum_backward));
    m.impl("_directional_sum_second", TORCH_FN(tlmlp::directional_sum_second));
}

// Torch differentiates its own operators.
TORCH_LIBRARY_IMPL(tlmlp, CompositeImplicitAutograd, m) {
    m.impl("dense_swish", TORCH_FN(dense_swish));
    m.impl("residual_swish", TORCH_FN(residual_swish));
    m.impl("gate", TORCH_FN(gate));
}

TORCH_LIBRARY_IMPL(tlmlp, Autograd, m) {
    namespace autograd = tlmlp::autograd;
    m.impl("spherical_harmonics", TORCH_FN(autograd::spherical_harmonics));
    m.impl("radial_basis", TORCH_FN(autograd::radial_basis));
    m.impl("spherical_bessel_basis", TORCH_FN(autograd::spherical_bessel_basis));
    m.impl("directional_sum", TORCH_FN(autograd::directional_sum));
    m.impl("energies_and_derivatives", TORCH_FN(autograd::energies_and_derivatives));
    // There is no third derivative, and none of `inference`: asking for one is an error, not a silent zero.
    for (const char *name : {"_spherical_harmonics_second", "_radial_basis_second", "_spherical_bessel_basis_second",
                             "_directional_sum_second", "inference"}) {
        m.impl(name, torch::autograd::autogradNotImplementedFallback());
    }
    // Integer results: nothing to differentiate.
    m.impl("topology", torch::CppFunction::makeFallthrough());
    m.impl("neighbour_list", torch::CppFunction::makeFallthrough());
}
