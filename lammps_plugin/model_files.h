// SPDX-License-Identifier: GPL-2.0-only
// Part of tlmlp. Distributed under the GNU General Public License, version 2; see the file LICENSE beside this one.

#pragma once

#include "backend.h"

#include <mpi.h>

#include <string>
#include <vector>

namespace tlmlp_lammps {

/// Reads model files on the first rank, which sends them to the others: they need not be on every machine, and all ranks
/// have the same. A name is looked for in the working folder, then in those of LAMMPS_POTENTIALS. Throws
/// std::runtime_error, the same on all ranks, when one cannot be read.
std::vector<ModelBytes> read_models(const std::vector<std::string> &names, MPI_Comm world);

/// The text that `root` has, on all ranks.
void broadcast(std::string &text, int root, MPI_Comm world);

} // namespace tlmlp_lammps
