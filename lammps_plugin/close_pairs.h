// SPDX-License-Identifier: GPL-2.0-only
// Part of tlmlp. Distributed under the GNU General Public License, version 2; see the file LICENSE beside this one.

#pragma once

#include <mpi.h>

#include <string>

namespace tlmlp_lammps {

/// Pairs of atoms that came closer than any pair in the training data, during one run. Each process adds the pairs that it
/// sees from its own atoms, so that every pair is added twice.
class ClosePairs {
 public:
  /// Starts a run with nothing seen. `limit` is the smallest distance of the training data, Å.
  void start(double limit);
  /// Number of times that a pair was seen here.
  long long seen() const { return seen_; }
  /// Atoms i and j are `distance` apart at `step`.
  void add(long long step, double distance, long long i, long long j);
  /// Of the closest pair seen here: distance in Å, step, and the two atoms, the lower number first.
  struct Closest {
    double distance;
    long long step, i, j;
  };
  const Closest &closest() const { return closest_; }
  /// One line about the run so far, the same on all processes; empty when there was no such pair. Collective.
  std::string summary(MPI_Comm world) const;

 private:
  double limit_ = 0.0;
  long long seen_ = 0, first_step_ = 0;
  Closest closest_{};
};

} // namespace tlmlp_lammps
