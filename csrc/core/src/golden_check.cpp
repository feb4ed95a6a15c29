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

/// Images to try along each lattice vector: cutoff over the distance of the lattice planes, and as many cells as the
/// positions span.
std::array<int, 3> reach(const engine::GoldenStructure &s, double cutoff) {
    std::array<int, 3> out{};
    for (int k = 0; k < 3; ++k) {
        const double *a = &s.cell[3 * ((k + 1) % 3)], *b = &s.cell[3 * ((k + 2) % 3)], *c = &s.cell[3 * k];
        const double normal[3] = {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
        const double area = std::sqrt(normal[0] * normal[0] + normal[1] * normal[1] + normal[2] * normal[2]);
        const double volume = std::abs(c[0] * normal[0] + c[1] * normal[1] + c[2] * normal[2]);
        if (!s.pbc[k] || !(volume > 0.0)) {
            continue;
        }
        double low = 0.0, high = 0.0;
        for (std::size_t i = 0; i < s.positions.size(); i += 3) {
            const double height = (s.positions[i] * normal[0] + s.positions[i + 1] * normal[1] +
                                   s.positions[i + 2] * normal[2]) / volume;
            low = i ? std::min(low, height) : height;
            high = i ? std::max(high, height) : height;
        }
        out[k] = static_cast<int>(std::ceil(cutoff * area / volume + high - low));
    }
    return out;
}

Edges find_edges(const engine::GoldenStructure &s, double cutoff) {
    Edges edges;
    const std::array<int, 3> n = reach(s, cutoff);
    const auto atoms = static_cast<std::int64_t>(s.species.size());
    for (std::int64_t i = 0; i < atoms; ++i) {
        for (std::int64_t j = 0; j < atoms; ++j) {
            for (int a = -n[0]; a <= n[0]; ++a) {
                for (int b = -n[1]; b <= n[1]; ++b) {
                    for (int c = -n[2]; c <= n[2]; ++c) {
                        double v[3], square = 0.0;
                        for (int k = 0; k < 3; ++k) {
                            v[k] = s.positions[3 * j + k] - s.positions[3 * i + k] + a * s.cell[k] +
                                   b * s.cell[3 + k] + c * s.cell[6 + k];
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
        check.energy = std::max(check.energy, std::abs(result.energy - golden.energy) / atoms);
        for (std::size_t k = 0; k < golden.forces.size(); ++k) {
            check.forces = std::max(check.forces, std::abs(result.forces[k] - golden.forces[k]));
            check.largest_force = std::max(check.largest_force, std::abs(golden.forces[k]));
        }
        for (std::size_t k = 0; k < 9; ++k) {
            check.virial = std::max(check.virial, std::abs(result.virial[k] - golden.virial[k]));
        }
    }
    return check;
}

} // namespace tlmlp
