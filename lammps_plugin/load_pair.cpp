// SPDX-License-Identifier: GPL-2.0-only
// Part of tlmlp. Distributed under the GNU General Public License, version 2; see the file LICENSE beside this one.

// LAMMPS opens plugins with all symbols bound: one that calls LAMMPS' functions does not even load where one of them
// is missing. So LAMMPS opens this library, which needs none of them. It asks the C interface of LAMMPS for the
// version, with functions that it looks up by name. It opens the library with the pair style only where the version
// fits.

#include "load_pair.h"

#include "plugin_api.h"

#include "lmptype.h"

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <string>
#include <utility>

namespace tlmlp_lammps {

namespace {

constexpr int warning = 0; // of lammps_error

template <class F> F *find(const char *name)
{
  return reinterpret_cast<F *>(dlsym(RTLD_DEFAULT, name));
}

int setting(void *lmp, const char *name)
{
  auto *ask = find<int(void *, const char *)>("lammps_extract_setting");
  return ask ? ask(lmp, name) : -1;
}

void warn(void *lmp, const std::string &text)
{
  if (setting(lmp, "world_rank") > 0) return;
  if (auto *say = find<void(void *, int, const char *)>("lammps_error"))
    say(lmp, warning, text.c_str());
  else
    printf("WARNING: %s\n", text.c_str());
}

/// What a LAMMPS with the older std::string of libstdc++ needs of its plugins, as a clause, or nothing.
std::string old_string()
{
  return dlsym(RTLD_DEFAULT, "_ZN9LAMMPS_NS5Error3allERKSsiS2_") ? " with -D_GLIBCXX_USE_CXX11_ABI=0 in CMAKE_CXX_FLAGS"
                                                                 : "";
}

/// Why this LAMMPS does not fit the plugin, or nothing. A plugin sees the classes of LAMMPS as its headers described
/// them: another version, or other sizes of integers, may lay them out differently.
std::string misfit(void *lmp)
{
  auto *version = find<int(void *)>("lammps_version");
  if (!version) return "LAMMPS " + std::to_string(TLMLP_LAMMPS_VERSION) + ", this one does not tell its version";
  if (version(lmp) != TLMLP_LAMMPS_VERSION)
    return "LAMMPS " + std::to_string(TLMLP_LAMMPS_VERSION) + ", this is " + std::to_string(version(lmp));
  const std::pair<const char *, std::size_t> sizes[] = {{"bigint", sizeof(LAMMPS_NS::bigint)},
                                                        {"tagint", sizeof(LAMMPS_NS::tagint)},
                                                        {"imageint", sizeof(LAMMPS_NS::imageint)}};
  for (const auto &[name, size] : sizes) {
    const int here = setting(lmp, name);
    if (here != static_cast<int>(size))
      return std::string("a LAMMPS whose ") + name + " has " + std::to_string(size) + " bytes, this one's has " +
             std::to_string(here);
  }
  return {};
}

/// Folder of the library that holds this function, to which links lead.
std::string own_folder()
{
  Dl_info info{};
  if (dladdr(reinterpret_cast<void *>(&own_folder), &info) == 0 || !info.dli_fname) return ".";
  char *real = realpath(info.dli_fname, nullptr);
  const std::string path = real ? real : info.dli_fname;
  free(real);
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

} // namespace

void load_pair(void *lmp, void *handle, void *regfunc, const char *name, const char *file)
{
  const std::string begin = std::string("pair_style ") + name + " is not loaded: ";
  const std::string reason = misfit(lmp);
  if (!reason.empty()) {
    warn(lmp, begin + "the plugin was built for " + reason + "; build it against this LAMMPS" + old_string() +
                  ", see docs/howto/other-lammps.md of tlmlp");
    return;
  }
  const std::string path = own_folder() + "/" + file;
  void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  const std::string fault = library ? path + " has no pair style" : dlerror(); // before other calls change it
  void *entry = library ? dlsym(library, "tlmlp_register_pair") : nullptr;
  if (!entry) {
    warn(lmp, begin + "its library does not fit this LAMMPS (" + fault + "); build it against this LAMMPS" +
                  old_string() + ", see docs/howto/other-lammps.md of tlmlp");
    return;
  }
  reinterpret_cast<register_pair_style *>(entry)(lmp, handle, regfunc);
}

} // namespace tlmlp_lammps
