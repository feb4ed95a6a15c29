#pragma once

#include <cstdint>
#include <vector>

#include "buffer.h"
#include "sweep_job.h"
#include "training.h"

namespace tlmlp::training {

/// The edges of one evaluation in slots and chunks.
struct SlotGraph {
    /// Edges beyond the cutoff, and edges at the cutoff whose reverse rounding has put beyond it, are left out: their
    /// contributions vanish like (1 - d/c)^3; `cutoff` is in nm. Throws std::invalid_argument.
    void build(const EdgeGraph &graph, int n_species, double cutoff);

    std::vector<Chunk> chunks;
    std::vector<std::int32_t> first, count;    ///< per atom: lane of its first edge in the chunk, number of edges
    std::vector<std::int32_t> reverse, source; ///< per slot
    std::vector<std::int32_t> species;         ///< per atom
    std::vector<std::int64_t> input;           ///< per slot: index in the caller's list, -1 for dummies
    std::vector<double> vector;                ///< per slot, nm
    std::int64_t slots = 0;
    int max_lanes = 0, max_edges_of_atom = 0;

  private:
    std::vector<std::int32_t> slot_of_; // of the caller's edges, -1 for those left out
};

} // namespace tlmlp::training
