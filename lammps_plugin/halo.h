// SPDX-License-Identifier: GPL-2.0-only
// Part of tlmlp. Distributed under the GNU General Public License, version 2; see the file LICENSE beside this one.

#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "tlmlp/engine.h"

namespace tlmlp_lammps {

/// Ghost atoms and what is sent for them through LAMMPS' forward and reverse communication: who owns a ghost, which
/// ghosts a process needs, and rows of numbers per atom for those. Knows no LAMMPS class; the pair style hands on its
/// pack and unpack calls.
///
/// A ghost that is an image of an atom of the same process is served from its owner: nothing is stored for it, and
/// its owner gets nothing twice. Only ghosts within the cutoff of an atom here, or of one to whose process they are
/// passed on, are sent; the senders learn of them in every step, so that the skin costs no messages.
class Halo {
 public:
  enum class Traffic { owners, needs, rows };

  /// Starts a step: `n_owned` atoms and then ghosts, on process `rank`.
  void start(int n_owned, int n_all, int rank);

  /// Process and index there of the atom that each atom is an image of; those of ghosts come by `owners` forward.
  int owner_rank(int atom) const { return rank_[atom]; }
  int owner(int atom) const { return index_[atom]; }
  bool foreign(int atom) const { return rank_[atom] != me_; }

  /// Row of each atom in the arrays that are exchanged, -1 for none. The pair style fills it: for images of own atoms
  /// with their owner's row, for other ghosts once it is known whether they are needed.
  std::vector<int> row_of;
  /// Ghosts whose rows are needed here; `needs` in reverse adds those that are passed on.
  std::vector<char> needed;

  /// What the next communication carries; `rows` is used by Traffic::rows.
  void carry(Traffic traffic, const tlmlp::AtomRows &rows = {});
  /// Doubles that one atom takes at most.
  static int doubles(const tlmlp::AtomRows &rows);
  /// Ghosts of other processes whose rows come here.
  std::int64_t received() const;

  int pack_forward(int n, const int *list, double *buf);
  void unpack_forward(int n, int first, const double *buf);
  int pack_reverse(int n, int first, double *buf);
  void unpack_reverse(int n, const int *list, const double *buf);

 private:
  char *row(int atom) const;

  int me_ = 0, n_owned_ = 0;
  std::vector<int> rank_, index_;
  Traffic traffic_ = Traffic::owners;
  tlmlp::AtomRows rows_;
  std::size_t row_bytes_ = 0;
  /// Of each list of atoms that LAMMPS sends: which of them the receiver needs.
  std::unordered_map<const int *, std::vector<char>> wanted_;
};

} // namespace tlmlp_lammps
