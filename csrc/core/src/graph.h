#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "slots.h"
#include "tlmlp/engine.h"

namespace tlmlp::engine {

/// The edges of one evaluation in the order of layout.h, rebuilt at every call into the same memory.
class Graph : public Slots {
  public:
    /// Takes the edges shorter than `cutoff` (Angstrom). Throws Error on wrong indices, numbers that are not finite,
    /// atoms in one place, an edge that stands twice, or one without its reverse. An edge without its reverse at the
    /// cutoff itself is dropped: its contribution is of third order in the rounding error.
    void build(const EdgeList &edges, double cutoff, int n_species);

    std::int64_t edges = 0;
    std::int64_t owned = 0; ///< atoms of this process, the first ones

    std::size_t memory() const;

  private:
    void sort_by_target(const EdgeList &edges, double cutoff);
    void order_edges(const EdgeList &edges);
    void refuse_doubled(const EdgeList &edges, std::int64_t target) const;
    bool match(const EdgeList &edges, double cutoff);
    void lay_out(const EdgeList &edges, double cutoff);
    void check(const EdgeList &edges, int n_species) const;

    std::vector<std::int64_t> offsets_;                 // edges with target i: order_[offsets_[i]..offsets_[i+1])
    std::vector<std::int32_t> order_;                   // index in the caller's list
    std::vector<std::int32_t> sources_;                 // source in that order
    std::vector<std::int32_t> partner_;                 // the reverse edge in that order, -1 while unknown
    std::vector<std::int64_t> starts_;                  // slot of an atom's first edge
    std::vector<std::int64_t> dropped_;                 // caller's edges without reverse at the cutoff
    std::vector<std::pair<double, std::int32_t>> keys_; // of one atom's edges
};

} // namespace tlmlp::engine
