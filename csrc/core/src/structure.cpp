// The part of the engine that finds neighbours itself, on the vesin library. Apart from engine.cpp, so that hosts with
// neighbour lists of their own link neither.
#include <algorithm>
#include <cmath>

#include "engine_impl.h"
#include "neighbours.h"

namespace tlmlp {

Result Engine::energy_forces_virial(const Structure &structure, const ComputeOptions &options) {
    if (!impl_->neighbours) {
        impl_->neighbours = std::make_shared<NeighbourFinder>();
    }
    const EdgeList edges = impl_->neighbours->find(structure, impl_->file.sizes.cutoff, impl_->options.skin,
                                                    impl_->options.threads);
    return energy_forces_virial(edges, options);
}

std::int64_t Engine::neighbour_builds() const { return impl_->neighbours ? impl_->neighbours->builds() : 0; }

Engine::SelfCheck Engine::self_check() {
    SelfCheck check;
    for (const engine::GoldenStructure &golden : impl_->file.golden) {
        const auto n = static_cast<std::int64_t>(golden.species.size());
        const Result result = energy_forces_virial(
            Structure{n, golden.species.data(), golden.positions.data(), golden.cell, golden.pbc});
        ++check.structures;
        const double atoms = static_cast<double>(std::max<std::int64_t>(n, 1));
        check.energy = std::max(check.energy, std::abs(result.energy - golden.energy) / atoms);
        for (std::size_t k = 0; k < golden.forces.size(); ++k) {
            check.forces = std::max(check.forces, std::abs(result.forces[k] - golden.forces[k]));
        }
        for (std::size_t k = 0; k < 9; ++k) {
            check.virial = std::max(check.virial, std::abs(result.virial[k] - golden.virial[k]));
        }
    }
    return check;
}

} // namespace tlmlp
