// SPDX-License-Identifier: GPL-2.0-only
// Part of tlmlp. Distributed under the GNU General Public License, version 2; see the file LICENSE beside this one.

#pragma once

/// What LAMMPS' PLUGIN package expects of a plugin, declared here because packaged LAMMPS does not ship
/// lammpsplugin.h. Layout as in LAMMPS since 2021.
extern "C" {
using lammpsplugin_factory1 = void *(void *);
using lammpsplugin_factory2 = void *(void *, int, char **);
using lammpsplugin_regfunc = void(void *, void *);

struct lammpsplugin_t {
  const char *version;
  const char *style;
  const char *name;
  const char *info;
  const char *author;
  union {
    lammpsplugin_factory1 *v1;
    lammpsplugin_factory2 *v2;
  } creator;
  void *handle;
};

/// What a plugin has, and what the library with its pair style has: the arguments are LAMMPS, the plugin's own handle and
/// LAMMPS' function that takes a lammpsplugin_t.
using register_pair_style = void(void *lmp, void *handle, void *regfunc);
__attribute__((visibility("default"))) register_pair_style lammpsplugin_init, tlmlp_register_pair;
}
