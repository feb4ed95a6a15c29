// SPDX-License-Identifier: GPL-2.0-only
// Part of tlmlp. Distributed under the GNU General Public License, version 2; see the file LICENSE beside this one.

#include "backend.h"

#include <cstdlib>
#include <dlfcn.h>
#include <stdexcept>

namespace tlmlp_lammps {

namespace {

using Factory = Backend *(const ModelBytes *, const Options *);

/// Folder of the library that holds this function.
std::string own_folder()
{
  Dl_info info{};
  if (dladdr(reinterpret_cast<void *>(&open_torch_backend), &info) == 0 || !info.dli_fname) return ".";
  const std::string path = info.dli_fname;
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

std::string last_dl_error()
{
  const char *text = dlerror();
  return text ? text : "unknown reason";
}

/// Where the environment names the folder of libtorch, its libraries are loaded from there; the backend, opened next,
/// then takes these. Elsewhere the backend's own run path has to find them.
void load_libtorch()
{
  const char *folder = std::getenv("TLMLP_TORCH_LIB");
  if (!folder || !*folder) return;
  for (const char *name : {"libc10.so", "libtorch_cpu.so", "libtorch.so"})
    if (!dlopen((std::string(folder) + "/" + name).c_str(), RTLD_NOW | RTLD_GLOBAL)) return;
}

Factory *find_factory()
{
  static Factory *factory = nullptr;
  if (factory) return factory;
  load_libtorch();
  const std::string path = own_folder() + "/../../lib/libtlmlp_lammps_torch.so";
  void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library)
    throw std::runtime_error("libtorch could not be loaded (" + last_dl_error() +
                             "); pip install 'tlmlp[train]' or set TLMLP_TORCH_LIB to the folder of libtorch.so");
  factory = reinterpret_cast<Factory *>(dlsym(library, "tlmlp_lammps_torch_backend"));
  if (!factory) throw std::runtime_error(path + " is no tlmlp library: " + last_dl_error());
  return factory;
}

} // namespace

std::unique_ptr<Backend> open_torch_backend(const ModelBytes &model, const Options &options)
{
  if (options.device != "cpu") throw std::runtime_error("only pair_style tlmlp runs on a GPU, not tlmlp/torch");
  return std::unique_ptr<Backend>(find_factory()(&model, &options));
}

} // namespace tlmlp_lammps
