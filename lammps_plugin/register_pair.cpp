// SPDX-License-Identifier: GPL-2.0-only
// Part of tlmlp. Distributed under the GNU General Public License, version 2; see the file LICENSE beside this one.

// Entry of the library with a pair style, which load_pair.cpp opens.

#include "pair_tlmlp.h"
#include "plugin_api.h"

#include "lammps.h"

namespace {

void *create(void *lmp)
{
  return new LAMMPS_NS::PairTlmlp(static_cast<LAMMPS_NS::LAMMPS *>(lmp), &tlmlp_lammps::TLMLP_OPEN_BACKEND);
}

} // namespace

extern "C" void tlmlp_register_pair(void *lmp, void *handle, void *regfunc)
{
  lammpsplugin_t plugin{};
  plugin.version = static_cast<LAMMPS_NS::LAMMPS *>(lmp)->version;
  plugin.style = "pair";
  plugin.name = TLMLP_PAIR_STYLE;
  plugin.info = TLMLP_PAIR_INFO;
  plugin.author = "the tlmlp developers";
  plugin.creator.v1 = create;
  plugin.handle = handle;
  reinterpret_cast<lammpsplugin_regfunc *>(regfunc)(&plugin, lmp);
}
