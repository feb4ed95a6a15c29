// The structures stored in a model file, evaluated again. Neighbours are found by trying all images, so that hosts
// without a neighbour-list library can check a file too; the structures are small.
#include <algorithm>
#include <cmath>

#include "engine_impl.h"

namespace tlmlp {

namespace {

struct Edges {
    std::vector<std::int64_t> source, target;
    std::vector<double> vector;
};

/// The larger of the two, and NaN once a difference was NaN: a model that gives no number must not pass.
double worse(double old, double difference) { return difference <= old || std::isnan(old) ? old : difference; }

Edges find_edges(const engine::GoldenStructure &s, double cutoff) {
    Edges edges;
    std::array<int, 3> n{};
    const std::array<double, 3> reach = engine::golden_reach(s, cutoff); // bounded when the file was read
    std::copy(reach.begin(), reach.end(), n.begin());
    const auto atoms = static_cast<std::int64_t>(s.species.size());
    for (std::int64_t i = 0; i < atoms; ++i) {
        for (std::int64_t j = 0; j < atoms; ++j) {
            for (int a = -n[0]; a <= n[0]; ++a) {
                for (int b = -n[1]; b <= n[1]; ++b) {
                    for (int c = -n[2]; c <= n[2]; ++c) {
                        double v[3], square = 0.0;
                        for (int k = 0; k < 3; ++k) {
                            v[k] = s.positions[3 * j + k] - s.positions[3 * i + k] + a * s.cell[k] + b * s.cell[3 + k] +
                                   c * s.cell[6 + k];
                            square += v[k] * v[k];
                        }
                        if (square < cutoff * cutoff && (i != j || a || b || c)) {
                            edges.source.push_back(j);
                            edges.target.push_back(i);
                            edges.vector.insert(edges.vector.end(), v, v + 3);
                        }
                    }
                }
            }
        }
    }
    return edges;
}

} // namespace

Engine::SelfCheck Engine::self_check() {
    SelfCheck check;
    for (const engine::GoldenStructure &golden : impl_->file.golden) {
        const auto n = static_cast<std::int64_t>(golden.species.size());
        const Edges edges = find_edges(golden, impl_->file.sizes.cutoff);
        const Result result =
            energy_forces_virial(EdgeList{n, golden.species.data(), static_cast<std::int64_t>(edges.source.size()),
                                          edges.source.data(), edges.target.data(), edges.vector.data()});
        ++check.structures;
        const double atoms = static_cast<double>(std::max<std::int64_t>(n, 1));
        check.energy = worse(check.energy, std::abs(result.energy - golden.energy) / atoms);
        for (std::size_t k = 0; k < golden.forces.size(); ++k) {
            check.forces = worse(check.forces, std::abs(result.forces[k] - golden.forces[k]));
            check.largest_force = std::max(check.largest_force, std::abs(golden.forces[k]));
        }
        for (std::size_t k = 0; k < 9; ++k) {
            check.virial = worse(check.virial, std::abs(result.virial[k] - golden.virial[k]));
        }
    }
    return check;
}

} // namespace tlmlp
