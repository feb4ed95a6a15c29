// SPDX-License-Identifier: GPL-2.0-only
// Part of tlmlp. Distributed under the GNU General Public License, version 2; see the file LICENSE beside this one.

// Run-time part of pair_style tlmlp. Edges are built from LAMMPS' full neighbour list. Ghosts that are images of an
// atom of the same rank fold onto it: the model sees such an atom once and every image as an edge vector. The other
// ghosts are foreign atoms of the graph, whose pairs with atoms here exist on both ranks. Owners are found by a forward
// communication, so that no atom map, no consecutive IDs and no minimum image are needed.

#include "pair_tlmlp.h"

#include "atom.h"
#include "comm.h"
#include "error.h"
#include "neigh_list.h"
#include "update.h"
#include "utils.h"

#include <cmath>
#include <cstdio>
#include <exception>

namespace LAMMPS_NS {

using tlmlp_lammps::Halo;

int PairTlmlp::pack_forward_comm(int n, int *list, double *buf, int /*pbc_flag*/, int * /*pbc*/)
{
  return halo_.pack_forward(n, list, buf);
}

void PairTlmlp::unpack_forward_comm(int n, int first, double *buf)
{
  halo_.unpack_forward(n, first, buf);
}

int PairTlmlp::pack_reverse_comm(int n, int first, double *buf)
{
  return halo_.pack_reverse(n, first, buf);
}

void PairTlmlp::unpack_reverse_comm(int n, int *list, double *buf)
{
  halo_.unpack_reverse(n, list, buf);
}

void PairTlmlp::RankExchange::forward(const tlmlp::AtomRows &rows)
{
  pair->halo_.carry(Halo::Traffic::rows, rows);
  pair->comm->forward_comm(pair, Halo::doubles(rows));
}

void PairTlmlp::RankExchange::reverse(const tlmlp::AtomRows &rows)
{
  pair->halo_.carry(Halo::Traffic::rows, rows);
  pair->comm->reverse_comm(pair, Halo::doubles(rows));
}

/// Adds the rows that foreign atoms have here to those of their owners, with newton on and off.
void PairTlmlp::send_home(std::vector<double> &rows, int width)
{
  if (comm->nprocs > 1) exchange_.reverse({rows.data(), width, true});
}

/// The rank's atoms, first in the graph, and which ghosts are their images.
void PairTlmlp::number_atoms()
{
  const int nlocal = atom->nlocal, nall = nlocal + atom->nghost;
  halo_.start(nlocal, nall, comm->me);
  halo_.carry(Halo::Traffic::owners);
  comm->forward_comm(this, 2);

  types_.clear();
  atom_of_node_.clear();
  for (int ii = 0; ii < list->inum; ++ii) {
    const int i = list->ilist[ii];
    if (elements_[atom->type[i] - 1] == "NULL") continue;
    halo_.row_of[i] = static_cast<int>(types_.size());
    types_.push_back(atom->type[i]);
    atom_of_node_.push_back(i);
  }
  for (int i = nlocal; i < nall; ++i)
    if (!halo_.foreign(i)) halo_.row_of[i] = halo_.row_of[halo_.owner(i)];
}

/// Ghosts of other ranks join the graph behind the rank's atoms: those with edges here, and those that are passed on.
/// Until then edges name them by their index in LAMMPS' arrays, added to `owned`.
void PairTlmlp::number_foreign_atoms()
{
  const auto owned = static_cast<std::int64_t>(atom_of_node_.size());
  for (int i = atom->nlocal; i < atom->nlocal + atom->nghost; ++i)
    if (halo_.needed[i]) {
      halo_.row_of[i] = static_cast<int>(types_.size());
      types_.push_back(atom->type[i]);
    }
  graph_.n_foreign = static_cast<std::int64_t>(types_.size()) - owned;
  for (std::size_t e = 0; e < graph_.source.size(); ++e) {
    if (graph_.source[e] >= owned) graph_.source[e] = halo_.row_of[graph_.source[e] - owned];
    if (graph_.target[e] >= owned) graph_.target[e] = halo_.row_of[graph_.target[e] - owned];
  }
}

void PairTlmlp::find_edges()
{
  graph_.source.clear();
  graph_.target.clear();
  graph_.vectors.clear();
  double **x = atom->x;
  const double cutoff_squared = cutoff_ * cutoff_;
  const auto owned = static_cast<int>(atom_of_node_.size());
  double closest = cutoff_squared;
  int close_i = -1, close_j = -1;
  for (int node = 0; node < owned; ++node) {
    const int i = atom_of_node_[node];
    const int *neighbours = list->firstneigh[i];
    for (int jj = 0; jj < list->numneigh[i]; ++jj) {
      const int j = neighbours[jj] & NEIGHMASK;
      const double dx = x[j][0] - x[i][0], dy = x[j][1] - x[i][1], dz = x[j][2] - x[i][2];
      const double rsq = dx * dx + dy * dy + dz * dz;
      if (!(rsq < cutoff_squared)) continue;
      const bool foreign = halo_.foreign(j);
      const int other = foreign ? owned + j : halo_.row_of[j];
      if (other < 0 || (foreign && elements_[atom->type[j] - 1] == "NULL")) continue;
      if (rsq < closest) {
        closest = rsq;
        close_i = i;
        close_j = j;
      }
      graph_.source.push_back(other);
      graph_.target.push_back(node);
      graph_.vectors.insert(graph_.vectors.end(), {dx, dy, dz});
      if (!foreign) continue;
      halo_.needed[j] = 1;
      graph_.source.push_back(node);
      graph_.target.push_back(other);
      graph_.vectors.insert(graph_.vectors.end(), {-dx, -dy, -dz});
    }
  }
  if (close_i >= 0) warn_if_too_close(close_i, close_j, closest);
}

void PairTlmlp::build_graph()
{
  number_atoms();
  find_edges();
  graph_.n_foreign = 0;
  if (comm->nprocs == 1) return;
  halo_.carry(Halo::Traffic::needs);
  comm->reverse_comm(this, 1);
  number_foreign_atoms();
  if (!announced_) announce_halo();
}

void PairTlmlp::announce_halo()
{
  announced_ = true;
  const double mine[2] = {static_cast<double>(halo_.received()), static_cast<double>(atom->nghost)};
  double largest[2] = {0.0, 0.0};
  MPI_Reduce(mine, largest, 2, MPI_DOUBLE, MPI_MAX, 0, world);
  if (comm->me != 0) return;
  const double megabytes = 1e-6 * static_cast<double>(sizeof(double)) * models_.exchange_doubles() * largest[0];
  char text[200];
  snprintf(text, sizeof(text),
           "  pair_style tlmlp: a rank exchanges the sums of at most %.0f of %.0f ghost atoms, %.3g MB per block and "
           "direction\n",
           largest[0], largest[1], megabytes);
  utils::logmesg(lmp, std::string(text));
}

void PairTlmlp::warn_if_too_close(int i, int j, double rsq)
{
  const double distance = std::sqrt(rsq);
  char text[240];
  if (distance < 1e-6) {
    snprintf(text, sizeof(text), "pair_style tlmlp: atoms %lld and %lld coincide", (long long) atom->tag[i],
             (long long) atom->tag[j]);
    error->one(FLERR, std::string(text));
  }
  if (warned_close_ || distance >= min_distance_) return;
  warned_close_ = true;
  snprintf(text, sizeof(text),
           "pair_style tlmlp: atoms %lld and %lld are %.3f Angstrom apart, closer than any pair in the training data "
           "of the model (%.3f Angstrom); this is said once per run",
           (long long) atom->tag[i], (long long) atom->tag[j], distance, min_distance_);
  error->warning(FLERR, std::string(text));
}

void PairTlmlp::compute(int eflag, int vflag)
{
  ev_init(eflag, vflag);
  build_graph();
  try {
    models_.compute(graph_, types_, comm->nthreads, vflag_atom || cvflag_atom, comm->nprocs > 1 ? &exchange_ : nullptr);
  } catch (const std::exception &problem) {
    error->one(FLERR, std::string("pair_style tlmlp: ") + problem.what());
  }
  if (!std::isfinite(models_.energy)) error->one(FLERR, "pair_style tlmlp: the energy is not a finite number");
  tally();
  if (models_.size() > 1) deviate();
}

/// Everything is put on the owned atoms directly, so that the result does not depend on `newton`.
void PairTlmlp::tally()
{
  const int members = models_.size();
  send_home(models_.member_forces, 3 * members);
  double **f = atom->f;
  for (std::size_t node = 0; node < atom_of_node_.size(); ++node) {
    const double *forces = &models_.member_forces[3 * node * members];
    double *mine = f[atom_of_node_[node]];
    for (int k = 0; k < 3; ++k) {
      double sum = 0.0;
      for (int m = 0; m < members; ++m) sum += forces[3 * m + k];
      mine[k] += energy_scale_ * sum / members;
    }
  }
  if (eflag_global) eng_vdwl += energy_scale_ * models_.energy;
  if (eflag_atom)
    for (std::size_t node = 0; node < atom_of_node_.size(); ++node)
      eatom[atom_of_node_[node]] += energy_scale_ * models_.atomic_energies[node];
  if (vflag_global) {
    const int of[6] = {0, 4, 8, 3, 6, 7};    // xx yy zz xy xz yz; row: force, column: edge
    for (int k = 0; k < 6; ++k) virial[k] += energy_scale_ * models_.virial[of[k]];
  }
  if (vflag_atom || cvflag_atom) tally_atom_virials();
}

/// -dE/d(vector) x vector of each edge, half to either atom.
void PairTlmlp::tally_atom_virials()
{
  atom_virials_.assign(9 * types_.size(), 0.0);
  for (std::size_t e = 0; e < graph_.source.size(); ++e) {
    const double *v = &graph_.vectors[3 * e], *g = &models_.edge_gradients[3 * e];
    const double share = -0.5 * energy_scale_;
    const double w[9] = {v[0] * g[0], v[1] * g[1], v[2] * g[2], v[0] * g[1], v[0] * g[2],
                         v[1] * g[2], v[1] * g[0], v[2] * g[0], v[2] * g[1]};
    double *i = &atom_virials_[9 * graph_.target[e]], *j = &atom_virials_[9 * graph_.source[e]];
    for (int k = 0; k < 9; ++k) {
      i[k] += share * w[k];
      j[k] += share * w[k];
    }
  }
  send_home(atom_virials_, 9);
  for (std::size_t node = 0; node < atom_of_node_.size(); ++node) {
    const int i = atom_of_node_[node];
    for (int k = 0; vflag_atom && k < 6; ++k) vatom[i][k] += atom_virials_[9 * node + k];
    for (int k = 0; cvflag_atom && k < 9; ++k) cvatom[i][k] += atom_virials_[9 * node + k];
  }
}

}    // namespace LAMMPS_NS
