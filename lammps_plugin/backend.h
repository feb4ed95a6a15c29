// SPDX-License-Identifier: GPL-2.0-only
// Part of tlmlp. Distributed under the GNU General Public License, version 2; see the file LICENSE beside this one.

#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace tlmlp {
class Exchange;
}

namespace tlmlp_lammps {

/// Directed edges j -> i among the atoms of one process, grouped by target i in ascending order but for those that end
/// at foreign atoms; every pair in both directions.
struct Graph {
  /// Species of each atom, an index into `Backend::species()`.
  std::vector<std::int32_t> species;
  /// Atoms of other processes, the last ones.
  std::int64_t n_foreign = 0;
  /// Atom j of each edge.
  std::vector<std::int64_t> source;
  /// Atom i of each edge.
  std::vector<std::int64_t> target;
  /// r_j - r_i of the right periodic image for each edge, three numbers each, Å.
  std::vector<double> vectors;
};

/// What a model says about a graph. The arrays belong to the backend and live until its next call.
struct Result {
  /// Sum of the atomic energies, eV.
  double energy = 0.0;
  /// -sum over edges of dE/d(vector)_a vector_b, row by row, eV.
  std::array<double, 9> virial{};
  /// Force on each atom, three numbers each, eV/Å; those of foreign atoms are to be added to their owners'.
  const double *forces = nullptr;
  /// Energy of each atom, eV; 0 for foreign ones.
  const double *atomic_energies = nullptr;
  /// dE/d(vector) of each edge, three numbers each, eV/Å; null unless they were wanted.
  const double *edge_gradients = nullptr;
  /// Of each edge j -> i the sum over atoms k of (r_k - r_i)_a dE_k/d(vector)_b, row by row, eV; null unless wanted.
  const double *edge_moments = nullptr;
};

/// What is to be computed beside energies, forces and the virial.
struct Wanted {
  bool edge_gradients = false;
  bool edge_moments = false;
};

/// A model file that has been read.
struct ModelBytes {
  /// Where it was, for messages.
  std::string path;
  std::string content;
};

/// How a model is to be evaluated.
struct Options {
  bool double_precision = false;
  std::string device = "cpu";
};

/// Evaluates one model. Errors are std::runtime_error with one line for the user.
class Backend {
 public:
  virtual ~Backend() = default;

  /// Chemical symbols the model knows.
  virtual const std::vector<std::string> &species() const = 0;
  /// Radius of the neighbourhood, Å.
  virtual double cutoff() const = 0;
  /// Smallest distance in the training data, Å; 0 when the file does not say.
  virtual double min_distance() const = 0;
  /// Whether the model has a ZBL repulsion of its own.
  virtual bool has_zbl() const = 0;
  /// SHA-256 of the file; empty when it is not known.
  virtual std::string sha256() const = 0;
  /// One line for the log: what computes, in which precision.
  virtual std::string description() const = 0;
  /// Doubles per atom and message of an exchange between processes; 0 when the backend cannot share a system.
  virtual int exchange_doubles() const = 0;
  /// Whether Result::edge_moments can be had.
  virtual bool has_moments() const = 0;
  /// Energy and its derivatives with `threads` threads. `exchange` is null when one process has all atoms.
  virtual void compute(const Graph &graph, int threads, const Wanted &wanted, tlmlp::Exchange *exchange,
                       Result &result) = 0;
};

/// Makes a backend; how a pair style is told which one to use.
using OpenBackend = std::unique_ptr<Backend>(const ModelBytes &, const Options &);

/// The backend on the engine of csrc/core. Throws std::runtime_error when the file is unusable.
OpenBackend open_engine_backend;

/// The backend on libtorch. It lies in a library of its own that is opened here, so that LAMMPS starts fast and
/// works where there is no torch. Throws std::runtime_error when a library is missing or the file is unusable.
OpenBackend open_torch_backend;

} // namespace tlmlp_lammps
