// SPDX-License-Identifier: GPL-2.0-only
// Part of tlmlp. Distributed under the GNU General Public License, version 2; see the file LICENSE beside this one.

#pragma once

#include <mpi.h>

#include <cstdint>
#include <string>

namespace tlmlp_lammps {

/// Pairs of atoms that came closer than any pair in the training data, during one run. Each process adds the pairs that it
/// sees from its own atoms, so that every pair is added twice.
class ClosePairs {
 public:
  /// Starts a run with nothing seen. `limit` is the smallest distance of the training data, Å.
  void start(double limit);
  double limit() const { return limit_; }
  /// Number of times that a pair was seen here.
  std::int64_t seen() const { return seen_; }
  /// Atoms i and j are `distance` apart at `step`.
  void add(std::int64_t step, double distance, std::int64_t i, std::int64_t j);
  /// One line about the run so far, the same on all processes; empty when there was no such pair. Collective.
  std::string summary(MPI_Comm world) const;

 private:
  double limit_ = 0.0, closest_ = 0.0;
  std::int64_t seen_ = 0, first_step_ = 0;
  std::int64_t where_[3] = {0, 0, 0};    ///< step and atoms of the closest pair
};

}    // namespace tlmlp_lammps
