#pragma once

// What the engine keeps of a forward pass: messages, z, A and the adjoints of the output blocks' sums, and, where there is
// room, slopes of the updates. The rest lives in a thread's work space for one chunk, and the reverse pass computes it
// again. The last forward pass turns around at once: its chunk is still in the work space.

#include "kernels/passes.h"

namespace {

template <class T> struct EngineScratch : Scratch<T> {
    // of a chunk
    T *y, *y_slope;              ///< rows [lanes][directional_p], slopes of y's activation
    Lanes<T> kj, kj_slope, gate; ///< embed_p rows; of the last pass the messages and the slopes of the embedding
    T *slopes;                   ///< per tile, slopes() lane arrays
    T *sums;                     ///< [heads][embed_p][chunk_atoms]
    T *layers[3];                ///< of an output block, output_p rows of each
    T *moments;                  ///< rows of one centre, in reverse passes of a moment

    std::ptrdiff_t cut(T *memory, const Sizes &s, int max_lanes, int max_edges_of_atom) {
        Pieces<T> take{memory};
        Scratch<T>::cut(take, s, max_lanes, max_edges_of_atom);
        const std::ptrdiff_t rows = max_lanes + lane_pad, width = tile_width<T>;
        y = take(rows * s.directional_p);
        y_slope = take(rows * s.directional_p);
        kj = {take(rows * s.embed_p), rows};
        kj_slope = {take(rows * s.embed_p), rows};
        gate = {take(rows * s.embed_p), rows};
        slopes = take((max_lanes + width - 1) / width * s.slopes() * s.embed_p * width);
        sums = take(s.heads() * s.embed_p * chunk_atoms);
        for (auto &array : layers) {
            array = take(std::ptrdiff_t(s.output_order().count()) * s.output_p * chunk_atoms);
        }
        moments = take(std::ptrdiff_t(max_edges_of_atom + lane_pad) * s.directional_p);
        return take.used;
    }
};

/// Adjoints of the nodes of an update alone: those of m' and, in the same place, of m, and that of h.
template <class T> struct NodeBars {
    static constexpr bool keeps_inner = false;
    LayerTiles<T> slopes;
    Lanes<T> next_bar, h_bar;

    Lanes<T> slope(int k) const { return slopes.at(k); }
    Lanes<T> message() const { return next_bar; }
    Lanes<T> of(int, network::Node node) const { return node == network::Node::h ? h_bar : next_bar; }
};

template <class T> struct EnginePlaces : ChunkView<T, Job<T>, EngineScratch<T>> {
    using View = ChunkView<T, Job<T>, EngineScratch<T>>;
    using View::job, View::net, View::s, View::chunk, View::w, View::width;
    using View::View;
    static constexpr Keep keep_embedding = Keep::slopes, keep_down_forward = Keep::nothing, keep_down = Keep::slopes;

    Lanes<T> of_chunk(Lanes<T> array, int lane) const { return {array.data + lane, array.ld}; }
    Lanes<T> message(int b, int lane) const {
        return b == s.blocks ? of_chunk(w.kj, lane) : this->embed_at(job.message, b, lane);
    }
    Lanes<T> message_bar(int, int lane) const { return this->embed_at(job.message_bar, 0, lane); }
    KeptTiles<T> embedding(int, int lane) const {
        return {s.blocks == 0 ? of_chunk(w.kj_slope, lane) : w.tile[4], {}, {}};
    }
    Down<T> down(int, int lane) const {
        const std::ptrdiff_t at = std::ptrdiff_t(lane) * s.directional_p;
        return {of_chunk(w.gate, lane),
                {of_chunk(w.kj_slope, lane), {}, of_chunk(w.kj, lane)},
                {},
                w.y + at,
                w.y_slope + at,
                nullptr,
                nullptr};
    }
    Down<T> down_forward(int, int lane) const {
        return {w.tile[1], {}, {}, w.y + std::ptrdiff_t(lane) * s.directional_p, nullptr, nullptr, nullptr};
    }

    T *sums(int k) const { return w.sums + s.head_of(k) * s.embed_p * chunk_atoms; }
    T *sums_bar(int k) const { return job.gradient ? this->atoms_at(job.sums_bar, k) : nullptr; }
    OutputArrays<T> output_arrays(int k) const {
        return {sums(k), sums_bar(k), w.layers[0], w.layers[1], w.layers[2], {w.output[0], w.output[1]}, {}, {}};
    }
    bool with_outputs() const { return !job.energy_bar; } // an atom's own energy has no moment about it

    // ---- the update after block b

    LayerTiles<T> slopes_of(int tile) const {
        return {w.slopes + std::ptrdiff_t(tile) * s.slopes() * s.embed_p * width, s.embed_p, width};
    }
    /// z is gathered to the work space.
    template <Keep keep> void update_to(int b, int lane, int vectors, LayerTiles<T> slopes, Lanes<T> next) const {
        const Lanes<T> z = w.tile[3];
        this->gather(job.z, b, lane, vectors, z);
        update_forward(s, net.interactions[b],
                       NodeTiles<T>{{z, this->embed_at(job.message, b, lane), w.tile[0], w.tile[1], next}},
                       KeptLayers<T, keep>{slopes, {}, &w.queue}, vectors);
    }
    void update(int b, int lane, int vectors, Lanes<T> next) const {
        if (job.gradient && b + 1 == s.blocks) {
            update_to<Keep::slopes>(b, lane, vectors, slopes_of(lane / width), next);
        } else if (job.gradient && job.slopes) {
            update_to<Keep::slopes>(b, lane, vectors, this->layers_at(job.slopes, b, lane), next);
        } else {
            update_to<Keep::nothing>(b, lane, vectors, {}, next);
        }
    }
    NodeBars<T> bars(int b, int lane, int vectors, Lanes<T> g) const {
        LayerTiles<T> slopes = slopes_of(0);
        if (b + 1 == s.blocks && !chunk.foreign) {
            slopes = slopes_of(lane / width);
        } else if (job.slopes && !chunk.foreign) {
            slopes = this->layers_at(job.slopes, b, lane);
        } else {
            update_to<Keep::slopes>(b, lane, vectors, slopes, w.tile[2]);
        }
        return {slopes, g, w.tile[0]};
    }

    // ---- dE/dz

    T *z_bar_out(int) const { return job.z_bar_next; }

    /// dE/dz of the edges that leave an atom, in the order of its own edges.
    const T *z_bar_of(int, int a) const {
        const T *rows = this->rows_at(job.z_bar, 0, this->first()[a]);
        return job.energy_bar ? moved_moments(a, rows) : rows;
    }

    /// Moments count positions from the atom where an edge ends. The edges that leave this atom end at its neighbours:
    /// from here on theirs count from this atom, sum_k (r_k - r_j) = sum_k (r_k - r_i) + (r_i - r_j).
    TLMLP_NOINLINE const T *moved_moments(int a, const T *z_bar) const {
        const int row = s.directional_p, n = this->count()[a], lane = this->first()[a];
        const T *energy_bar = this->rows_at(job.energy_bar, 0, lane);
        for (int p = 0; p < n; ++p) {
            const V<T> along = splat<T>(T(job.vector[3 * (chunk.slot + lane + p) + job.axis]));
            for (int c = 0; c < row; c += lanes<T>) {
                const std::ptrdiff_t at = std::ptrdiff_t(p) * row + c;
                store(w.moments + at, load(z_bar + at) + along * load(energy_bar + at));
            }
        }
        return w.moments;
    }

    T *A_bar_of(int a) const { return job.A_bar + std::ptrdiff_t(chunk.atom + a) * s.harmonics * s.directional_p; }
    const T *received(int a) const {
        return job.touched && job.touched[chunk.atom + a] && !chunk.foreign ? A_bar_of(a) : nullptr;
    }
    void clear_received(int a) const {
        clear(A_bar_of(a), std::ptrdiff_t(s.harmonics) * s.directional_p);
        job.touched[chunk.atom + a] = 0;
    }

    // ---- the functions of the distance

    void distance_functions() const {
        locate<T>(job, chunk, nullptr);
        evaluate_table(job, chunk);
    }
    TableSlopes<T> slopes() const { return {}; }

    // ---- prefetching

    static void next_forward(const View &next, int b, int lane) {
        next.queue_tile(next.job.radial, next.s.radial_p, 0, lane);
        if (b > 0) {
            next.queue_embed(b - 1, lane, {next.job.message});
            next.prefetch_reverse(next.job.z, b - 1, lane);
        }
    }
    void chunk_forward(int b, int tile, int tiles) const {
        if (b < s.blocks) {
            this->queue_share(job.basis, s.basis, tile, tiles);
            this->queue_share(job.harmonics, s.harmonics, tile, tiles);
        }
    }
    static void next_again(const View &next, int b, int lane) {
        next.queue_tile(next.job.radial, next.s.radial_p, 0, lane);
        next.queue_embed(b, lane, {next.job.message});
        next.queue_rows(0, lane, {next.job.z_bar});
    }
    void chunk_again(int b, int tile, int tiles) const { chunk_forward(b, tile, tiles); }
    static void next_reverse(const View &next, int b, int lane) {
        next.queue_embed(0, lane, {next.job.message_bar});
        next.queue_tile(next.job.radial_bar, next.s.radial_p, 0, lane);
        if (b > 0 && b < next.s.blocks) {
            next.prefetch_reverse(next.job.z_bar_next, 0, lane); // the place of z, unless moments are wanted
            if (!next.job.slopes) {
                next.queue_embed(b - 1, lane, {next.job.message});
            }
        }
    }
    void chunk_reverse(int, int, int) const {}
};

} // namespace
