// SPDX-License-Identifier: GPL-2.0-only
// Part of tlmlp. Distributed under the GNU General Public License, version 2; see the file LICENSE beside this one.

// Set-up half of pair_style tlmlp: arguments, model file, type mapping, requests to LAMMPS. The other half is
// pair_tlmlp_compute.cpp.

#include "pair_tlmlp.h"

#include "atom.h"
#include "comm.h"
#include "error.h"
#include "force.h"
#include "memory.h"
#include "neighbor.h"
#include "update.h"
#include "utils.h"

#include <algorithm>
#include <cstring>
#include <exception>

namespace LAMMPS_NS {

PairTlmlp::PairTlmlp(LAMMPS *lmp, tlmlp_lammps::OpenBackend *open_backend) : Pair(lmp), open_backend_(open_backend)
{
  single_enable = 0;
  restartinfo = 0;
  one_coeff = 1;
  manybody_flag = 1;
  no_virial_fdotr_compute = 1;
  centroidstressflag = CENTROID_AVAIL;
}

PairTlmlp::~PairTlmlp()
{
  if (allocated) {
    memory->destroy(setflag);
    memory->destroy(cutsq);
  }
}

/// Ends the run on all ranks; the text is complete before LAMMPS sees it, since its formatting functions are tied to
/// the version of its fmt library.
void PairTlmlp::stop(const std::string &text)
{
  error->all(FLERR, "pair_style tlmlp: " + text);
}

void PairTlmlp::allocate()
{
  const int n = atom->ntypes;
  memory->create(setflag, n + 1, n + 1, "pair:setflag");
  memory->create(cutsq, n + 1, n + 1, "pair:cutsq");
  allocated = 1;
}

void PairTlmlp::settings(int narg, char **arg)
{
  options_.double_precision = false;
  for (int n = 0; n < narg; n += 2) {
    if (strcmp(arg[n], "precision") != 0)
      stop(std::string("unknown keyword '") + arg[n] + "', the only one is: precision single|double");
    const std::string value = n + 1 < narg ? arg[n + 1] : "nothing";
    if (value != "single" && value != "double")
      stop("keyword precision takes single or double, got '" + value + "'");
    options_.double_precision = value == "double";
  }

  const std::string units = update->unit_style;
  if (units == "metal")
    energy_scale_ = 1.0;
  else if (units == "real")
    energy_scale_ = utils::get_conversion_factor(utils::ENERGY, utils::METAL2REAL);
  else
    stop("needs units metal or real, got units " + units);
  if (comm->nprocs > 1)
    stop("runs on one MPI rank, got " + std::to_string(comm->nprocs) + "; use OMP_NUM_THREADS for more cores");
}

void PairTlmlp::coeff(int narg, char **arg)
{
  if (narg < 3 || strcmp(arg[0], "*") != 0 || strcmp(arg[1], "*") != 0)
    stop("pair_coeff must read: * * FILE and one element or NULL per atom type");
  if (!allocated) allocate();
  options_.path = arg[2];
  try {
    backend_ = open_backend_(options_);
  } catch (const std::exception &problem) {
    stop(problem.what());
  }
  cutoff_ = backend_->cutoff();
  map_types(narg - 3, arg + 3);
  if (comm->me == 0)
    utils::logmesg(lmp, "  pair_style tlmlp: " + options_.path + ", " + backend_->description() + "\n");
}

void PairTlmlp::map_types(int narg, char **arg)
{
  const int ntypes = atom->ntypes;
  if (narg != ntypes)
    stop("pair_coeff needs one element or NULL per atom type: expected " + std::to_string(ntypes) + ", got " +
         std::to_string(narg));

  const auto &known = backend_->species();
  species_of_type_.assign(ntypes + 1, -1);
  for (int type = 1; type <= ntypes; ++type) {
    const std::string symbol = arg[type - 1];
    if (symbol == "NULL") continue;
    const auto found = std::find(known.begin(), known.end(), symbol);
    if (found == known.end()) {
      std::string list;
      for (const auto &name : known) list += " " + name;
      stop("element '" + symbol + "' is not in the model " + options_.path + ", which knows:" + list);
    }
    species_of_type_[type] = static_cast<int>(found - known.begin());
  }
  for (int i = 1; i <= ntypes; ++i)
    for (int j = 1; j <= ntypes; ++j)
      setflag[i][j] = i <= j && species_of_type_[i] >= 0 && species_of_type_[j] >= 0;
}

void PairTlmlp::init_style()
{
  if (neighbor->includegroup) stop("neigh_modify include hides atoms from a many-body potential; leave it out");
  neighbor->add_request(this, NeighConst::REQ_FULL);
  warned_close_ = false;

  // One number per atom goes to the ghosts. The buffers are sized from the pair style that LAMMPS knows, which is the
  // enclosing one in the case of pair_style hybrid.
  comm_forward = 1;
  force->pair->comm_forward = std::max(force->pair->comm_forward, comm_forward);

  if (atom->molecular != Atom::ATOMIC)
    for (int n = 1; n <= 3; ++n)
      if (force->special_lj[n] != 1.0) {
        if (comm->me == 0)
          error->warning(FLERR, "pair_style tlmlp: special_bonds with factors other than 1 hide bonded pairs from "
                                "the model; use special_bonds lj/coul 1 1 1");
        break;
      }
}

double PairTlmlp::init_one(int i, int j)
{
  if (setflag[i][j] == 0) stop("all pair coefficients must be set by one pair_coeff * * line");
  setflag[j][i] = 1;
  return cutoff_;
}

void *PairTlmlp::extract(const char *name, int &dim)
{
  dim = 0;
  if (strcmp(name, "cutoff") == 0) return &cutoff_;
  return nullptr;
}

double PairTlmlp::memory_usage()
{
  double bytes = Pair::memory_usage();
  bytes += static_cast<double>(sizeof(double)) *
      (graph_.vectors.capacity() + result_.edge_gradients.capacity() + result_.atomic_energies.capacity());
  bytes += static_cast<double>(sizeof(std::int64_t)) * (graph_.source.capacity() + graph_.target.capacity());
  return bytes;
}

}    // namespace LAMMPS_NS
