#pragma once

#include <cstdint>
#include <vector>

#include "buffer.h"
#include "slots.h"
#include "training.h"

namespace tlmlp::training {

/// The edges of one evaluation in slots and chunks.
struct TrainingGraph : engine::Slots {
    /// Edges beyond the cutoff, and edges at the cutoff whose reverse rounding has put beyond it, are left out: their
    /// contributions vanish like (1 - d/c)^3; `cutoff` is in nm. Throws std::invalid_argument.
    void build(const EdgeGraph &graph, int n_species, double cutoff);

    std::vector<std::int32_t> species; ///< per atom

  private:
    std::vector<std::int64_t> order_;   // the caller's edges that are not left out, in the order of atoms
    std::vector<std::int32_t> slot_of_; // of the caller's edges, -1 for those left out
};

} // namespace tlmlp::training
