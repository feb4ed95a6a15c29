// SPDX-License-Identifier: GPL-2.0-only
// Part of tlmlp. Distributed under the GNU General Public License, version 2; see the file LICENSE beside this one.

// The backend on the engine, csrc/core: what pair_style tlmlp runs on. It is linked in; no other library is needed.

#include "backend.h"

#include "cuda/install.h"
#include "tlmlp/engine.h"

#include <algorithm>
#include <cstdio>
#include <stdexcept>

namespace tlmlp_lammps {

namespace {

tlmlp::EngineOptions engine_options(const Options &options)
{
  tlmlp::EngineOptions out;
  out.precision = options.double_precision ? tlmlp::Precision::float64 : tlmlp::Precision::float32;
  out.device = options.device;
  if (out.device != "cpu") tlmlp::cuda::install();
  return out;
}

class EngineBackend : public Backend {
 public:
  EngineBackend(const ModelBytes &model, const Options &options)
      : engine_(tlmlp::Engine::from_bytes(model.content, engine_options(options), model.path)),
        has_moments_(options.device == "cpu")
  {
    check_golden_numbers(model.path);
  }

  const std::vector<std::string> &species() const override { return engine_.model().species; }
  double cutoff() const override { return engine_.model().cutoff; }
  double min_distance() const override { return engine_.model().min_distance; }
  bool has_zbl() const override { return engine_.model().zbl; }
  std::string sha256() const override { return engine_.model().sha256; }
  std::string description() const override
  {
    return std::string(double_precision() ? "double" : "single") + " precision, " + std::string(engine_.level());
  }
  int exchange_doubles() const override
  {
    const auto numbers = static_cast<int>(engine_.exchange_size());
    return double_precision() ? numbers : (numbers + 1) / 2;
  }

  bool has_moments() const override { return has_moments_; }

  void compute(const Graph &graph, int threads, const Wanted &wanted, tlmlp::Exchange *exchange,
               Result &result) override
  {
    if (engine_.threads() != threads) engine_.set_threads(threads);
    tlmlp::EdgeList edges;
    edges.n_atoms = static_cast<std::int64_t>(graph.species.size());
    edges.species = graph.species.data();
    edges.n_edges = static_cast<std::int64_t>(graph.source.size());
    edges.source = graph.source.data();
    edges.target = graph.target.data();
    edges.vector = graph.vectors.data();
    edges.n_foreign = graph.n_foreign;
    tlmlp::ComputeOptions compute;
    compute.edge_gradients = wanted.edge_gradients;
    compute.edge_moments = wanted.edge_moments;
    compute.exchange = exchange;
    const tlmlp::Result got = engine_.energy_forces_virial(edges, compute);
    result.energy = got.energy;
    result.virial = got.virial;
    result.forces = got.forces.data();
    result.atomic_energies = got.atomic_energies.data();
    result.edge_gradients = wanted.edge_gradients ? got.edge_gradients.data() : nullptr;
    result.edge_moments = wanted.edge_moments ? got.edge_moments.data() : nullptr;
  }

 private:
  bool double_precision() const { return engine_.precision() == tlmlp::Precision::float64; }

  /// The file's own structures with the numbers that were stored when it was written: same tolerances as
  /// `tlmlp verify`.
  void check_golden_numbers(const std::string &path)
  {
    const auto check = engine_.self_check();
    const double scale = std::max(1.0, check.largest_force);
    const double energy = double_precision() ? 1e-8 : 1e-4, force = double_precision() ? 1e-7 : 1e-3;
    if (check.energy <= energy * scale && check.forces <= force * scale) return;
    char numbers[120];
    snprintf(numbers, sizeof(numbers), "energies differ by %.1e eV/atom and forces by %.1e eV/Angstrom", check.energy,
             check.forces);
    throw std::runtime_error("the model file " + path + " does not give the numbers stored in it on this machine (" +
                             numbers + "); export it again, or report this");
  }

  tlmlp::Engine engine_;
  bool has_moments_;
};

} // namespace

std::unique_ptr<Backend> open_engine_backend(const ModelBytes &model, const Options &options)
{
  return std::make_unique<EngineBackend>(model, options);
}

} // namespace tlmlp_lammps
