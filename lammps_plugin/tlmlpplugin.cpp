// SPDX-License-Identifier: GPL-2.0-only
// Part of tlmlp. Distributed under the GNU General Public License, version 2; see the file LICENSE beside this one.

#include "load_pair.h"
#include "plugin_api.h"

extern "C" void lammpsplugin_init(void *lmp, void *handle, void *regfunc)
{
  tlmlp_lammps::load_pair(lmp, handle, regfunc, TLMLP_PAIR_STYLE, TLMLP_PAIR_LIBRARY);
}
