// The part of the engine that finds neighbours itself, on the vesin library. Apart from engine.cpp, so that hosts with
// neighbour lists of their own link neither.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "engine_impl.h"
#include "neighbours.h"
#include "team.h"

namespace tlmlp {

namespace {

Pair closest_of(const EdgeList &edges) {
    double least = std::numeric_limits<double>::infinity();
    std::int64_t found = -1;
    for (std::int64_t e = 0; e < edges.n_edges; ++e) {
        const double *v = edges.vector + 3 * e;
        const double square = v[0] * v[0] + v[1] * v[1] + v[2] * v[2];
        if (square < least) {
            least = square;
            found = e;
        }
    }
    if (found < 0) {
        return {};
    }
    const auto [first, second] = std::minmax(edges.source[found], edges.target[found]);
    return {first, second, std::sqrt(least)};
}

} // namespace

Result Engine::energy_forces_virial(const Structure &structure, const ComputeOptions &options) {
    if (!impl_->neighbours) {
        impl_->neighbours = std::make_shared<NeighbourFinder>();
    }
    const auto start = std::chrono::steady_clock::now();
    EdgeList edges;
    within_memory(structure.n_atoms, [&] {
        edges = impl_->neighbours->find(structure, impl_->file.sizes.cutoff, impl_->options.skin,
                                        engine::team_of(impl_->options.threads));
    });
    impl_->neighbour_seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    Result result = energy_forces_virial(edges, options);
    if (options.closest_pair) {
        result.closest_pair = closest_of(edges);
    }
    return result;
}

std::int64_t Engine::neighbour_builds() const { return impl_->neighbours ? impl_->neighbours->builds() : 0; }

double Engine::neighbour_seconds() const { return impl_->neighbour_seconds; }

} // namespace tlmlp
