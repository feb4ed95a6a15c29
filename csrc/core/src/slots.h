#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "layout.h"

namespace tlmlp::engine {

/// Atoms and their edges in the order of layout.h.
struct Slots {
    std::vector<Chunk> chunks;
    std::vector<std::int32_t> first, count; ///< per atom: lane of its first edge in the chunk, number of edges
    std::vector<std::int32_t> reverse;      ///< per slot
    std::vector<std::int32_t> source;       ///< per slot
    std::vector<std::int64_t> input;        ///< per slot: index in the caller's list, -1 for dummies
    std::vector<double> vector;             ///< per slot, nm
    std::int64_t slots = 0;
    int max_lanes = 0, max_edges_of_atom = 0;

    /// Puts atoms into chunks, `count` being known; those from `owned` on are foreign.
    void place_atoms(std::int64_t owned) {
        const auto n_atoms = static_cast<std::int32_t>(count.size());
        chunks.clear();
        first.resize(count.size());
        slots = 0;
        max_lanes = max_edges_of_atom = 0;
        for (std::int32_t i = 0; i < n_atoms;) {
            Chunk chunk{slots, i, 0, 0, 0, 0, i >= owned};
            const auto end = static_cast<std::int32_t>(chunk.foreign ? n_atoms : owned);
            const int most = chunk.foreign ? foreign_chunk_atoms : chunk_atoms;
            while (i < end && chunk.atoms < most && (chunk.atoms == 0 || chunk.edges < chunk_edges)) {
                first[i] = chunk.edges;
                chunk.edges += count[i];
                max_edges_of_atom = std::max(max_edges_of_atom, count[i]);
                ++chunk.atoms;
                ++i;
            }
            chunk.lanes = pad_to(chunk.edges, lane_pad);
            chunk.stride = chunk.lanes + lane_pad;
            max_lanes = std::max(max_lanes, chunk.lanes);
            slots += chunk.stride;
            chunks.push_back(chunk);
        }
    }

    /// Puts edges into slots, all but `reverse` of real ones: place(k, slot) is the number, in the caller's arrays, of the k-th
    /// edge in the order of atoms. Lengths times `scale` are nm. Dummies are ordinary edges of this length.
    template <class Place>
    void place_edges(const std::int64_t *sources, const double *vectors, double scale, double dummy, Place &&place) {
        const auto n = static_cast<std::size_t>(slots);
        reverse.resize(n);
        source.resize(n);
        input.resize(n);
        vector.resize(3 * n);
        std::int64_t k = 0;
        for (const Chunk &chunk : chunks) {
            std::int64_t slot = chunk.slot;
            for (; slot < chunk.slot + chunk.edges; ++slot) {
                const std::int64_t e = place(k++, slot);
                input[slot] = e;
                source[slot] = static_cast<std::int32_t>(sources[e]);
                for (int x = 0; x < 3; ++x) {
                    vector[3 * slot + x] = scale * vectors[3 * e + x];
                }
            }
            for (; slot < chunk.slot + chunk.stride; ++slot) {
                input[slot] = -1;
                source[slot] = chunk.atom;
                reverse[slot] = static_cast<std::int32_t>(slot);
                vector[3 * slot] = vector[3 * slot + 1] = 0.0;
                vector[3 * slot + 2] = dummy;
            }
        }
    }

    /// A job on this graph, without its arrays.
    template <class T> Job<T> job(const Network<T> &network, const std::int32_t *species) const {
        Job<T> job;
        job.network = &network;
        job.chunks = chunks.data();
        job.first = first.data();
        job.count = count.data();
        job.reverse = reverse.data();
        job.species = species;
        job.source = source.data();
        job.vector = vector.data();
        job.slots = slots;
        job.atoms = static_cast<std::int64_t>(first.size());
        job.n_chunks = static_cast<std::int64_t>(chunks.size());
        return job;
    }
};

} // namespace tlmlp::engine
