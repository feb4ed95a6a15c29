// SPDX-License-Identifier: GPL-2.0-only
// Part of tlmlp. Distributed under the GNU General Public License, version 2; see the file LICENSE beside this one.

// The backend on the engine, csrc/core: what pair_style tlmlp runs on. It is linked in; no other library is needed.

#include "backend.h"

#include "tlmlp/engine.h"

namespace tlmlp_lammps {

namespace {

tlmlp::EngineOptions engine_options(const Options &options)
{
  tlmlp::EngineOptions out;
  out.precision = options.double_precision ? tlmlp::Precision::float64 : tlmlp::Precision::float32;
  return out;
}

class EngineBackend : public Backend {
 public:
  explicit EngineBackend(const Options &options) : engine_(options.path, engine_options(options)) {}

  const std::vector<std::string> &species() const override { return engine_.model().species; }
  double cutoff() const override { return engine_.model().cutoff; }
  double min_distance() const override { return engine_.model().min_distance; }
  std::string description() const override
  {
    const bool twice = engine_.precision() == tlmlp::Precision::float64;
    return std::string(twice ? "double" : "single") + " precision, " + std::string(engine_.level());
  }

  void compute(const Graph &graph, int threads, Result &result) override
  {
    if (engine_.threads() != threads) engine_.set_threads(threads);
    tlmlp::EdgeList edges;
    edges.n_atoms = static_cast<std::int64_t>(graph.species.size());
    edges.species = graph.species.data();
    edges.n_edges = static_cast<std::int64_t>(graph.source.size());
    edges.source = graph.source.data();
    edges.target = graph.target.data();
    edges.vector = graph.vectors.data();
    tlmlp::ComputeOptions wanted;
    wanted.edge_gradients = true;
    const tlmlp::Result got = engine_.energy_forces_virial(edges, wanted);
    result.energy = got.energy;
    result.edge_gradients.assign(got.edge_gradients.begin(), got.edge_gradients.end());
    result.atomic_energies.assign(got.atomic_energies.begin(), got.atomic_energies.end());
  }

 private:
  tlmlp::Engine engine_;
};

}    // namespace

std::unique_ptr<Backend> open_engine_backend(const Options &options)
{
  return std::make_unique<EngineBackend>(options);
}

}    // namespace tlmlp_lammps
