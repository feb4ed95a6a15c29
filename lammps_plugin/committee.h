// SPDX-License-Identifier: GPL-2.0-only
// Part of tlmlp. Distributed under the GNU General Public License, version 2; see the file LICENSE beside this one.

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backend.h"

namespace tlmlp_lammps {

/// One model, or several whose mean drives: what pair_coeff named.
class Committee {
 public:
  /// Replaces what was there. Throws std::runtime_error with the reason when a file is unusable.
  void open(OpenBackend *open_backend, const std::vector<ModelBytes> &models, const Options &options);
  void clear() { members_.clear(); }

  int size() const { return static_cast<int>(members_.size()); }
  const Backend &member(int k) const { return *members_[k].backend; }
  const std::string &path(int k) const { return members_[k].path; }
  /// The largest of the members.
  double cutoff() const;
  double min_distance() const;
  /// Whether any member has a ZBL repulsion of its own.
  bool has_zbl() const;
  int exchange_doubles() const;
  /// Whether all members can make edge_moments.
  bool has_moments() const;

  /// Which atom types are which elements ("NULL": none). Throws std::runtime_error for one that a member lacks.
  void map_types(const std::vector<std::string> &elements);

  /// Mean of the members on `graph`, whose species are set from `types` (of LAMMPS, from 1).
  void compute(Graph &graph, const std::vector<int> &types, int threads, const Wanted &wanted,
               tlmlp::Exchange *exchange);

  double energy = 0.0;
  std::array<double, 9> virial{};
  std::vector<double> atomic_energies, edge_gradients, edge_moments;
  std::vector<double> member_energies;
  /// Of each atom and member: [atom][member][3].
  std::vector<double> member_forces;

 private:
  struct Member {
    std::string path;
    std::unique_ptr<Backend> backend;
    std::vector<int> species_of_type;
  };
  std::vector<Member> members_;
};

} // namespace tlmlp_lammps
