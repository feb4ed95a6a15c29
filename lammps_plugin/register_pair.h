// SPDX-License-Identifier: GPL-2.0-only
// Part of tlmlp. Distributed under the GNU General Public License, version 2; see the file LICENSE beside this one.

#pragma once

namespace tlmlp_lammps {

/// Tells LAMMPS about a pair style, from the arguments of lammpsplugin_init; a LAMMPS of another version than the one the
/// plugin was built for gets a warning instead.
void register_pair(void *lmp, void *handle, void *regfunc, const char *name, const char *info, void *(*create)(void *));

}    // namespace tlmlp_lammps
