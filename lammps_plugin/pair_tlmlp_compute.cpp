// SPDX-License-Identifier: GPL-2.0-only
// Part of tlmlp. Distributed under the GNU General Public License, version 2; see the file LICENSE beside this one.

// Run-time half of pair_style tlmlp. Edges are built from LAMMPS' full neighbour list, with ghost atoms folded onto the
// atoms they are images of: the model sees each atom once and every periodic image as an edge vector. Folding uses a
// forward communication of the owner's index and so needs no atom map, no consecutive IDs and no minimum image.

#include "pair_tlmlp.h"

#include "atom.h"
#include "comm.h"
#include "error.h"
#include "neigh_list.h"

#include <cmath>
#include <cstdio>
#include <exception>

namespace LAMMPS_NS {

int PairTlmlp::pack_forward_comm(int n, int *indices, double *buf, int /*pbc_flag*/, int * /*pbc*/)
{
  for (int k = 0; k < n; ++k) buf[k] = owner_[indices[k]];
  return n;
}

void PairTlmlp::unpack_forward_comm(int n, int first, double *buf)
{
  for (int k = 0; k < n; ++k) owner_[first + k] = static_cast<int>(buf[k]);
}

void PairTlmlp::build_graph()
{
  const int nlocal = atom->nlocal;
  owner_.assign(nlocal + atom->nghost, -1);
  for (int i = 0; i < nlocal; ++i) owner_[i] = i;
  comm->forward_comm(this);

  node_.assign(nlocal, -1);
  atom_of_node_.clear();
  graph_.species.clear();
  for (int ii = 0; ii < list->inum; ++ii) {
    const int i = list->ilist[ii];
    const int species = species_of_type_[atom->type[i]];
    if (species < 0) continue;
    node_[i] = static_cast<int>(atom_of_node_.size());
    atom_of_node_.push_back(i);
    graph_.species.push_back(species);
  }

  graph_.source.clear();
  graph_.target.clear();
  graph_.vectors.clear();
  double **x = atom->x;
  const double cutoff_squared = cutoff_ * cutoff_;
  double closest = cutoff_squared;
  int close_i = -1, close_j = -1;
  for (std::size_t node = 0; node < atom_of_node_.size(); ++node) {
    const int i = atom_of_node_[node];
    const int *neighbours = list->firstneigh[i];
    for (int jj = 0; jj < list->numneigh[i]; ++jj) {
      const int j = neighbours[jj] & NEIGHMASK;
      if (species_of_type_[atom->type[j]] < 0) continue;
      const double dx = x[j][0] - x[i][0], dy = x[j][1] - x[i][1], dz = x[j][2] - x[i][2];
      const double rsq = dx * dx + dy * dy + dz * dz;
      if (!(rsq < cutoff_squared)) continue;
      if (node_[owner_[j]] < 0)
        error->one(FLERR, "pair_style tlmlp: an atom in reach has no neighbour list");
      if (rsq < closest) {
        closest = rsq;
        close_i = i;
        close_j = j;
      }
      graph_.source.push_back(node_[owner_[j]]);
      graph_.target.push_back(static_cast<std::int64_t>(node));
      graph_.vectors.insert(graph_.vectors.end(), {dx, dy, dz});
    }
  }
  if (close_i >= 0) warn_if_too_close(close_i, close_j, closest);
}

void PairTlmlp::warn_if_too_close(int i, int j, double rsq)
{
  const double distance = std::sqrt(rsq), least = backend_->min_distance();
  char text[240];
  if (distance < 1e-6) {
    snprintf(text, sizeof(text), "pair_style tlmlp: atoms %lld and %lld coincide", (long long) atom->tag[i],
             (long long) atom->tag[j]);
    error->one(FLERR, std::string(text));
  }
  if (warned_close_ || distance >= least) return;
  warned_close_ = true;
  snprintf(text, sizeof(text),
           "pair_style tlmlp: atoms %lld and %lld are %.3f Angstrom apart, closer than any pair in the training data "
           "of the model (%.3f Angstrom); this is said once per run",
           (long long) atom->tag[i], (long long) atom->tag[j], distance, least);
  error->warning(FLERR, std::string(text));
}

void PairTlmlp::compute(int eflag, int vflag)
{
  ev_init(eflag, vflag);
  build_graph();
  if (atom_of_node_.empty()) return;
  try {
    backend_->compute(graph_, comm->nthreads, result_);
  } catch (const std::exception &problem) {
    error->one(FLERR, std::string("pair_style tlmlp: ") + problem.what());
  }
  if (!std::isfinite(result_.energy))
    error->one(FLERR, "pair_style tlmlp: the energy is not a finite number");
  tally();
}

/// Forces are put on the owned atoms directly, so the result does not depend on `newton`, and the virial comes from
/// the edges: -sum dE/d(vector) x vector, half of each edge's share to either atom.
void PairTlmlp::tally()
{
  double **f = atom->f;
  const std::size_t n_edges = graph_.source.size();
  for (std::size_t e = 0; e < n_edges; ++e) {
    const double *v = &graph_.vectors[3 * e];
    const double *gradient = &result_.edge_gradients[3 * e];
    const double g[3] = {energy_scale_ * gradient[0], energy_scale_ * gradient[1], energy_scale_ * gradient[2]};
    const int i = atom_of_node_[graph_.target[e]], j = atom_of_node_[graph_.source[e]];
    for (int k = 0; k < 3; ++k) {
      f[i][k] += g[k];
      f[j][k] -= g[k];
    }
    if (!vflag_either) continue;
    const double w[9] = {-v[0] * g[0], -v[1] * g[1], -v[2] * g[2], -v[0] * g[1], -v[0] * g[2],
                         -v[1] * g[2], -v[1] * g[0], -v[2] * g[0], -v[2] * g[1]};
    if (vflag_global)
      for (int k = 0; k < 6; ++k) virial[k] += w[k];
    if (vflag_atom)
      for (int k = 0; k < 6; ++k) {
        vatom[i][k] += 0.5 * w[k];
        vatom[j][k] += 0.5 * w[k];
      }
    if (cvflag_atom)
      for (int k = 0; k < 9; ++k) {
        cvatom[i][k] += 0.5 * w[k];
        cvatom[j][k] += 0.5 * w[k];
      }
  }
  if (eflag_global) eng_vdwl += energy_scale_ * result_.energy;
  if (eflag_atom)
    for (std::size_t node = 0; node < atom_of_node_.size(); ++node)
      eatom[atom_of_node_[node]] += energy_scale_ * result_.atomic_energies[node];
}

}    // namespace LAMMPS_NS
