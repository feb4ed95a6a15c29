// SPDX-License-Identifier: GPL-2.0-only
// Part of tlmlp. Distributed under the GNU General Public License, version 2; see the file LICENSE beside this one.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace tlmlp_lammps {

/// Directed edges j -> i among the atoms of one process, grouped by target i in ascending order.
struct Graph {
  /// Species of each atom, an index into `Backend::species()`.
  std::vector<std::int32_t> species;
  /// Atom j of each edge.
  std::vector<std::int64_t> source;
  /// Atom i of each edge.
  std::vector<std::int64_t> target;
  /// r_j - r_i of the right periodic image for each edge, three numbers each, Å.
  std::vector<double> vectors;
};

/// What a model says about a graph.
struct Result {
  /// Sum of the atomic energies, eV.
  double energy = 0.0;
  /// dE/d(vector) of each edge, three numbers each, eV/Å.
  std::vector<double> edge_gradients;
  /// Energy of each atom, eV.
  std::vector<double> atomic_energies;
};

/// How a model is to be evaluated.
struct Options {
  std::string path;
  bool double_precision = false;
};

/// Evaluates one model file. Errors are std::runtime_error with one line for the user.
class Backend {
 public:
  virtual ~Backend() = default;

  /// Chemical symbols the model knows.
  virtual const std::vector<std::string> &species() const = 0;
  /// Radius of the neighbourhood, Å.
  virtual double cutoff() const = 0;
  /// Smallest distance in the training data, Å; 0 when the file does not say.
  virtual double min_distance() const = 0;
  /// One line for the log: what computes, in which precision.
  virtual std::string description() const = 0;
  /// Energy and its derivatives with `threads` threads; vectors of `result` are resized as needed.
  virtual void compute(const Graph &graph, int threads, Result &result) = 0;
};

/// Makes a backend; how a pair style is told which one to use.
using OpenBackend = std::unique_ptr<Backend>(const Options &);

/// The backend on the engine of csrc/core. Throws std::runtime_error when the file is unusable.
OpenBackend open_engine_backend;

/// The backend on libtorch. It lies in a library of its own that is opened here, so that LAMMPS starts fast and
/// works where there is no torch. Throws std::runtime_error when a library is missing or the file is unusable.
OpenBackend open_torch_backend;

}    // namespace tlmlp_lammps
