#pragma once

// What training keeps of the forward and reverse pass (core/src/kernels/passes.h) for its other sweeps: everything, each
// in an array of all edges.

#include "kernels/passes.h"
#include "sweeps/distance_jets.h"
#include "sweeps/output_sweeps.h"

namespace {

/// The adjoint of every activation; one of a node is that of the activation which made it last.
template <class T> struct KeptBars {
    static constexpr bool keeps_inner = true;
    LayerTiles<T> slopes, bars;
    Lanes<T> below; ///< dE/dm

    Lanes<T> slope(int k) const { return slopes.at(k); }
    Lanes<T> message() const { return below; }
    Lanes<T> of(int k, network::Node) const { return bars.at(k); }
};

template <class T> struct TrainingPlaces : ChunkView<T, training::SweepJob<T>, SweepScratch<T>> {
    using View = ChunkView<T, training::SweepJob<T>, SweepScratch<T>>;
    using View::job, View::net, View::s, View::chunk, View::w;
    using View::View;
    static constexpr Keep keep_embedding = Keep::all, keep_down_forward = Keep::all, keep_down = Keep::all;

    Lanes<T> message(int b, int lane) const { return this->embed_at(job.message, b, lane); }
    /// That of the last activation which made the message.
    Lanes<T> message_bar(int b, int lane) const {
        return b > 0 ? this->layers_at(job.act_bar, b - 1, lane).at(this->layers() - 1)
                     : this->embed_at(job.embed_bar, 0, lane);
    }
    KeptTiles<T> embedding(int, int lane) const {
        return {this->embed_at(job.embed_slope, 0, lane), this->embed_at(job.embed_pre, 0, lane), {}};
    }
    Down<T> down(int b, int lane) const {
        return {w.tile[1],
                {this->embed_at(job.kj_slope, b, lane), this->embed_at(job.kj_pre, b, lane),
                 this->embed_at(job.kj, b, lane)},
                this->embed_at(job.gated_bar, b, lane),
                this->rows_at(job.y, b, lane),
                this->rows_at(job.y_slope, b, lane),
                this->rows_at(job.y_pre, b, lane),
                this->rows_at(job.y_bar, b, lane)};
    }
    Down<T> down_forward(int b, int lane) const { return down(b, lane); }

    T *sums(int k) const { return this->atoms_at(job.sums, k); }
    T *sums_bar(int k) const { return this->atoms_at(job.sums_bar, k); }
    OutputArrays<T> output_arrays(int k) const {
        const std::ptrdiff_t at =
            (k * std::ptrdiff_t(job.n_chunks) + this->number()) * s.output_order().count() * s.output_p * chunk_atoms;
        OutputArrays<T> arrays{sums(k),
                               sums_bar(k),
                               job.output_pre + at,
                               job.output_slope + at,
                               job.output_bar + at,
                               {w.output[0], w.output[1]},
                               nullptr,
                               nullptr};
        if (job.sums_dot) {
            arrays.sums_dot = this->atoms_at(job.sums_dot, k);
            arrays.pre_dot = job.output_pre_dot + at;
        }
        return arrays;
    }
    static constexpr bool with_outputs() { return true; }

    /// The nodes of interaction b's update in the arrays of messages and of h, or of their tangents; z, gathered, and what
    /// is inside residual layers are in the work space.
    NodeTiles<T> nodes(const T *z, T *message, T *h, int b, int lane, int vectors) const {
        this->gather(z, b, lane, vectors, w.tile[1]);
        return {{w.tile[1], this->embed_at(message, b, lane), this->embed_at(h, b, lane), w.tile[0],
                 this->embed_at(message, b + 1, lane)}};
    }
    void update(int b, int lane, int vectors, Lanes<T>) const {
        update_forward(
            s, net.interactions[b], nodes(job.z, job.message, job.h, b, lane, vectors),
            KeptLayers<T, Keep::all>{this->layers_at(job.slopes, b, lane), this->layers_at(job.pre, b, lane), &w.queue},
            vectors);
    }
    KeptBars<T> bars(int b, int lane, int, Lanes<T>) const {
        return {this->layers_at(job.slopes, b, lane), this->layers_at(job.act_bar, b, lane), message_bar(b, lane)};
    }

    /// Block b of an array of adjoints of z, whose rows lie as those of z.
    T *block_of(T *bars, int b) const { return bars + b * job.slots * s.directional_p; }
    T *z_bar_out(int b) const { return block_of(job.z_bars, b); }
    const T *z_bar_of(int b, int a) const { return this->rows_at(job.z_bars, b, this->first()[a]); }
    static constexpr const T *received(int) { return nullptr; }
    static void clear_received(int) {}

    void distance_functions() const { evaluate_distance(job, chunk); }
    KeptSlopes<T> slopes() const { return {job}; }

    CentreJet<T> centre_jet(int b, int atom) const {
        const int lane = this->first()[atom];
        return {this->lanes_at(job.basis, s.basis, lane),
                this->lanes_at(job.basis_slope, s.basis, lane),
                this->lanes_at(job.harmonics, s.harmonics, lane),
                this->lanes_at(job.harmonics_dot, s.harmonics, lane),
                job.distance_dot + chunk.slot + lane,
                this->rows_at(job.y, b, lane),
                this->rows_at(job.y_dot, b, lane),
                this->count()[atom]};
    }

    // ---- prefetching

    /// The next chunk's lane arrays, whose centres come before its tiles: asked for by the last tiles of this one.
    void queue_next_centres(int tile, int tiles, std::initializer_list<std::pair<T *, int>> arrays) const {
        const int of = tiles < 4 ? tiles : 4, part = tile - (tiles - of);
        if (part < 0 || this->number() + 1 >= job.n_chunks) {
            return;
        }
        const View next(job, job.chunks[this->number() + 1], w);
        for (const auto &[array, rows] : arrays) {
            next.queue_share(array, rows, part, of);
        }
    }

    static void next_forward(const View &next, int b, int lane) {
        const auto &job = next.job;
        if (b > 0) {
            next.queue_embed(b - 1, lane, {job.message, job.h});
            next.queue_layers(b - 1, lane, {job.pre, job.slopes});
            next.prefetch_reverse(job.z, b - 1, lane);
        }
        next.queue_tile(job.radial, next.s.radial_p, 0, lane);
        next.queue_embed(b, lane, {job.message});
        if (b < next.s.blocks) {
            next.queue_embed(b, lane, {job.kj_pre, job.kj_slope, job.kj});
            next.queue_rows(b, lane, {job.y, job.y_slope, job.y_pre, job.z});
        }
    }
    void chunk_forward(int b, int tile, int tiles) const {
        if (b < s.blocks) {
            this->queue_share(job.basis, s.basis, tile, tiles);
            this->queue_share(job.harmonics, s.harmonics, tile, tiles);
        }
    }
    static void next_again(const View &, int, int) {}
    void chunk_again(int, int, int) const {}
    static void next_reverse(const View &next, int b, int lane) {
        const auto &job = next.job;
        next.queue_tile(job.radial, next.s.radial_p, 0, lane);
        next.queue_tile(job.radial_bar, next.s.radial_p, 0, lane);
        if (b < next.s.blocks) {
            next.queue_embed(b, lane, {job.kj, job.kj_slope, job.gated_bar});
            next.queue_rows(b, lane, {job.y_bar, job.y_slope});
        }
        next.queue_embed(b, lane, {job.message});
        if (b > 0) {
            next.queue_layers(b - 1, lane, {job.slopes, job.act_bar});
            next.prefetch_reverse(job.z_bars, b - 1, lane);
        }
    }
    void chunk_reverse(int b, int tile, int tiles) const {
        if (b < s.blocks) {
            queue_next_centres(tile, tiles,
                               {{job.basis, s.basis}, {job.harmonics, s.harmonics}, {job.basis_slope, s.basis}});
        }
    }
};

} // namespace
