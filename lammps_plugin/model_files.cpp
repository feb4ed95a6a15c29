// SPDX-License-Identifier: GPL-2.0-only
// Part of tlmlp. Distributed under the GNU General Public License, version 2; see the file LICENSE beside this one.

#include "model_files.h"

#include "utils.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace tlmlp_lammps {

namespace {

bool read(const std::string &path, std::string &content)
{
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream bytes;
  if (!stream) return false;
  // An empty file is for the reader of models to refuse, a folder cannot be read.
  if (stream.peek() == std::ifstream::traits_type::eof()) return !stream.bad();
  if (!(bytes << stream.rdbuf())) return false;
  content = std::move(bytes).str();
  return true;
}

/// The name with '?' for what is no UTF-8. LAMMPS takes the first byte of letters beyond ASCII out of the lines of a
/// script; names from `-var` arrive whole.
std::string readable(const std::string &name)
{
  std::string out;
  for (std::size_t at = 0; at < name.size();) {
    const auto first = static_cast<unsigned char>(name[at]);
    const std::size_t bytes = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 0;
    std::size_t found = bytes > 0;
    while (found > 0 && found < bytes && at + found < name.size() && (name[at + found] & 0xc0) == 0x80) ++found;
    const bool whole = bytes > 0 && found == bytes;
    out += whole ? name.substr(at, bytes) : "?";
    at += whole ? bytes : 1;
  }
  return out;
}

} // namespace

void broadcast(std::string &text, int root, MPI_Comm world)
{
  long long size = static_cast<long long>(text.size());
  MPI_Bcast(&size, 1, MPI_LONG_LONG, root, world);
  text.resize(static_cast<std::size_t>(size));
  constexpr long long most = 1 << 30; // MPI counts are of type int
  for (long long at = 0; at < size; at += most)
    MPI_Bcast(&text[static_cast<std::size_t>(at)], static_cast<int>(std::min(most, size - at)), MPI_CHAR, root, world);
}

std::vector<ModelBytes> read_models(const std::vector<std::string> &names, MPI_Comm world)
{
  int rank = 0;
  MPI_Comm_rank(world, &rank);
  std::vector<ModelBytes> models;
  for (const std::string &name : names) {
    ModelBytes model;
    int there = 0;
    if (rank == 0) {
      const std::string found = LAMMPS_NS::utils::get_potential_file_path(name);
      model.path = found.empty() ? name : found;
      there = read(model.path, model.content);
    }
    MPI_Bcast(&there, 1, MPI_INT, 0, world);
    broadcast(model.path, 0, world);
    if (!there) {
      const std::string shown = readable(model.path);
      throw std::runtime_error(
          "cannot read the model file " + shown +
          (shown == model.path
               ? "; give the path of a file that `tlmlp export` wrote"
               : "; LAMMPS takes letters beyond ASCII out of the lines of a script: rename the file or its "
                 "folder, or give the path by -var model PATH and write ${model}"));
    }
    broadcast(model.content, 0, world);
    models.push_back(std::move(model));
  }
  return models;
}

} // namespace tlmlp_lammps
