// SPDX-License-Identifier: GPL-2.0-only
// Part of tlmlp. Distributed under the GNU General Public License, version 2; see the file LICENSE beside this one.

#include "pair_tlmlp.h"
#include "plugin_api.h"

#include "comm.h"
#include "error.h"
#include "lammps.h"

#include <string>

namespace {

void *create_pair(void *lmp)
{
  return new LAMMPS_NS::PairTlmlp(static_cast<LAMMPS_NS::LAMMPS *>(lmp), &tlmlp_lammps::open_torch_backend);
}

}    // namespace

extern "C" void lammpsplugin_init(void *lmp_pointer, void *handle, void *regfunc)
{
  auto *lmp = static_cast<LAMMPS_NS::LAMMPS *>(lmp_pointer);
  // A plugin sees the classes of LAMMPS as its headers described them: another version may lay them out differently.
  if (lmp->num_ver != TLMLP_LAMMPS_VERSION) {
    if (lmp->comm->me == 0) {
      const std::string text = std::string("pair_style tlmlp is not loaded: the plugin was built for LAMMPS ") +
          std::to_string(TLMLP_LAMMPS_VERSION) + ", this is " + std::to_string(lmp->num_ver);
      lmp->error->warning(FLERR, text);
    }
    return;
  }
  lammpsplugin_t plugin{};
  plugin.version = lmp->version;
  plugin.style = "pair";
  plugin.name = "tlmlp";
  plugin.info = "DimeNet++ potentials of tlmlp";
  plugin.author = "the tlmlp developers";
  plugin.creator.v1 = &create_pair;
  plugin.handle = handle;
  reinterpret_cast<lammpsplugin_regfunc *>(regfunc)(&plugin, lmp);
}
