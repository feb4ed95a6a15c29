// SPDX-License-Identifier: GPL-2.0-only
// Part of tlmlp. Distributed under the GNU General Public License, version 2; see the file LICENSE beside this one.

#include "committee.h"

#include <algorithm>
#include <stdexcept>

namespace tlmlp_lammps {

void Committee::open(OpenBackend *open_backend, const std::vector<ModelBytes> &models, const Options &options)
{
  members_.clear();
  for (const ModelBytes &model : models) members_.push_back({model.path, open_backend(model, options), {}});
}

double Committee::cutoff() const
{
  double largest = 0.0;
  for (const Member &member : members_) largest = std::max(largest, member.backend->cutoff());
  return largest;
}

double Committee::min_distance() const
{
  double largest = 0.0;
  for (const Member &member : members_) largest = std::max(largest, member.backend->min_distance());
  return largest;
}

bool Committee::has_zbl() const
{
  return std::any_of(members_.begin(), members_.end(), [](const Member &member) { return member.backend->has_zbl(); });
}

int Committee::exchange_doubles() const
{
  int widest = 0;
  for (const Member &member : members_) {
    if (member.backend->exchange_doubles() == 0) return 0;
    widest = std::max(widest, member.backend->exchange_doubles());
  }
  return widest;
}

bool Committee::has_moments() const
{
  return std::all_of(members_.begin(), members_.end(),
                     [](const Member &member) { return member.backend->has_moments(); });
}

void Committee::map_types(const std::vector<std::string> &elements)
{
  for (Member &member : members_) {
    const auto &known = member.backend->species();
    member.species_of_type.assign(elements.size() + 1, -1);
    for (std::size_t type = 1; type <= elements.size(); ++type) {
      const std::string &symbol = elements[type - 1];
      if (symbol == "NULL") continue;
      const auto found = std::find(known.begin(), known.end(), symbol);
      if (found == known.end()) {
        std::string list;
        for (const auto &name : known) list += " " + name;
        throw std::runtime_error("element '" + symbol + "' is not in the model " + member.path +
                                 ", which knows:" + list);
      }
      member.species_of_type[type] = static_cast<int>(found - known.begin());
    }
  }
}

void Committee::compute(Graph &graph, const std::vector<int> &types, int threads, const Wanted &wanted,
                        tlmlp::Exchange *exchange)
{
  const int n = size();
  const double share = 1.0 / n;
  const std::size_t atoms = types.size();
  energy = 0.0;
  virial.fill(0.0);
  atomic_energies.assign(atoms, 0.0);
  edge_gradients.assign(wanted.edge_gradients ? 3 * graph.source.size() : 0, 0.0);
  edge_moments.assign(wanted.edge_moments ? 9 * graph.source.size() : 0, 0.0);
  member_energies.resize(n);
  member_forces.resize(3 * atoms * n);
  graph.species.resize(atoms);
  for (int m = 0; m < n; ++m) {
    const Member &member = members_[m];
    for (std::size_t i = 0; i < atoms; ++i) graph.species[i] = member.species_of_type[types[i]];
    Result result;
    member.backend->compute(graph, threads, wanted, exchange, result);
    member_energies[m] = result.energy;
    energy += share * result.energy;
    for (int k = 0; k < 9; ++k) virial[k] += share * result.virial[k];
    for (std::size_t i = 0; i < atoms; ++i) {
      atomic_energies[i] += share * result.atomic_energies[i];
      for (int k = 0; k < 3; ++k) member_forces[3 * (i * n + m) + k] = result.forces[3 * i + k];
    }
    for (std::size_t e = 0; e < edge_gradients.size(); ++e) edge_gradients[e] += share * result.edge_gradients[e];
    for (std::size_t e = 0; e < edge_moments.size(); ++e) edge_moments[e] += share * result.edge_moments[e];
  }
}

} // namespace tlmlp_lammps
