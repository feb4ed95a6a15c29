// SPDX-License-Identifier: GPL-2.0-only
// Part of tlmlp. Distributed under the GNU General Public License, version 2; see the file LICENSE beside this one.

#pragma once

namespace tlmlp_lammps {

/// Opens the library `file` beside the plugin, which holds the pair style `name`, and lets it register that; `lmp`, `handle`
/// and `regfunc` are the arguments of lammpsplugin_init. Where the library cannot work, LAMMPS continues without the pair style
/// and a warning says why.
void load_pair(void *lmp, void *handle, void *regfunc, const char *name, const char *file);

} // namespace tlmlp_lammps
