// SPDX-License-Identifier: GPL-2.0-only
// Part of tlmlp. Distributed under the GNU General Public License, version 2; see the file LICENSE beside this one.

#include "register_pair.h"

#include "plugin_api.h"

#include "comm.h"
#include "error.h"
#include "lammps.h"

#include <cstddef>
#include <string>
#include <utility>

extern "C" int lammps_extract_setting(void *handle, const char *keyword);    // of LAMMPS' library interface

namespace tlmlp_lammps {

namespace {

/// Why this LAMMPS does not fit the plugin, or nothing. A plugin sees the classes of LAMMPS as its headers described
/// them: another version, or other sizes of integers, may lay them out differently.
std::string misfit(LAMMPS_NS::LAMMPS *lmp)
{
  if (lmp->num_ver != TLMLP_LAMMPS_VERSION)
    return "LAMMPS " + std::to_string(TLMLP_LAMMPS_VERSION) + ", this is " + std::to_string(lmp->num_ver);
  const std::pair<const char *, std::size_t> sizes[] = {{"bigint", sizeof(LAMMPS_NS::bigint)},
                                                        {"tagint", sizeof(LAMMPS_NS::tagint)},
                                                        {"imageint", sizeof(LAMMPS_NS::imageint)}};
  for (const auto &[name, size] : sizes) {
    const int here = lammps_extract_setting(lmp, name);
    if (here != static_cast<int>(size))
      return std::string("a LAMMPS whose ") + name + " has " + std::to_string(size) + " bytes, this one's has " +
          std::to_string(here);
  }
  return {};
}

}    // namespace

void register_pair(void *lmp_pointer, void *handle, void *regfunc, const char *name, const char *info,
                   void *(*create)(void *))
{
  auto *lmp = static_cast<LAMMPS_NS::LAMMPS *>(lmp_pointer);
  const std::string reason = misfit(lmp);
  if (!reason.empty()) {
    if (lmp->comm->me == 0)
      lmp->error->warning(FLERR, std::string("pair_style ") + name + " is not loaded: the plugin was built for " + reason +
                                     "; build it against this LAMMPS, see docs/lammps.md of tlmlp");
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
