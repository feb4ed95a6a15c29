// SPDX-License-Identifier: GPL-2.0-only
// Part of tlmlp. Distributed under the GNU General Public License, version 2; see the file LICENSE beside this one.

#include "register_pair.h"

#include "plugin_api.h"

#include "comm.h"
#include "error.h"
#include "lammps.h"

#include <string>

namespace tlmlp_lammps {

void register_pair(void *lmp_pointer, void *handle, void *regfunc, const char *name, const char *info,
                   void *(*create)(void *))
{
  auto *lmp = static_cast<LAMMPS_NS::LAMMPS *>(lmp_pointer);
  // A plugin sees the classes of LAMMPS as its headers described them: another version may lay them out differently.
  if (lmp->num_ver != TLMLP_LAMMPS_VERSION) {
    if (lmp->comm->me == 0) {
      const std::string text = std::string("pair_style ") + name + " is not loaded: the plugin was built for LAMMPS " +
          std::to_string(TLMLP_LAMMPS_VERSION) + ", this is " + std::to_string(lmp->num_ver);
      lmp->error->warning(FLERR, text);
    }
    return;
  }
  lammpsplugin_t plugin{};
  plugin.version = lmp->version;
  plugin.style = "pair";
  plugin.name = name;
  plugin.info = info;
  plugin.author = "the tlmlp developers";
  plugin.creator.v1 = create;
  plugin.handle = handle;
  reinterpret_cast<lammpsplugin_regfunc *>(regfunc)(&plugin, lmp);
}

}    // namespace tlmlp_lammps
