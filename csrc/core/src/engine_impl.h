#pragma once

#include <memory>
#include <optional>

#include "runner.h"
#include "zbl.h"

namespace tlmlp {

/// Neighbour lists of one engine; defined where the neighbour-list library is linked.
class NeighbourFinder;

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
