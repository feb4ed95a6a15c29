// SPDX-License-Identifier: GPL-2.0-only
// Part of tlmlp. Distributed under the GNU General Public License, version 2; see the file LICENSE beside this one.

// Set-up part of pair_style tlmlp: arguments, model files, type mapping, requests to LAMMPS. pair_tlmlp_compute.cpp
// has the run-time part, pair_tlmlp_restart.cpp the restart files.

#include "pair_tlmlp.h"

#include "atom.h"
#include "comm.h"
#include "error.h"
#include "force.h"
#include "memory.h"
#include "model_files.h"
#include "neighbor.h"
#include "update.h"
#include "utils.h"

#include <algorithm>
#include <cstring>
#include <exception>

namespace LAMMPS_NS {

PairTlmlp::PairTlmlp(LAMMPS *lmp, tlmlp_lammps::OpenBackend *open_backend)
    : Pair(lmp), open_backend_(open_backend), exchange_(this)
{
  single_enable = 0;
  restartinfo = 1;
  one_coeff = 1;
  manybody_flag = 1;
  // The virial comes from the edges: with ghosts folded onto their owners, positions times forces would not give it.
  no_virial_fdotr_compute = 1;
  centroidstressflag = CENTROID_AVAIL;
}

PairTlmlp::~PairTlmlp()
{
  tell_of_close_pairs();
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

void PairTlmlp::warn(const std::string &text)
{
  if (comm->me == 0) error->warning(FLERR, "pair_style tlmlp: " + text);
}

void PairTlmlp::allocate()
{
  if (allocated) return;
  const int n = atom->ntypes;
  memory->create(setflag, n + 1, n + 1, "pair:setflag");
  memory->create(cutsq, n + 1, n + 1, "pair:cutsq");
  allocated = 1;
}

void PairTlmlp::settings(int narg, char **arg)
{
  Settings wanted;
  const auto count = [&](const std::string &name, const std::string &value, int least) {
    if (value.empty() || value.size() > 9 || value.find_first_not_of("0123456789") != std::string::npos ||
        std::stoi(value) < least)
      stop("keyword " + name + " takes a number, at least " + std::to_string(least) + ", got '" + value + "'");
    return std::stoi(value);
  };
  for (int n = 0; n < narg; n += 2) {
    const std::string name = arg[n], value = n + 1 < narg ? arg[n + 1] : "nothing";
    if (name == "precision") {
      if (value != "single" && value != "double") stop("keyword precision takes single or double, got '" + value + "'");
      wanted.backend.double_precision = value == "double";
    } else if (name == "device") {
      if (n + 1 >= narg) stop("keyword device takes cpu, cuda or cuda:N, got nothing");
      wanted.backend.device = value;
    } else if (name == "committee") {
      wanted.committee = count(name, value, 2);
    } else if (name == "out_freq") {
      wanted.out_freq = count(name, value, 1);
    } else if (name == "out_file") {
      if (n + 1 >= narg) stop("keyword out_file takes a file name, got nothing");
      wanted.out_file = value;
    } else {
      stop("unknown keyword '" + name +
           "'; there are: precision single|double, device cpu|cuda, committee N, out_freq M, out_file F");
    }
  }
  if ((wanted.out_freq > 0) != !wanted.out_file.empty()) stop("out_freq and out_file need each other");
  if (wanted.out_freq > 0 && wanted.committee < 2)
    stop("out_freq and out_file belong to a committee of several models");
  check_units();
  // Given again with models in place: they do not fit the new settings.
  forget_models();
  settings_ = wanted;
  nextra = settings_.committee > 1 ? static_cast<int>(extra_.size()) : 0;
  pvector = settings_.committee > 1 ? extra_.data() : nullptr;
}

void PairTlmlp::forget_models()
{
  models_.clear();
  if (!allocated) return;
  for (int i = 1; i <= atom->ntypes; ++i)
    for (int j = 1; j <= atom->ntypes; ++j) setflag[i][j] = 0;
}

void PairTlmlp::coeff(int narg, char **arg)
{
  const int files = settings_.committee;
  const std::string form = files > 1 ? std::to_string(files) + " FILES" : "FILE";
  if (narg < 2 + files || strcmp(arg[0], "*") != 0 || strcmp(arg[1], "*") != 0)
    stop("pair_coeff must read: * * " + form + " and one element or NULL per atom type");
  if (narg - 2 - files != atom->ntypes)
    stop("pair_coeff needs one element or NULL per atom type: expected " + std::to_string(atom->ntypes) + ", got " +
         std::to_string(narg - 2 - files));
  if (force->pair == this)
    for (int type = 1; type <= atom->ntypes; ++type)
      if (strcmp(arg[1 + files + type], "NULL") == 0)
        stop("NULL leaves atom type " + std::to_string(type) +
             " to another style of pair_style hybrid, and there is none; give it an element, any one of the model if "
             "it has no "
             "atoms");
  allocate();
  const std::string reason = open_models({arg + 2, arg + 2 + files}, {arg + 2 + files, arg + narg});
  if (!reason.empty()) stop(reason);
}

std::string PairTlmlp::open_models(const std::vector<std::string> &files, const std::vector<std::string> &elements)
{
  std::string reason;
  try {
    models_.open(open_backend_, tlmlp_lammps::read_models(files, world), settings_.backend);
    models_.map_types(elements);
    if (comm->nprocs > 1 && models_.exchange_doubles() == 0)
      reason = settings_.backend.device == "cpu"
                   ? "this backend runs on one MPI rank, got " + std::to_string(comm->nprocs) +
                         "; use pair_style tlmlp, or OMP_NUM_THREADS for more cores"
                   : "device " + settings_.backend.device + " serves one MPI rank, got " +
                         std::to_string(comm->nprocs) + "; start one rank, or leave out device";
  } catch (const std::exception &problem) {
    reason = problem.what();
  }
  // What is missing on one machine only, such as a device, is said by all.
  const int failed = reason.empty() ? comm->nprocs : comm->me;
  int first = failed;
  MPI_Allreduce(&failed, &first, 1, MPI_INT, MPI_MIN, world);
  if (first < comm->nprocs) {
    tlmlp_lammps::broadcast(reason, first, world);
    return first == 0 ? reason : "on rank " + std::to_string(first) + ": " + reason;
  }

  elements_ = elements;
  cutoff_ = models_.cutoff();
  min_distance_ = models_.min_distance();
  sha256_ = models_.member(0).sha256();
  set_flags();
  for (int k = 0; comm->me == 0 && k < models_.size(); ++k)
    utils::logmesg(lmp, "  pair_style tlmlp: " + models_.path(k) + ", " + models_.member(k).description() + "\n");
  return {};
}

void PairTlmlp::set_flags()
{
  const int ntypes = atom->ntypes;
  for (int i = 1; i <= ntypes; ++i)
    for (int j = 1; j <= ntypes; ++j) setflag[i][j] = i <= j && mine(i) && mine(j);
}

void PairTlmlp::init_style()
{
  tell_of_close_pairs();
  check_units();
  check_heat_flux();
  if (neighbor->includegroup) stop("neigh_modify include hides atoms from a many-body potential; leave it out");
  neighbor->add_request(this, NeighConst::REQ_FULL);
  close_pairs_.start(min_distance_);
  first_step_ = true;

  // Forward: process and index, then the sums of an atom in one block. Reverse: those, forces per member, a virial.
  // LAMMPS sizes its buffers from the pair style that it knows. For pair_style hybrid that is the enclosing one. With
  // newton off it reads comm_reverse_off alone.
  comm_forward = std::max(2, models_.exchange_doubles());
  comm_reverse = comm_reverse_off = std::max({comm_forward, 3 * models_.size(), 9});
  Pair *known = force->pair;
  known->comm_forward = std::max(known->comm_forward, comm_forward);
  known->comm_reverse = std::max(known->comm_reverse, comm_reverse);
  known->comm_reverse_off = std::max(known->comm_reverse_off, comm_reverse_off);
  if (models_.has_zbl() && force->pair_match("^zbl", 0))
    warn("the model has a ZBL repulsion of its own, and pair_style zbl adds a second one");
}

double PairTlmlp::init_one(int i, int j)
{
  setflag[j][i] = setflag[i][j];
  return cutoff_;
}

/// cutoff and min_distance (double, Å), committee (int), model and sha256 (char, of the first file): copies.
void *PairTlmlp::extract(const char *name, int &dim)
{
  dim = 0;
  const std::string wanted = name;
  extracted_ = {cutoff_, min_distance_, settings_.committee, models_.size() > 0 ? models_.path(0) : std::string(),
                sha256_};
  if (wanted == "cutoff") return &extracted_.cutoff;
  if (wanted == "min_distance") return &extracted_.min_distance;
  if (wanted == "committee") return &extracted_.committee;
  if (wanted == "model") return extracted_.model.data();
  if (wanted == "sha256") return extracted_.sha256.data();
  return nullptr;
}

/// force_deviation of a committee, for fix pair.
void *PairTlmlp::extract_peratom(const char *name, int &ncol)
{
  ncol = 0;
  if (settings_.committee < 2 || strcmp(name, "force_deviation") != 0) return nullptr;
  deviation_.resize(std::max<std::size_t>(deviation_.size(), atom->nmax + 1), 0.0);
  return deviation_.data();
}

double PairTlmlp::memory_usage()
{
  double bytes = Pair::memory_usage();
  bytes += static_cast<double>(sizeof(double)) *
           (graph_.vectors.capacity() + models_.edge_gradients.capacity() + models_.edge_moments.capacity() +
            models_.member_forces.capacity() + atom_virials_.capacity());
  bytes += static_cast<double>(sizeof(std::int64_t)) * (graph_.source.capacity() + graph_.target.capacity());
  return bytes;
}

} // namespace LAMMPS_NS
