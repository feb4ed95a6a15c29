// SPDX-License-Identifier: GPL-2.0-only
// Part of tlmlp. Distributed under the GNU General Public License, version 2; see the file LICENSE beside this one.

#include "pair_tlmlp.h"
#include "plugin_api.h"
#include "register_pair.h"

namespace {

void *create(void *lmp)
{
  return new LAMMPS_NS::PairTlmlp(static_cast<LAMMPS_NS::LAMMPS *>(lmp), &tlmlp_lammps::open_engine_backend);
}

}    // namespace

extern "C" void lammpsplugin_init(void *lmp, void *handle, void *regfunc)
{
  tlmlp_lammps::register_pair(lmp, handle, regfunc, "tlmlp", "DimeNet++ potentials of tlmlp", &create);
}
