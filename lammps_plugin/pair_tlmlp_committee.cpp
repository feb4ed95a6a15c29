// SPDX-License-Identifier: GPL-2.0-only
// Part of tlmlp. Distributed under the GNU General Public License, version 2; see the file LICENSE beside this one.

// What the members of a committee disagree about.

#include "pair_tlmlp.h"

#include "atom.h"
#include "comm.h"
#include "update.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace LAMMPS_NS {

/// sqrt(mean over the members |F - mean F|^2) of each atom, in the units of the simulation; called after the forces
/// came home.
void PairTlmlp::deviate()
{
  const int members = models_.size();
  deviation_.assign(std::max<std::size_t>(deviation_.size(), atom->nmax + 1), 0.0);
  double largest = 0.0, sum = 0.0;
  for (std::size_t node = 0; node < atom_of_node_.size(); ++node) {
    const double *forces = &models_.member_forces[3 * node * members];
    double square = 0.0;
    for (int k = 0; k < 3; ++k) {
      double mean = 0.0;
      for (int m = 0; m < members; ++m) mean += forces[3 * m + k] / members;
      for (int m = 0; m < members; ++m) square += (forces[3 * m + k] - mean) * (forces[3 * m + k] - mean);
    }
    const double deviation = energy_scale_ * std::sqrt(square / members);
    deviation_[atom_of_node_[node]] = deviation;
    largest = std::max(largest, deviation);
    sum += deviation;
  }

  const bigint step = update->ntimestep;
  const bool write = settings_.out_freq > 0 && step % settings_.out_freq == 0 && step != last_written_;
  if (!eflag_global && !write) return;
  std::vector<double> sums = models_.member_energies;
  sums.push_back(sum);
  sums.push_back(static_cast<double>(atom_of_node_.size()));
  MPI_Allreduce(MPI_IN_PLACE, sums.data(), static_cast<int>(sums.size()), MPI_DOUBLE, MPI_SUM, world);
  MPI_Allreduce(MPI_IN_PLACE, &largest, 1, MPI_DOUBLE, MPI_MAX, world);
  const double atoms = std::max(1.0, sums[members + 1]);
  double mean = 0.0, square = 0.0;
  for (int m = 0; m < members; ++m) mean += sums[m] / members;
  for (int m = 0; m < members; ++m) square += (sums[m] - mean) * (sums[m] - mean) / members;
  // compute pair adds up over the ranks.
  extra_ = {largest, sums[members] / atoms, energy_scale_ * std::sqrt(square) / atoms};
  if (comm->me != 0) extra_.fill(0.0);
  if (write) write_deviation(step);
}

void PairTlmlp::write_deviation(bigint step)
{
  const bool first = last_written_ < 0;
  last_written_ = step;
  if (comm->me != 0) return;
  FILE *file = fopen(settings_.out_file.c_str(), first ? "w" : "a");
  if (!file) {
    warn("cannot write " + settings_.out_file);
    return;
  }
  if (first)
    fprintf(file,
            "# step, largest and mean deviation of the forces, deviation of the energy per atom: standard "
            "deviations over %d models\n",
            models_.size());
  fprintf(file, "%lld %.8g %.8g %.8g\n", (long long)step, extra_[0], extra_[1], extra_[2]);
  fclose(file);
}

} // namespace LAMMPS_NS
