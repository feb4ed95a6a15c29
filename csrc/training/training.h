#pragma once

// Energies, their derivatives by the edges, and the gradient by the weights of any function of both: what a training
// step needs (sweep_job.h has the mathematics). No torch; lengths in nm, energies in kJ/mol.

#include <cstdint>
#include <memory>
#include <vector>

#include "tlmlp/network.h"

namespace tlmlp::training {

/// Directed edges j -> i, vector = r_j - r_i (+ lattice vector); `offsets`, `edges` group them by target and
/// `reverse` is the edge i -> j, as the op `topology` makes them.
struct EdgeGraph {
    std::int64_t n_atoms = 0, n_edges = 0;
    const std::int64_t *species = nullptr;
    const std::int64_t *source = nullptr, *target = nullptr, *offsets = nullptr, *edges = nullptr, *reverse = nullptr;
    const double *vector = nullptr; ///< [n_edges][3] nm
};

/// One evaluation with everything that its gradient needs; memory is kept for the next one.
template <class T> class Evaluation {
  public:
    Evaluation();
    ~Evaluation();
    /// Numbers of the heads (heads, n_atoms), the energies first, and the energy's derivatives (n_edges, 3). `weights` are the matrices of network::visit_matrices, row by
    /// row; `cutoff` is in nm. Throws std::invalid_argument on an edge without its reverse, wrong indices, or numbers that
    /// are not finite.
    void forward(const network::Sizes &sizes, double cutoff, const std::vector<const T *> &weights,
                 const EdgeGraph &graph, int threads, double *values, double *derivatives);
    /// Gradient of sum_hi value_weights_hi y_hi, y_hi the number of head h, + sum_e derivative_weights_e . (dE/dvector)_e of the last `forward`.
    void backward(const double *value_weights, const double *derivative_weights, int threads,
                  const std::vector<T *> &gradients);

  private:
    struct Memory;
    std::unique_ptr<Memory> memory_;
};

} // namespace tlmlp::training
