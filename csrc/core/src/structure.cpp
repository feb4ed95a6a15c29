// The part of the engine that finds neighbours itself, on the vesin library. Apart from engine.cpp, so that hosts with
// neighbour lists of their own link neither.
#include <chrono>

#include "engine_impl.h"
#include "neighbours.h"

namespace tlmlp {

Result Engine::energy_forces_virial(const Structure &structure, const ComputeOptions &options) {
    if (!impl_->neighbours) {
        impl_->neighbours = std::make_shared<NeighbourFinder>();
    }
    const auto start = std::chrono::steady_clock::now();
    EdgeList edges;
    within_memory(structure.n_atoms, [&] {
        edges = impl_->neighbours->find(structure, impl_->file.sizes.cutoff, impl_->options.skin,
                                        impl_->options.threads);
    });
    impl_->neighbour_seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return energy_forces_virial(edges, options);
}

std::int64_t Engine::neighbour_builds() const { return impl_->neighbours ? impl_->neighbours->builds() : 0; }

double Engine::neighbour_seconds() const { return impl_->neighbour_seconds; }

} // namespace tlmlp
