// SPDX-License-Identifier: GPL-2.0-only
// Part of tlmlp. Distributed under the GNU General Public License, version 2; see the file LICENSE beside this one.

#include "close_pairs.h"

#include <algorithm>
#include <cstdio>
#include <limits>

namespace tlmlp_lammps {

void ClosePairs::start(double limit)
{
  *this = {};
  limit_ = limit;
  closest_.distance = std::numeric_limits<double>::infinity();
}

void ClosePairs::add(long long step, double distance, long long i, long long j)
{
  if (seen_++ == 0) first_step_ = step;
  if (distance < closest_.distance) closest_ = {distance, step, std::min(i, j), std::max(i, j)};
}

std::string ClosePairs::summary(MPI_Comm world) const
{
  struct {
    double distance;
    int rank;
  } closest{closest_.distance, 0};
  MPI_Comm_rank(world, &closest.rank);
  long long count = seen_, first = seen_ > 0 ? first_step_ : std::numeric_limits<long long>::max();
  MPI_Allreduce(MPI_IN_PLACE, &count, 1, MPI_LONG_LONG, MPI_SUM, world);
  if (count == 0) return {};
  MPI_Allreduce(MPI_IN_PLACE, &first, 1, MPI_LONG_LONG, MPI_MIN, world);
  MPI_Allreduce(MPI_IN_PLACE, &closest, 1, MPI_DOUBLE_INT, MPI_MINLOC, world);
  long long where[3] = {closest_.step, closest_.i, closest_.j};
  MPI_Bcast(where, 3, MPI_LONG_LONG, closest.rank, world);
  char text[400];
  snprintf(
      text, sizeof(text),
      "in the run that ended, pairs of atoms were %lld times closer than any pair in the training data of the model "
      "(%.3f Angstrom), first at step %lld; the closest, atoms %lld and %lld at step %lld, were %.3f Angstrom apart. "
      "The model has learnt nothing about such distances",
      count / 2, limit_, first, where[1], where[2], where[0], closest.distance);
  return text;
}

} // namespace tlmlp_lammps
