// SPDX-License-Identifier: GPL-2.0-only
// Part of tlmlp. Distributed under the GNU General Public License, version 2; see the file LICENSE beside this one.

#include "close_pairs.h"

#include <cstdio>
#include <limits>

namespace tlmlp_lammps {

void ClosePairs::start(double limit)
{
  *this = {};
  limit_ = closest_ = limit;
}

void ClosePairs::add(std::int64_t step, double distance, std::int64_t i, std::int64_t j)
{
  if (seen_++ == 0) first_step_ = step;
  if (distance >= closest_) return;
  closest_ = distance;
  where_[0] = step;
  where_[1] = i;
  where_[2] = j;
}

std::string ClosePairs::summary(MPI_Comm world) const
{
  struct {
    double distance;
    int rank;
  } closest{seen_ > 0 ? closest_ : std::numeric_limits<double>::infinity(), 0};
  MPI_Comm_rank(world, &closest.rank);
  std::int64_t count = seen_, first = seen_ > 0 ? first_step_ : std::numeric_limits<std::int64_t>::max();
  MPI_Allreduce(MPI_IN_PLACE, &count, 1, MPI_INT64_T, MPI_SUM, world);
  if (count == 0) return {};
  MPI_Allreduce(MPI_IN_PLACE, &first, 1, MPI_INT64_T, MPI_MIN, world);
  MPI_Allreduce(MPI_IN_PLACE, &closest, 1, MPI_DOUBLE_INT, MPI_MINLOC, world);
  std::int64_t where[3] = {where_[0], where_[1], where_[2]};
  MPI_Bcast(where, 3, MPI_INT64_T, closest.rank, world);
  char text[400];
  snprintf(text, sizeof(text),
           "in the run that ended, pairs of atoms were %lld times closer than any pair in the training data of the model "
           "(%.3f Angstrom), first at step %lld; the closest, atoms %lld and %lld at step %lld, were %.3f Angstrom apart. "
           "The model has learnt nothing about such distances",
           (long long) (count / 2), limit_, (long long) first, (long long) where[1], (long long) where[2],
           (long long) where[0], closest.distance);
  return text;
}

}    // namespace tlmlp_lammps
