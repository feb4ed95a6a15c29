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

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <utility>

namespace LAMMPS_NS {

using tlmlp_lammps::Halo;

namespace {

/// Atoms closer than this are in one place, Å.
constexpr double coincide = 1e-6;

/// LAMMPS' communication of at most `size` numbers per atom. That of 29 August 2024 takes the size from the pair style.
template <class C> void forward_comm(C *comm, Pair *pair, int size)
{
  if constexpr (requires { comm->forward_comm(pair, size); }) {
    comm->forward_comm(pair, size);
  } else {
    const int most = std::exchange(pair->comm_forward, size);
    comm->forward_comm(pair);
    pair->comm_forward = most;
  }
}

template <class C> void reverse_comm(C *comm, Pair *pair, int size)
{
  if constexpr (requires { comm->reverse_comm(pair, size); }) {
    comm->reverse_comm(pair, size);
  } else {
    const int most = std::exchange(pair->comm_reverse, size), most_off = std::exchange(pair->comm_reverse_off, size);
    comm->reverse_comm(pair);
    pair->comm_reverse = most;
    pair->comm_reverse_off = most_off;
  }
}

} // namespace

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
  forward_comm(pair->comm, pair, Halo::doubles(rows));
}

void PairTlmlp::RankExchange::reverse(const tlmlp::AtomRows &rows)
{
  pair->halo_.carry(Halo::Traffic::rows, rows);
  reverse_comm(pair->comm, pair, Halo::doubles(rows));
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
  forward_comm(comm, this, 2);

  types_.clear();
  atom_of_node_.clear();
  for (int ii = 0; ii < list->inum; ++ii) {
    const int i = list->ilist[ii];
    if (!mine(atom->type[i])) continue;
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
  const bool none_yet = close_pairs_.seen() == 0;
  const double close_squared = std::max(min_distance_ * min_distance_, coincide * coincide);
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
      if (other < 0 || (foreign && !mine(atom->type[j]))) continue;
      if (rsq < close_squared) note_close_pair(i, j, rsq);
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
  if (none_yet && close_pairs_.seen() > 0) warn_of_close_pair();
}

void PairTlmlp::build_graph()
{
  number_atoms();
  find_edges();
  graph_.n_foreign = 0;
  if (comm->nprocs == 1) return;
  halo_.carry(Halo::Traffic::needs);
  reverse_comm(comm, this, 1);
  number_foreign_atoms();
  if (first_step_) announce_halo();
}

void PairTlmlp::announce_halo()
{
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

/// Keeps account of a pair closer than any in the training data.
void PairTlmlp::note_close_pair(int i, int j, double rsq)
{
  const double distance = std::sqrt(rsq);
  if (distance < coincide)
    error->one(FLERR, "pair_style tlmlp: atoms " + std::to_string(atom->tag[i]) + " and " +
                          std::to_string(atom->tag[j]) + " coincide");
  if (distance < min_distance_) close_pairs_.add(update->ntimestep, distance, atom->tag[i], atom->tag[j]);
}

/// Names the closest pair of the first step that has any.
void PairTlmlp::warn_of_close_pair()
{
  const auto &pair = close_pairs_.closest();
  char text[240];
  snprintf(text, sizeof(text),
           "pair_style tlmlp: atoms %lld and %lld are %.3f Angstrom apart, closer than any pair in the training data "
           "of the model (%.3f Angstrom); this is said once per run",
           pair.i, pair.j, pair.distance, min_distance_);
  error->warning(FLERR, std::string(text));
}

void PairTlmlp::compute(int eflag, int vflag)
{
  computing_ = true;
  ev_init(eflag, vflag);
  if (first_step_) warn_of_hidden_pairs();
  build_graph();
  first_step_ = false;
  try {
    const tlmlp_lammps::Wanted wanted{vflag_atom != 0 || cvflag_atom != 0, cvflag_atom != 0};
    models_.compute(graph_, types_, comm->nthreads, wanted, comm->nprocs > 1 ? &exchange_ : nullptr);
  } catch (const std::exception &problem) {
    error->one(FLERR, std::string("pair_style tlmlp: ") + problem.what());
  }
  if (!std::isfinite(models_.energy)) error->one(FLERR, "pair_style tlmlp: the energy is not a finite number");
  tally();
  if (models_.size() > 1) deviate();
  computing_ = false;
}

} // namespace LAMMPS_NS
