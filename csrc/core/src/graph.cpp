#include "graph.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace tlmlp::engine {

namespace {

constexpr double nm_per_angstrom = 0.1;
constexpr double smallest_distance = 1e-3; // Angstrom
constexpr double same_vector = 1e-3;       // Angstrom: reverse edges agree within this
constexpr double cutoff_slack = 1e-5;      // relative: where an edge may lack its reverse

double length_squared(const double *v) { return v[0] * v[0] + v[1] * v[1] + v[2] * v[2]; }

/// Edges and slots have numbers of 32 bits.
void refuse_too_many(std::int64_t edges) {
    if (edges > INT32_MAX) {
        throw Error("too many edges for one engine: " + std::to_string(edges) + ", the limit is about 2e9");
    }
}

template <class T> std::size_t bytes(const std::vector<T> &v) { return v.capacity() * sizeof(T); }

} // namespace

void Graph::sort_by_target(const EdgeList &list, double cutoff) {
    const double limit = cutoff * cutoff;
    offsets_.assign(static_cast<std::size_t>(list.n_atoms) + 1, 0);
    order_.resize(static_cast<std::size_t>(list.n_edges));
    for (std::int64_t e = 0; e < list.n_edges; ++e) {
        const double square = length_squared(list.vector + 3 * e);
        if (square < limit) {
            ++offsets_[static_cast<std::size_t>(list.target[e]) + 1];
        }
    }
    for (std::int64_t e : dropped_) {
        --offsets_[static_cast<std::size_t>(list.target[e]) + 1];
    }
    for (std::size_t i = 0; i < static_cast<std::size_t>(list.n_atoms); ++i) {
        offsets_[i + 1] += offsets_[i];
    }
    edges = offsets_.back();
    sources_.resize(static_cast<std::size_t>(edges));
    partner_.assign(static_cast<std::size_t>(edges), -1);
    count.assign(static_cast<std::size_t>(list.n_atoms), 0);
    for (std::int64_t e = 0; e < list.n_edges; ++e) {
        if (!(length_squared(list.vector + 3 * e) < limit) || std::binary_search(dropped_.begin(), dropped_.end(), e)) {
            continue;
        }
        const auto i = static_cast<std::size_t>(list.target[e]);
        order_[static_cast<std::size_t>(offsets_[i] + count[i]++)] = static_cast<std::int32_t>(e);
    }
    order_edges(list);
    for (std::size_t at = 0; at < static_cast<std::size_t>(edges); ++at) {
        sources_[at] = static_cast<std::int32_t>(list.source[order_[at]]);
    }
}

/// Puts the edges of each atom in an order that follows from their vectors alone. Results in single precision then
/// depend neither on how the caller lists edges nor on how it numbers atoms. The direction is one in which no two
/// edges of a lattice look alike.
void Graph::order_edges(const EdgeList &list) {
    constexpr double direction[3] = {0.68819096, 0.42532540, 0.58778525};
    for (std::int64_t i = 0; i < list.n_atoms; ++i) {
        const std::int64_t begin = offsets_[i], n = offsets_[i + 1] - begin;
        keys_.resize(static_cast<std::size_t>(n));
        for (std::int64_t k = 0; k < n; ++k) {
            const double *v = list.vector + 3 * order_[begin + k];
            keys_[k] = {v[0] * direction[0] + v[1] * direction[1] + v[2] * direction[2], order_[begin + k]};
        }
        std::sort(keys_.begin(), keys_.end());
        refuse_doubled(list, i);
        for (std::int64_t k = 0; k < n; ++k) {
            order_[begin + k] = keys_[k].second;
        }
    }
}

/// Throws when an edge of atom i, whose sorted keys are given, stands in the list twice: it would count twice.
void Graph::refuse_doubled(const EdgeList &list, std::int64_t i) const {
    for (std::size_t a = 1; a < keys_.size(); ++a) {
        for (std::size_t b = a; b-- > 0 && keys_[b].first == keys_[a].first;) {
            const std::int64_t e = keys_[a].second, other = keys_[b].second;
            if (list.source[e] == list.source[other] &&
                std::equal(list.vector + 3 * e, list.vector + 3 * e + 3, list.vector + 3 * other)) {
                throw Error(
                    "the edge " + std::to_string(list.source[e]) + " -> " + std::to_string(i) +
                    " is given twice with the same vector; the list must hold both directions of every pair, once");
            }
        }
    }
}

