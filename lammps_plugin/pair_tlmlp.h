// SPDX-License-Identifier: GPL-2.0-only
// Part of tlmlp. Distributed under the GNU General Public License, version 2; see the file LICENSE beside this one.

#pragma once

#include "pair.h"

#include "backend.h"

#include <memory>
#include <string>
#include <vector>

namespace LAMMPS_NS {

/// `pair_style tlmlp [precision single|double]` and `pair_coeff * * FILE Element1 Element2 ...`; `tlmlp/torch` is the
/// same on another backend.
/// Talks to LAMMPS only: units, type mapping, edges, tallies, errors. The model lies behind tlmlp_lammps::Backend.
class PairTlmlp : public Pair {
 public:
  PairTlmlp(LAMMPS *lmp, tlmlp_lammps::OpenBackend *open_backend);
  ~PairTlmlp() override;

  void compute(int eflag, int vflag) override;
  void settings(int narg, char **arg) override;
  void coeff(int narg, char **arg) override;
  void init_style() override;
  double init_one(int i, int j) override;
  void *extract(const char *name, int &dim) override;
  double memory_usage() override;
  int pack_forward_comm(int n, int *list, double *buf, int pbc_flag, int *pbc) override;
  void unpack_forward_comm(int n, int first, double *buf) override;

 private:
  void allocate();
  void map_types(int narg, char **arg);
  void build_graph();
  void warn_if_too_close(int i, int j, double rsq);
  void tally();
  [[noreturn]] void stop(const std::string &text);

  tlmlp_lammps::OpenBackend *open_backend_;
  std::unique_ptr<tlmlp_lammps::Backend> backend_;
  tlmlp_lammps::Options options_;
  tlmlp_lammps::Graph graph_;
  tlmlp_lammps::Result result_;
  /// Species of the model for each LAMMPS type, -1 for NULL.
  std::vector<int> species_of_type_;
  /// Owned atom that each atom, ghosts included, is an image of.
  std::vector<int> owner_;
  /// Atom of the graph for each owned atom, -1 for the types that are NULL, and the other way round.
  std::vector<int> node_, atom_of_node_;
  /// eV to the energy unit of the simulation.
  double energy_scale_ = 1.0;
  double cutoff_ = 0.0;
  bool warned_close_ = false;
};

}    // namespace LAMMPS_NS
