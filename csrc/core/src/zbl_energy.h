#pragma once

#include <vector>

#include "runner.h"
#include "tlmlp/math/zbl.h"

namespace tlmlp::engine {

/// The short-range repulsion of a model file: a term of its own beside the network's.
class Zbl {
  public:
    Zbl(const std::vector<int> &atomic_numbers, double inner, double outer);

    /// Adds to energies, forces, virial and, where there are any, edge gradients. Each directed edge carries half of a
    /// pair's energy, given to its target; edges into atoms of other processes are theirs.
    void add(const EdgeList &edges, const ComputeOptions &options, Totals &totals) const;

  private:
    std::size_t species_;
    double outer_;
    std::vector<math::ZblPair> pairs_;
};

} // namespace tlmlp::engine
