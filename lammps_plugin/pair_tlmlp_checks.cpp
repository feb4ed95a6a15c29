// SPDX-License-Identifier: GPL-2.0-only
// Part of tlmlp. Distributed under the GNU General Public License, version 2; see the file LICENSE beside this one.

// What of the rest of a simulation would make the numbers wrong, and what is said of it: units, computes of the heat flux,
// pairs that LAMMPS hides, pairs closer than any in the training data.

#include "pair_tlmlp.h"

#include "atom.h"
#include "comm.h"
#include "compute.h"
#include "modify.h"
#include "neighbor.h"
#include "update.h"
#include "utils.h"

#include <string>

namespace LAMMPS_NS {

/// At pair_style, and again when a run starts, since `units` may come after pair_style.
void PairTlmlp::check_units()
{
  const std::string units = update->unit_style;
  if (units == "metal")
    energy_scale_ = 1.0;
  else if (units == "real")
    energy_scale_ = utils::get_conversion_factor(utils::ENERGY, utils::METAL2REAL);
  else
    stop("needs units metal or real, got units " + units);
}

/// The heat flux needs the virials of centroid/stress/atom, which are made for it. LAMMPS does not tell which compute a
/// heat/flux was given, so one of the other kind may not be there at all.
void PairTlmlp::check_heat_flux()
{
  const std::string needed =
      "; the heat flux of this many-body model comes from compute heat/flux with compute centroid/stress/atom";
  const Compute *flux = nullptr, *symmetric = nullptr, *centroid = nullptr;
  for (const Compute *compute : modify->get_compute_list()) {
    const std::string style = compute->style;
    if (style == "heat/flux/tally" || style == "heat/flux/virial/tally")
      stop("compute " + std::string(compute->id) + ", of style " + style +
           ", adds up pairwise forces, of which there are none" + needed);
    if (style == "heat/flux" && !flux) flux = compute;
    if (compute->pressatomflag == 1 && !symmetric) symmetric = compute;
    if (compute->pressatomflag == 2) centroid = compute;
  }
  if (centroid && !models_.has_moments())
    stop("compute " + std::string(centroid->id) +
         ", of style centroid/stress/atom, needs pair_style tlmlp on the CPU, not tlmlp/torch "
         "and not device cuda; compute stress/atom is there for all");
  if (flux && symmetric)
    stop("compute stress/atom gives a wrong heat flux, so compute " + std::string(symmetric->id) +
         " may not stand beside compute " + flux->id +
         "; use compute centroid/stress/atom in its place, for all purposes");
}

/// Pairs of the model's atoms that are special to each other and that LAMMPS leaves out of the neighbour list: those of
/// kinds whose factors are all 0, unless a long-range solver needs them.
bigint PairTlmlp::hidden_bonded_pairs() const
{
  bigint pairs = 0;
  if (atom->molecular == Atom::MOLECULAR)
    for (int i = 0; i < atom->nlocal; ++i) {
      if (!mine(atom->type[i])) continue;
      for (int kind = 1, k = 0; kind <= 3; ++kind)
        for (; k < atom->nspecial[i][kind - 1]; ++k) {
          const int j = atom->map(atom->special[i][k]);
          pairs += neighbor->special_flag[kind] == 0 && j >= 0 && mine(atom->type[j]);
        }
    }
  MPI_Allreduce(MPI_IN_PLACE, &pairs, 1, MPI_LMP_BIGINT, MPI_SUM, world);
  return pairs / 2;
}

/// Whether `neigh_modify exclude` concerns two atoms of the model.
bool PairTlmlp::excluded_pairs() const
{
  for (int k = 0; k < neighbor->nex_type; ++k)
    if (mine(neighbor->ex1_type[k]) && mine(neighbor->ex2_type[k])) return true;
  const auto has_atoms = [this](int bit) {
    int any = 0;
    for (int i = 0; i < atom->nlocal; ++i) any |= (atom->mask[i] & bit) != 0 && mine(atom->type[i]);
    MPI_Allreduce(MPI_IN_PLACE, &any, 1, MPI_INT, MPI_MAX, world);
    return any != 0;
  };
  for (int k = 0; k < neighbor->nex_group; ++k) {
    const bool first = has_atoms(neighbor->ex1_bit[k]), second = has_atoms(neighbor->ex2_bit[k]);
    if (first && second) return true;
  }
  for (int k = 0; k < neighbor->nex_mol; ++k)
    if (has_atoms(neighbor->ex_mol_bit[k])) return true;
  return false;
}

/// Called by all ranks at the first step of a run, when LAMMPS has made its lists.
void PairTlmlp::warn_of_hidden_pairs()
{
  if (excluded_pairs())
    warn("neigh_modify exclude hides pairs of atoms from the model, which knows no such structures");
  if (const bigint pairs = hidden_bonded_pairs(); pairs > 0)
    warn("special_bonds hides " + std::to_string(pairs) +
         " bonded pairs of atoms from the model; use special_bonds lj/coul 1 1 1");
  const int *kept = neighbor->special_flag;
  if (atom->molecular == Atom::TEMPLATE && (kept[1] == 0 || kept[2] == 0 || kept[3] == 0))
    warn("special_bonds may hide bonded pairs of the molecule templates from the model; use special_bonds lj/coul 1 1 "
         "1");
}

/// At the end of a run, which a pair style learns of when the next one starts or when it goes. Not after a fault in
/// `compute`, where the ranks are no longer in step, nor after the end of MPI.
void PairTlmlp::tell_of_close_pairs()
{
  int over = 0;
  MPI_Finalized(&over);
  if (over || computing_ || first_step_) return;
  if (const std::string text = close_pairs_.summary(world); !text.empty()) warn(text);
}

} // namespace LAMMPS_NS
