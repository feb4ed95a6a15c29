#pragma once

// Energies, their derivatives by the edges, and the gradient by the weights of any function of both: what a training
// step needs (job.h has the mathematics). No torch; lengths in nm, energies in kJ/mol.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace tlmlp::training {

/// Sizes of the network (docs/reference/model-file.md) and what its basis depends on.
struct Shape {
    int species = 1, embed = 32, directional = 16, output = 64, radial = 6, spherical = 7;
    int blocks = 4, before = 1, after = 2, dense = 3, exponent = 6;
    double cutoff = 0.5; ///< nm
};

/// Directed edges j -> i, vector = r_j - r_i (+ lattice vector); `offsets`, `edges` group them by target and
/// `reverse` is the edge i -> j, as the op `topology` makes them.
struct EdgeGraph {
    std::int64_t n_atoms = 0, n_edges = 0;
    const std::int64_t *species = nullptr;
    const std::int64_t *source = nullptr, *target = nullptr, *offsets = nullptr, *edges = nullptr, *reverse = nullptr;
    const double *vector = nullptr; ///< [n_edges][3] nm
};

struct TensorShape {
    std::int64_t rows, columns;
};

/// The tensors of the weights in the order in which `Evaluation` takes them; neighbouring matrices without an
/// activation between them are multiplied out by the caller:
///     frequencies (1, R); embedding: radial (E, R), target and source tables (S, E), the bias in the former;
///     per interaction: kj weight (E, E) and bias (1, E), gate (E, R), down (I, E), radial weights (I, L * R), up (E, I),
///     then weight and bias of ji, the residual layers before, final, the residual layers after;
///     per output block: gate (E, R), up (O, E), weight and bias of the dense layers, the last row (1, O).
std::vector<TensorShape> tensor_shapes(const Shape &shape);

/// One evaluation with everything that its gradient needs; memory is kept for the next one.
template <class T> class Evaluation {
  public:
    Evaluation();
    ~Evaluation();
    /// Energies (n_atoms) and derivatives (n_edges, 3). `weights` are row-major tensors of `tensor_shapes`. Throws
    /// std::invalid_argument on an edge without its reverse, wrong indices, or numbers that are not finite.
    void forward(const Shape &shape, const std::vector<const T *> &weights, const EdgeGraph &graph, int threads,
                 double *energies, double *derivatives);
    /// Gradient of sum_i energy_weights_i E_i + sum_e derivative_weights_e . (dE/dvector)_e of the last `forward`.
    void backward(const double *energy_weights, const double *derivative_weights, int threads,
                  const std::vector<T *> &gradients);

  private:
    struct Memory;
    std::unique_ptr<Memory> memory_;
};

} // namespace tlmlp::training
