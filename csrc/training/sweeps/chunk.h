#pragma once

// Where one chunk finds its part of every array, and the steps that several sweeps share.

#include "sweeps/geometry.h"
#include "sweeps/output_block.h"

namespace {

template <class T> struct ChunkView {
    const training::Job<T> &job;
    const training::Network<T> &net;
    const Sizes &s;
    const training::Chunk &chunk;
    Work<T> &w;

    ChunkView(const training::Job<T> &j, const training::Chunk &c, Work<T> &work)
        : job(j), net(*j.network), s(net.sizes), chunk(c), w(work) {}

    static constexpr int width = tile_width<T>;

    TLMLP_INLINE std::ptrdiff_t number() const { return &chunk - job.chunks; }
    TLMLP_INLINE int vectors_at(int lane) const {
        const int left = (chunk.lanes - lane) / lanes<T>;
        return left < tile_vectors ? left : tile_vectors;
    }
    TLMLP_INLINE Lanes<T> lanes_at(T *array, int rows, int lane) const {
        return {array + rows * chunk.slot + lane, chunk.stride};
    }
    /// Tile array number `block` of `rows` rows a piece.
    TLMLP_INLINE Lanes<T> tile_at(T *array, int rows, int block, int lane) const {
        return {array + (block * job.slots + chunk.slot + lane) * rows, vectors_at(lane) * lanes<T>};
    }
    TLMLP_INLINE Lanes<T> embed_at(T *array, int block, int lane) const {
        return tile_at(array, s.embed_p, block, lane);
    }
    /// Layer k of an interaction's update.
    TLMLP_INLINE Lanes<T> layer_at(T *array, int block, int k, int lane) const {
        Lanes<T> all = tile_at(array, layers() * s.embed_p, block, lane);
        return {all.data + std::ptrdiff_t(k) * s.embed_p * all.ld, all.ld};
    }
    TLMLP_INLINE int layers() const { return s.slopes(); }
    /// The nodes of interaction b's update in the arrays of messages and of h; z and what is inside residual layers are
    /// in the work space.
    TLMLP_INLINE NodeTiles<T> nodes(T *message, T *h, int b, int lane) const {
        return {
            {w.tile[1], embed_at(message, b, lane), embed_at(h, b, lane), w.tile[0], embed_at(message, b + 1, lane)}};
    }
    TLMLP_INLINE T *rows_at(T *array, int block, std::ptrdiff_t lane) const {
        return array + (block * job.slots + chunk.slot + lane) * s.directional_p;
    }
    TLMLP_INLINE T *A_of(int block, int atom) const {
        return job.A + (block * job.atoms + chunk.atom + atom) * s.harmonics * s.directional_p;
    }
    TLMLP_INLINE T *atoms_at(T *array, int block) const {
        return array + (block * job.n_chunks + number()) * s.embed_p * chunk_atoms;
    }
    TLMLP_INLINE const std::int32_t *first() const { return job.first + chunk.atom; }
    TLMLP_INLINE const std::int32_t *count() const { return job.count + chunk.atom; }

    /// The message's adjoint in the reverse sweep: that of the last activation which made it.
    TLMLP_INLINE Lanes<T> message_bar(int b, int lane) const {
        return b > 0 ? layer_at(job.act_bar, b - 1, layers() - 1, lane) : embed_at(job.embed_bar, 0, lane);
    }

    const std::int32_t *reverse_at(int lane) const { return job.reverse + chunk.slot + lane; }
    /// Rows of block b at the reverse edges of those at `lane`: out[channel][edge] or out[edge][channel].
    void gather(const T *array, int b, int lane, int vectors, Lanes<T> out) const {
        gather_lanes(array + b * job.slots * s.directional_p, reverse_at(lane), s.directional_p, vectors, out);
    }
    void gather(const T *array, int b, int lane, int n, T *out) const {
        gather_rows(array + b * job.slots * s.directional_p, reverse_at(lane), s.directional_p, n, out);
    }

    CentreJet<T> centre_jet(int b, int atom) const {
        const int lane = first()[atom];
        return {lanes_at(job.basis, s.basis, lane),
                lanes_at(job.basis_slope, s.basis, lane),
                lanes_at(job.harmonics, s.harmonics, lane),
                lanes_at(job.harmonics_dot, s.harmonics, lane),
                job.distance_dot + chunk.slot + lane,
                rows_at(job.y, b, lane),
                rows_at(job.y_dot, b, lane),
                count()[atom]};
    }

    /// sum += the atoms' sums over a tile of `product`.
    void add_sums(Lanes<T> product, int lane, int vectors, T *sum) const {
        segment_sums(product, s.embed_p, lane, vectors * lanes<T>, first(), count(), chunk.atoms, sum);
    }
    void spread_atoms(const T *atoms, int lane, int vectors, Lanes<T> out) const {
        spread(atoms, s.embed_p, lane, vectors * lanes<T>, first(), count(), chunk.atoms, out);
    }

    // ---- prefetching (queue.h): what the tile at `lane` will touch
    void queue_tile(const T *array, int rows, int block, int lane) const {
        const Lanes<T> tile = tile_at(const_cast<T *>(array), rows, block, lane);
        w.queue.add(tile.data, std::size_t(rows) * tile.ld * sizeof(T));
    }
    void queue_embed(int block, int lane, std::initializer_list<const T *> arrays) const {
        for (const T *array : arrays) {
            queue_tile(array, s.embed_p, block, lane);
        }
    }
    void queue_layers(int block, int lane, std::initializer_list<const T *> arrays) const {
        for (const T *array : arrays) {
            queue_tile(array, layers() * s.embed_p, block, lane);
        }
    }
    /// Rows of the tile's edges.
    void queue_rows(int block, int lane, std::initializer_list<T *> arrays) const {
        for (T *array : arrays) {
            w.queue.add(rows_at(array, block, lane),
                        std::size_t(vectors_at(lane)) * lanes<T> * s.directional_p * sizeof(T));
        }
    }
    /// The tile's share, in the order of memory, of whole lane arrays of the chunk, which the centres will read; `of`
    /// tiles share them, and this is number `part`.
    void queue_share(T *array, int rows, int part, int of) const {
        const std::size_t size = std::size_t(rows) * chunk.stride;
        const std::size_t begin = size * part / of, end = size * (part + 1) / of;
        w.queue.add(lanes_of(array, rows, chunk).data + begin, (end - begin) * sizeof(T));
    }
    /// Rows at the reverse edges, at once.
    void prefetch_reverse(const T *array, int block, int lane) const {
        prefetch_reverse(array, block, lane, vectors_at(lane) * lanes<T>);
    }
    void prefetch_reverse(const T *array, int block, int lane, int n) const {
        prefetch_gather(array + block * job.slots * s.directional_p, reverse_at(lane), s.directional_p, n);
    }

    /// Those that the centre after `atom` will gather.
    void prefetch_next_centre(const T *array, int block, int atom) const {
        if (atom + 1 < chunk.atoms) {
            prefetch_reverse(array, block, first()[atom + 1], count()[atom + 1]);
        }
    }

    /// body(lane, vectors) for every tile; before it next_tile(view, lane) lists what the tile after it will touch, be that in
    /// this chunk or the first of the next one, and this_chunk(tile, tiles) what this chunk's centres will.
    template <class NextTile, class ThisChunk, class Body>
    TLMLP_INLINE void over_tiles(NextTile &&next_tile, ThisChunk &&this_chunk, Body &&body) const {
        const int tiles = (chunk.lanes + width - 1) / width;
        for (int lane = 0; lane < chunk.lanes; lane += width) {
            w.queue.clear();
            this_chunk(lane / width, tiles);
            if (lane + width < chunk.lanes) {
                next_tile(*this, lane + width);
            } else if (number() + 1 < job.n_chunks && job.chunks[number() + 1].lanes > 0) {
                next_tile(ChunkView(job, job.chunks[number() + 1], w), 0);
            }
            body(lane, vectors_at(lane));
        }
    }
    /// The next chunk's lane arrays, whose centres come before its tiles: asked for by the last tiles of this one.
    void queue_next_centres(int tile, int tiles, std::initializer_list<std::pair<T *, int>> arrays) const {
        const int of = tiles < 4 ? tiles : 4, part = tile - (tiles - of);
        if (part < 0 || number() + 1 >= job.n_chunks) {
            return;
        }
        const ChunkView next(job, job.chunks[number() + 1], w);
        for (const auto &[array, rows] : arrays) {
            next.queue_share(array, rows, part, of);
        }
    }
    template <class Body> TLMLP_INLINE void over_output(int block, Body &&body) const {
        over_output_tiles<T>(s, job, block, number(), chunk.atoms, body);
    }
};

} // namespace
