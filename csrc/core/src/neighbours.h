#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include <vesin.h>

#include "cell.h"
#include "few_atoms.h"
#include "tlmlp/engine.h"

namespace tlmlp {

/// The order (target, source, shift), which does not depend on the search; the pairs are grouped by target.
void sort_pairs(PairList &pairs);

/// Neighbour list of one system that is kept while it provably still holds every pair within the cutoff.
///
/// The list is made for cutoff + skin. Later calls ask whether a pair outside that radius at the time can be within the
/// cutoff now. With the cell h0 then and h now, F = h0^-1 h, r -> r F is the uniform part of the motion. Beyond it
/// atom i moved by u_i = r_i - r0_i F in all. A pair vector v now was (v - u_j + u_i) F^-1 then, so no pair is missed while
///
///     (cutoff + 2 max|u|) |F^-1| <= cutoff + skin.
///
/// Lattice vectors by which atoms jumped (a host that wraps them into its box) are taken off u and remembered. The bound
/// holds for images at any distance; a bound on the displacement of the box's corners, as some lists use, does not in
/// cells smaller than the cutoff.
class NeighbourFinder {
  public:
    /// `sorted` keeps the pairs in the order of sort_pairs.
    explicit NeighbourFinder(bool sorted = false) : sorted_(sorted) {}
    NeighbourFinder(const NeighbourFinder &) = delete;
    NeighbourFinder &operator=(const NeighbourFinder &) = delete;
    ~NeighbourFinder() { vesin_free(&list_); }

    /// All pairs within `cutoff`, and with skin > 0 some beyond it; valid until the next call.
    /// Throws Error on positions that are not finite or a periodic cell without volume.
    EdgeList find(const Structure &structure, double cutoff, double skin, int threads);

    /// The pairs of the last call, those beyond the cutoff included.
    const PairList &pairs() const { return pairs_; }

    /// The pairs below the cutoff, and their vectors [pair][3], as a new search gives them to the last bit: for a finder
    /// that is sorted, whatever it kept from earlier calls.
    void find_exact(const Structure &structure, double cutoff, double skin, PairList &pairs,
                    std::vector<double> &vectors);

    /// How often the list was made anew.
    std::int64_t builds() const { return builds_; }

  private:
    bool still_valid(const Structure &structure, double cutoff, double skin);
    bool set_cell(const std::array<double, 9> &cell);
    void build(const Structure &structure, double cutoff, double skin, int threads);
    void search_cells(const Structure &structure, double reach, int threads);
    void sort_by_target(std::int64_t n_atoms);
    void fill_vectors();

    bool sorted_ = false;
    VesinNeighborList list_;
    PairList pairs_;
    std::vector<double> offset_, vector_;          // [edge][3] shift times the present cell; edge vectors
    std::vector<double> position_;                 // [atom][3] now, less the lattice vectors jumped
    std::vector<double> start_, fraction_, image_; // [atom][3] r0, or r0 F; r0 in units of h0; lattice vectors jumped
    std::array<bool, 3> pbc_{};
    Matrix first_cell_{}, cell_{}, inverse_{};
    double stretch_ = 1.0; // bound on |F^-1|
    std::int64_t n_atoms_ = -1, builds_ = 0;
};

} // namespace tlmlp