/// Pairs every edge with its reverse; false when edges at the cutoff had to be dropped.
bool Graph::match(const EdgeList &list, double cutoff) {
    const std::size_t dropped_before = dropped_.size();
    for (std::int64_t i = 0; i < list.n_atoms; ++i) {
        for (std::int64_t a = offsets_[i]; a < offsets_[i + 1]; ++a) {
            if (partner_[a] >= 0) {
                continue;
            }
            const double *v = list.vector + 3 * order_[a];
            const std::int32_t j = sources_[a];
            double best = same_vector * same_vector;
            for (std::int64_t b = offsets_[j]; b < offsets_[j + 1]; ++b) {
                if (sources_[b] != i || partner_[b] >= 0) {
                    continue;
                }
                const double *w = list.vector + 3 * order_[b];
                const double sum[3] = {v[0] + w[0], v[1] + w[1], v[2] + w[2]};
                const double distance = length_squared(sum);
                if (distance < best) {
                    best = distance;
                    partner_[a] = static_cast<std::int32_t>(b);
                }
            }
            if (partner_[a] >= 0) {
                partner_[partner_[a]] = static_cast<std::int32_t>(a);
                continue;
            }
            const double d = std::sqrt(length_squared(v));
            if (d < cutoff * (1.0 - cutoff_slack)) {
                throw Error("the edge " + std::to_string(j) + " -> " + std::to_string(i) + " of length " +
                            std::to_string(d) + " Angstrom has no reverse edge; the list must hold both directions " +
                            "of every pair, once");
            }
            dropped_.push_back(order_[a]);
        }
    }
    std::sort(dropped_.begin(), dropped_.end());
    return dropped_.size() == dropped_before;
}

void Graph::lay_out(const EdgeList &list, double cutoff) {
    place_atoms(owned);
    refuse_too_many(slots);
    place_edges(list.source, list.vector, nm_per_angstrom, 0.5 * nm_per_angstrom * cutoff,
                [&](std::int64_t at, std::int64_t) { return order_[at]; });
    starts_.resize(first.size());
    for (const Chunk &chunk : chunks) {
        for (std::int32_t i = chunk.atom; i < chunk.atom + chunk.atoms; ++i) {
            starts_[i] = chunk.slot + first[i];
        }
    }
    for (std::int64_t i = 0; i < list.n_atoms; ++i) {
        for (std::int64_t at = offsets_[i]; at < offsets_[i + 1]; ++at) {
            const std::int32_t j = sources_[at];
            reverse[starts_[i] + at - offsets_[i]] = static_cast<std::int32_t>(starts_[j] + partner_[at] - offsets_[j]);
        }
    }
}

void Graph::check(const EdgeList &list, int n_species) const {
    if (list.n_atoms < 0 || list.n_edges < 0 || list.n_atoms > INT32_MAX || list.n_foreign < 0 ||
        list.n_foreign > list.n_atoms) {
        throw Error("wrong counts: " + std::to_string(list.n_atoms) + " atoms, " + std::to_string(list.n_foreign) +
                    " of them foreign, " + std::to_string(list.n_edges) + " edges");
    }
    refuse_too_many(list.n_edges);
    const std::int64_t first_foreign = list.n_atoms - list.n_foreign;
    for (std::int64_t i = 0; i < list.n_atoms; ++i) {
        if (list.species[i] < 0 || list.species[i] >= n_species) {
            throw Error("atom " + std::to_string(i) + " has species number " + std::to_string(list.species[i]) +
                        ", the model has " + std::to_string(n_species) + " species");
        }
    }
    for (std::int64_t e = 0; e < list.n_edges; ++e) {
        const std::int64_t i = list.target[e], j = list.source[e];
        const double square = length_squared(list.vector + 3 * e);
        if (i < 0 || i >= list.n_atoms || j < 0 || j >= list.n_atoms) {
            throw Error("edge " + std::to_string(e) + " joins atoms " + std::to_string(j) + " and " +
                        std::to_string(i) + ", but there are " + std::to_string(list.n_atoms) + " atoms");
        }
        if (!std::isfinite(square)) {
            throw Error("the vector of the edge " + std::to_string(j) + " -> " + std::to_string(i) +
                        " is not finite: positions or cell contain NaN or infinity");
        }
        if (square < smallest_distance * smallest_distance) {
            throw Error("atoms " + std::to_string(j) + " and " + std::to_string(i) + " are in the same place");
        }
        if (i >= first_foreign && j >= first_foreign) {
            throw Error("edge " + std::to_string(e) + " joins the foreign atoms " + std::to_string(j) + " and " +
                        std::to_string(i) + "; it belongs to another process");
        }
    }
}

void Graph::build(const EdgeList &list, double cutoff, int n_species) {
    check(list, n_species);
    owned = list.n_atoms - list.n_foreign;
    dropped_.clear();
    do {
        sort_by_target(list, cutoff);
    } while (!match(list, cutoff));
    lay_out(list, cutoff);
}

std::size_t Graph::memory() const {
    return bytes(chunks) + bytes(first) + bytes(count) + bytes(reverse) + bytes(source) + bytes(input) + bytes(vector) +
           bytes(offsets_) + bytes(order_) + bytes(sources_) + bytes(partner_) + bytes(starts_);
}

} // namespace tlmlp::engine
