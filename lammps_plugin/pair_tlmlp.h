// SPDX-License-Identifier: GPL-2.0-only
// Part of tlmlp. Distributed under the GNU General Public License, version 2; see the file LICENSE beside this one.

#pragma once

#include "pair.h"

#include "close_pairs.h"
#include "committee.h"
#include "halo.h"

#include <array>
#include <string>
#include <vector>

namespace LAMMPS_NS {

/// `pair_style tlmlp [precision single|double] [device cpu|cuda|cuda:N] [committee N [out_freq M out_file F]]` and
/// `pair_coeff * * FILE ... Element1 Element2 ...`; `tlmlp/torch` is the same on another backend.
/// Talks to LAMMPS only: units, type mapping, edges, communication, tallies, errors. The models lie behind
/// tlmlp_lammps::Committee.
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
  void *extract_peratom(const char *name, int &ncol) override;
  double memory_usage() override;
  void write_restart(FILE *fp) override;
  void read_restart(FILE *fp) override;
  void write_restart_settings(FILE *fp) override;
  void read_restart_settings(FILE *fp) override;
  int pack_forward_comm(int n, int *list, double *buf, int pbc_flag, int *pbc) override;
  void unpack_forward_comm(int n, int first, double *buf) override;
  int pack_reverse_comm(int n, int first, double *buf) override;
  void unpack_reverse_comm(int n, int *list, double *buf) override;

 private:
  struct Settings {
    tlmlp_lammps::Options backend;
    int committee = 1;
    int out_freq = 0;
    std::string out_file;
  };

  void allocate();
  // Rules that do not concern a single argument, in pair_tlmlp_checks.cpp.
  void check_units();
  void check_heat_flux();
  void warn_of_hidden_pairs();
  [[nodiscard]] bigint hidden_bonded_pairs() const;
  [[nodiscard]] bool excluded_pairs() const;
  void tell_of_close_pairs();

  /// Why the models cannot be used, or nothing; the same on all ranks.
  [[nodiscard]] std::string open_models(const std::vector<std::string> &files,
                                        const std::vector<std::string> &elements);
  void forget_models();
  void set_flags();
  /// Whether atoms of this type are the model's.
  [[nodiscard]] bool mine(int type) const { return elements_[type - 1] != "NULL"; }
  [[noreturn]] void stop(const std::string &text);
  void warn(const std::string &text);

  /// What the engine calls between its passes: LAMMPS' communication.
  struct RankExchange : tlmlp::Exchange {
    explicit RankExchange(PairTlmlp *of) : pair(of) {}
    void forward(const tlmlp::AtomRows &rows) override;
    void reverse(const tlmlp::AtomRows &rows) override;
    PairTlmlp *pair;
  };

  void build_graph();
  void number_atoms();
  void number_foreign_atoms();
  void find_edges();
  void note_close_pair(int i, int j, double rsq);
  void warn_of_close_pair();
  void announce_halo();
  void send_home(std::vector<double> &rows, int width);
  void tally();
  void tally_atom_virials();
  void tally_centroid_virials();
  void deviate();
  void write_deviation(bigint step);

  tlmlp_lammps::OpenBackend *open_backend_;
  tlmlp_lammps::Committee models_;
  tlmlp_lammps::Graph graph_;
  tlmlp_lammps::Halo halo_;
  RankExchange exchange_;
  Settings settings_;
  std::vector<std::string> elements_;
  /// Atoms of the graph: their LAMMPS type; index in LAMMPS' arrays, for those owned.
  std::vector<int> types_, atom_of_node_;
  /// Each atom's share of the virial: nine numbers in the order of centroid/stress/atom.
  std::vector<double> atom_virials_;
  /// sqrt(mean over the members |F - mean F|^2) of each owned atom.
  std::vector<double> deviation_;
  /// For compute pair: largest and mean deviation of the forces, deviation of the energy per atom.
  std::array<double, 3> extra_{};
  std::string sha256_;
  /// What `extract` gave away, so that nobody changes the originals.
  struct {
    double cutoff, min_distance;
    int committee;
    std::string model, sha256;
  } extracted_{};
  /// eV to the energy unit of the simulation.
  double energy_scale_ = 1.0;
  double cutoff_ = 0.0, min_distance_ = 0.0;
  tlmlp_lammps::ClosePairs close_pairs_;
  /// In `compute`, since this run began; a fault there leaves it set.
  bool first_step_ = true, computing_ = false;
  bigint last_written_ = -1;
};

} // namespace LAMMPS_NS
