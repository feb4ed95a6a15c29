#include "zbl_energy.h"

namespace tlmlp::engine {

Zbl::Zbl(const std::vector<int> &atomic_numbers, double inner, double outer)
    : species_(atomic_numbers.size()), outer_(outer) {
    for (const int i : atomic_numbers) {
        for (const int j : atomic_numbers) {
            pairs_.push_back(math::zbl_pair(i, j, inner, outer));
        }
    }
}

void Zbl::add(const EdgeList &edges, const ComputeOptions &options, Totals &totals) const {
    const std::int64_t owned = edges.n_atoms - edges.n_foreign;
    for (std::int64_t e = 0; e < edges.n_edges; ++e) {
        const double *v = edges.vector + 3 * e;
        const double square = v[0] * v[0] + v[1] * v[1] + v[2] * v[2];
        const std::int64_t target = edges.target[e], source = edges.source[e];
        if (square >= outer_ * outer_ || target >= owned) {
            continue;
        }
        const double distance = std::sqrt(square);
        const std::size_t pair = edges.species[target] * species_ + edges.species[source];
        const math::Jet<double> energy = pairs_[pair].energy(distance);
        totals.head_values[target] += 0.5 * energy.value;
        totals.energy += 0.5 * energy.value;
        for (int a = 0; options.forces && a < 3; ++a) {
            const double slope = 0.5 * energy.first * v[a] / distance;
            totals.forces[3 * target + a] += slope;
            totals.forces[3 * source + a] -= slope;
            for (int b = 0; b < 3; ++b) {
                totals.virial[3 * a + b] -= slope * v[b];
            }
            if (options.edge_gradients) {
                totals.edge_gradients[3 * e + a] += slope;
            }
        }
    }
}

} // namespace tlmlp::engine
