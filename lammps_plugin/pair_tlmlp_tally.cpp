// SPDX-License-Identifier: GPL-2.0-only
// Part of tlmlp. Distributed under the GNU General Public License, version 2; see the file LICENSE beside this one.

// What the model said, on the atoms of LAMMPS: energies, forces, and the two virials per atom.

#include "pair_tlmlp.h"

#include "atom.h"

namespace LAMMPS_NS {

namespace {

/// Components of a tensor in the order of centroid/stress/atom, whose first six are those of stress/atom: that of the
/// distance, and that of the derivative.
constexpr int row_of_nine[9] = {0, 1, 2, 0, 0, 1, 1, 2, 2}, column_of_nine[9] = {0, 1, 2, 1, 2, 2, 0, 0, 1};

} // namespace

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
    const int of[6] = {0, 4, 8, 3, 6, 7}; // xx yy zz xy xz yz; row: force, column: edge
    for (int k = 0; k < 6; ++k) virial[k] += energy_scale_ * models_.virial[of[k]];
  }
  if (vflag_atom) tally_atom_virials();
  if (cvflag_atom) tally_centroid_virials();
}

/// The symmetric part of -vector x dE/d(vector) of each edge, half to either atom.
void PairTlmlp::tally_atom_virials()
{
  atom_virials_.assign(9 * types_.size(), 0.0);
  for (std::size_t e = 0; e < graph_.source.size(); ++e) {
    const double *v = &graph_.vectors[3 * e], *g = &models_.edge_gradients[3 * e];
    double *i = &atom_virials_[9 * graph_.target[e]], *j = &atom_virials_[9 * graph_.source[e]];
    for (int k = 0; k < 6; ++k) {
      const int a = row_of_nine[k], b = column_of_nine[k];
      const double share = -0.25 * energy_scale_ * (v[a] * g[b] + v[b] * g[a]);
      i[k] += share;
      j[k] += share;
    }
  }
  send_home(atom_virials_, 9);
  for (std::size_t node = 0; node < atom_of_node_.size(); ++node)
    for (int k = 0; k < 6; ++k) vatom[atom_of_node_[node]][k] += atom_virials_[9 * node + k];
}

/// The virial whose product with the velocities is the heat flux of a many-body potential, of which the halves above know
/// nothing: -sum over atoms k of (r_i - r_k) x dE_k/dr_i for atom i. An edge j -> i moves with both atoms; G being its
/// moment, counted from i, it gives G to i and (r_j - r_i) x dE/d(vector) - G to j.
void PairTlmlp::tally_centroid_virials()
{
  atom_virials_.assign(9 * types_.size(), 0.0);
  for (std::size_t e = 0; e < graph_.source.size(); ++e) {
    const double *v = &graph_.vectors[3 * e], *g = &models_.edge_gradients[3 * e],
                 *moment = &models_.edge_moments[9 * e];
    double *i = &atom_virials_[9 * graph_.target[e]], *j = &atom_virials_[9 * graph_.source[e]];
    for (int k = 0; k < 9; ++k) {
      const int a = row_of_nine[k], b = column_of_nine[k];
      const double of_target = moment[3 * a + b];
      i[k] -= energy_scale_ * of_target;
      j[k] -= energy_scale_ * (v[a] * g[b] - of_target);
    }
  }
  send_home(atom_virials_, 9);
  for (std::size_t node = 0; node < atom_of_node_.size(); ++node)
    for (int k = 0; k < 9; ++k) cvatom[atom_of_node_[node]][k] += atom_virials_[9 * node + k];
}

} // namespace LAMMPS_NS
