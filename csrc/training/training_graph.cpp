#include "training_graph.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

namespace tlmlp::training {

namespace {

constexpr double cutoff_slack = 1e-5; // relative: where an edge may lack its reverse

} // namespace

void TrainingGraph::build(const EdgeGraph &graph, int n_species, double cutoff) {
    const auto n_atoms = static_cast<std::size_t>(graph.n_atoms), n_edges = static_cast<std::size_t>(graph.n_edges);
    const auto fail = [&](std::int64_t e, const std::string &what) {
        throw std::invalid_argument("edge " + std::to_string(graph.source[e]) + " -> " +
                                    std::to_string(graph.target[e]) + " (column " + std::to_string(e) + ") " + what);
    };
    species.resize(n_atoms);
    for (std::size_t i = 0; i < n_atoms; ++i) {
        if (graph.species[i] < 0 || graph.species[i] >= n_species) {
            throw std::invalid_argument("atom " + std::to_string(i) + " has species " +
                                        std::to_string(graph.species[i]) + ", the network has " +
                                        std::to_string(n_species));
        }
        species[i] = static_cast<std::int32_t>(graph.species[i]);
    }
    if (graph.offsets[0] != 0 || graph.offsets[graph.n_atoms] != graph.n_edges) {
        throw std::invalid_argument("`offsets` do not count the edges; take them from tlmlp::topology");
    }

    const double limit = cutoff * cutoff;
    slot_of_.assign(n_edges, -1);
    const auto inside = [&](std::int64_t e) {
        const double *v = graph.vector + 3 * e;
        return v[0] * v[0] + v[1] * v[1] + v[2] * v[2] < limit;
    };
    for (std::int64_t e = 0; e < graph.n_edges; ++e) {
        const double *v = graph.vector + 3 * e;
        const double square = v[0] * v[0] + v[1] * v[1] + v[2] * v[2];
        if (graph.source[e] < 0 || graph.source[e] >= graph.n_atoms || graph.target[e] < 0 ||
            graph.target[e] >= graph.n_atoms) {
            throw std::invalid_argument("column " + std::to_string(e) + " of `edge_index` names no atom");
        }
        if (!std::isfinite(square) || square == 0.0) {
            fail(e, square == 0.0 ? "has no length: two atoms are in one place" : "is not finite");
        }
        const std::int64_t back = graph.reverse[e];
        if (back >= graph.n_edges || (back >= 0 && graph.reverse[back] != e)) {
            throw std::invalid_argument("`reverse` does not pair the edges; take it from tlmlp::topology");
        }
        if (back < 0 && square < limit * (1.0 - 2.0 * cutoff_slack)) {
            fail(e, "lacks its reverse");
        }
        slot_of_[e] = square < limit && back >= 0 && inside(back) ? 0 : -1;
    }

    count.assign(n_atoms, 0);
    order_.clear();
    for (std::int64_t i = 0; i < graph.n_atoms; ++i) {
        const std::int64_t begin = graph.offsets[i], end = graph.offsets[i + 1];
        if (begin > end || begin < 0 || end > graph.n_edges) {
            throw std::invalid_argument("`offsets` do not ascend; take them from tlmlp::topology");
        }
        for (std::int64_t k = begin; k < end; ++k) {
            const std::int64_t e = graph.edges[k];
            if (e < 0 || e >= graph.n_edges || graph.target[e] != i) {
                throw std::invalid_argument("`edges` do not group the edges by target; take them from tlmlp::topology");
            }
            if (slot_of_[e] == 0) {
                ++count[i];
                order_.push_back(e);
            }
        }
    }
    place_atoms(graph.n_atoms);
    place_edges(graph.source, graph.vector, 1.0, 0.5 * cutoff, [&](std::int64_t k, std::int64_t slot) {
        slot_of_[order_[k]] = static_cast<std::int32_t>(slot);
        return order_[k];
    });
    for (std::int64_t e = 0; e < graph.n_edges; ++e) {
        if (slot_of_[e] >= 0) {
            reverse[slot_of_[e]] = slot_of_[graph.reverse[e]];
        }
    }
}

} // namespace tlmlp::training
