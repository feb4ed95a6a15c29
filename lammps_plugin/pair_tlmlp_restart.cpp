// SPDX-License-Identifier: GPL-2.0-only
// Part of tlmlp. Distributed under the GNU General Public License, version 2; see the file LICENSE beside this one.

// Restart files keep the settings, the elements, and of each model the path and the SHA-256, not the model itself. A
// model that is missing, has changed since or cannot be used here leaves the coefficients unset, so that new lines follow.

#include "pair_tlmlp.h"

#include "atom.h"
#include "comm.h"
#include "error.h"
#include "utils.h"

#include <fstream>

namespace LAMMPS_NS {

namespace {

constexpr int restart_format = 2; // 1: without the device
constexpr int longest_text = 1 << 16;

void put(FILE *fp, int value)
{
  fwrite(&value, sizeof(int), 1, fp);
}

void put(FILE *fp, const std::string &text)
{
  put(fp, static_cast<int>(text.size()));
  fwrite(text.data(), 1, text.size(), fp);
}

} // namespace

/// Called on rank 0 alone, as write_restart.
void PairTlmlp::write_restart_settings(FILE *fp)
{
  put(fp, restart_format);
  put(fp, settings_.backend.double_precision);
  put(fp, settings_.backend.device);
  put(fp, settings_.committee);
  put(fp, settings_.out_freq);
  put(fp, settings_.out_file);
}

void PairTlmlp::write_restart(FILE *fp)
{
  write_restart_settings(fp);
  put(fp, models_.size());
  for (int k = 0; k < models_.size(); ++k) {
    put(fp, models_.path(k));
    put(fp, models_.member(k).sha256());
  }
  put(fp, static_cast<int>(elements_.size()));
  for (const std::string &element : elements_) put(fp, element);
}

namespace {

/// Reads on rank 0 and tells the others.
struct Reader {
  FILE *fp;
  Error *error;
  MPI_Comm world;
  int me;

  int number(int least, int most)
  {
    int value = 0;
    if (me == 0) utils::sfread(FLERR, &value, sizeof(int), 1, fp, nullptr, error);
    MPI_Bcast(&value, 1, MPI_INT, 0, world);
    if (value < least || value > most)
      error->all(FLERR, "pair_style tlmlp: the restart file holds settings that this version does not understand; give "
                        "pair_style and pair_coeff after a read_data of the same atoms");
    return value;
  }

  std::string text()
  {
    std::string out(number(0, longest_text), ' ');
    if (me == 0 && !out.empty()) utils::sfread(FLERR, out.data(), 1, out.size(), fp, nullptr, error);
    MPI_Bcast(out.data(), static_cast<int>(out.size()), MPI_CHAR, 0, world);
    return out;
  }
};

} // namespace

void PairTlmlp::read_restart_settings(FILE *fp)
{
  Reader read{fp, error, world, comm->me};
  const int format = read.number(1, restart_format);
  settings_.backend.double_precision = read.number(0, 1) == 1;
  settings_.backend.device = format > 1 ? read.text() : "cpu";
  settings_.committee = read.number(1, 1 << 20);
  settings_.out_freq = read.number(0, 1 << 30);
  settings_.out_file = read.text();
  nextra = settings_.committee > 1 ? static_cast<int>(extra_.size()) : 0;
  pvector = settings_.committee > 1 ? extra_.data() : nullptr;
  check_units();
}

void PairTlmlp::read_restart(FILE *fp)
{
  read_restart_settings(fp);
  Reader read{fp, error, world, comm->me};
  std::vector<std::string> paths, hashes, elements;
  for (int k = read.number(0, 1 << 20); k > 0; --k) {
    paths.push_back(read.text());
    hashes.push_back(read.text());
  }
  for (int k = read.number(0, 1 << 20); k > 0; --k) elements.push_back(read.text());
  if (static_cast<int>(paths.size()) != settings_.committee || static_cast<int>(elements.size()) != atom->ntypes)
    return;

  int there = 1;
  if (comm->me == 0)
    for (const std::string &path : paths)
      if (there && !std::ifstream(path)) {
        there = 0;
        warn("the model " + path + " of the restart file is not there; give its new place by pair_coeff");
      }
  MPI_Bcast(&there, 1, MPI_INT, 0, world);
  if (!there) return;
  allocate();
  const std::string reason = open_models(paths, elements);
  if (!reason.empty()) {
    warn("the restart file's model cannot be used: " + reason + "; give pair_style and pair_coeff again");
    forget_models();
    return;
  }
  for (std::size_t k = 0; k < paths.size(); ++k)
    if (models_.member(static_cast<int>(k)).sha256() != hashes[k]) {
      warn("the model " + paths[k] +
           " has changed since the restart file was written; give a pair_coeff line to use it");
      forget_models();
      return;
    }
}

} // namespace LAMMPS_NS
