#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>

#include "checks.h"
#include "neighbours.h"
#include "operators.h"

namespace tlmlp {

/// The engine's list (csrc/core/src/neighbours.h), made on the CPU.
std::tuple<Tensor, Tensor> neighbour_list(const Tensor &positions_, const Tensor &cell_, const Tensor &pbc_,
                                          double cutoff) {
    check_float(positions_, "positions");
    check_shape(positions_, "positions", {-1, 3}, "(n_atoms, 3)");
    check_float(cell_, "cell");
    check_shape(cell_, "cell", {3, 3}, "(3, 3)");
    check_shape(pbc_, "pbc", {3}, "(3,)");
    TORCH_CHECK_TYPE(pbc_.scalar_type() == at::kBool, "`pbc` must be bool, got ", pbc_.scalar_type());
    TORCH_CHECK_VALUE(cutoff > 0 && std::isfinite(cutoff), "`cutoff` must be positive, got ", cutoff);
    const Tensor positions = positions_.detach().to(at::kCPU, at::kDouble).contiguous();
    const Tensor cell = cell_.detach().to(at::kCPU, at::kDouble).contiguous(), pbc = pbc_.cpu().contiguous();
    Structure structure;
    structure.n_atoms = positions.size(0);
    structure.positions = positions.const_data_ptr<double>();
    for (int k = 0; k < 9; ++k) {
        structure.cell[k] = cell.const_data_ptr<double>()[k];
    }
    for (int k = 0; k < 3; ++k) {
        structure.pbc[k] = pbc.const_data_ptr<bool>()[k];
    }
    NeighbourFinder finder;
    try {
        finder.find(structure, cutoff, 0.0, 1);
    } catch (const Error &error) {
        TORCH_CHECK_VALUE(false, error.what());
    }
    PairList pairs = finder.pairs();
    sort_pairs(pairs);
    const auto n = static_cast<std::int64_t>(pairs.source.size());
    const auto options = at::TensorOptions().dtype(at::kLong);
    Tensor edge_index = at::empty({2, n}, options), shifts = at::empty({n, 3}, options);
    auto *index = edge_index.data_ptr<std::int64_t>();
    std::copy(pairs.source.begin(), pairs.source.end(), index);
    std::copy(pairs.target.begin(), pairs.target.end(), index + n);
    std::copy(pairs.shift.begin(), pairs.shift.end(), shifts.data_ptr<std::int64_t>());
    return {edge_index.to(positions_.device()), shifts.to(positions_.device())};
}

} // namespace tlmlp
