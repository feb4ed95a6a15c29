#pragma once

#include <memory>
#include <new>
#include <optional>
#include <stdexcept>

#include "runner.h"
#include "zbl_energy.h"

namespace tlmlp {

/// Neighbour lists of one engine; defined where the neighbour-list library is linked.
class NeighbourFinder;

/// Memory that runs out in `call` becomes an Error that says for how many atoms.
template <class Call> void within_memory(std::int64_t n_atoms, Call &&call) {
    try {
        call();
    } catch (const std::bad_alloc &) {
        throw Error("not enough memory for " + std::to_string(n_atoms) + " atoms");
    } catch (const std::length_error &) {
        throw Error("not enough memory for " + std::to_string(n_atoms) + " atoms");
    }
}

struct Engine::Impl {
    Impl(engine::ModelFile model, const EngineOptions &engine_options);
    ~Impl();

    engine::ModelFile file;
    std::optional<engine::Zbl> zbl;
    EngineOptions options;
    std::unique_ptr<engine::Runner> runner;
    engine::Graph graph;
    engine::Totals totals;
    std::shared_ptr<NeighbourFinder> neighbours;
    double neighbour_seconds = 0.0;
};

} // namespace tlmlp
