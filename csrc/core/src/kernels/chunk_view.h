#pragma once

// Where one chunk finds its part of every array, and the steps that several passes share.

#include "kernels/gather.h"
#include "kernels/scratch.h"

namespace {

/// Job and work space are the engine's, or those of training, which have more arrays.
template <class T, class Job, class Work> struct ChunkView {
    using Scalar = T;
    const Job &job;
    const Network<T> &net;
    const Sizes &s;
    const Chunk &chunk;
    Work &w;

    ChunkView(const Job &j, const Chunk &c, Work &work) : job(j), net(*j.network), s(net.sizes), chunk(c), w(work) {}

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
    TLMLP_INLINE int layers() const { return s.slopes(); }
    /// All layers of an interaction's update.
    TLMLP_INLINE LayerTiles<T> layers_at(T *array, int block, int lane) const {
        const Lanes<T> all = tile_at(array, layers() * s.embed_p, block, lane);
        return {all.data, s.embed_p, all.ld};
    }
    TLMLP_INLINE Lanes<T> radial(int lane) const { return tile_at(job.radial, s.radial_p, 0, lane); }
    TLMLP_INLINE Lanes<T> radial_bar(int lane) const { return tile_at(job.radial_bar, s.radial_p, 0, lane); }
    template <class Row> TLMLP_INLINE Row *rows_at(Row *array, int block, std::ptrdiff_t lane) const {
        return array + (block * job.slots + chunk.slot + lane) * s.directional_p;
    }
    TLMLP_INLINE T *A_of(int block, int atom) const {
        return job.A + (block * job.atoms + chunk.atom + atom) * s.harmonics * s.directional_p;
    }
    TLMLP_INLINE T *atoms_at(T *array, int block) const {
        return array + (block * job.n_chunks + number()) * s.embed_p * chunk_atoms;
    }
    /// The numbers of output block k's head, of the chunk's atoms.
    TLMLP_INLINE double *values(int k) const { return job.head_value + s.head_of(k) * job.atoms + chunk.atom; }
    TLMLP_INLINE const std::int32_t *first() const { return job.first + chunk.atom; }
    TLMLP_INLINE const std::int32_t *count() const { return job.count + chunk.atom; }

    TLMLP_INLINE const std::int32_t *reverse_at(int lane) const { return job.reverse + chunk.slot + lane; }
    /// Rows of block b at the reverse edges of those at `lane`: out[channel][edge] or out[edge][channel].
    void gather(const T *array, int b, int lane, int vectors, Lanes<T> out) const {
        gather_lanes(array + b * job.slots * s.directional_p, reverse_at(lane), s.directional_p, vectors, out);
    }
    void gather(const T *array, int b, int lane, int n, T *out) const {
        gather_rows(array + b * job.slots * s.directional_p, reverse_at(lane), s.directional_p, n, out);
    }

    /// sum += the atoms' sums over a tile of `product`.
    void add_sums(Lanes<T> product, int lane, int vectors, T *sum) const {
        segment_sums(product, s.embed_p, lane, vectors * lanes<T>, first(), count(), chunk.atoms, sum);
    }
    void spread_atoms(const T *atoms, int lane, int vectors, Lanes<T> out) const {
        spread(atoms, s.embed_p, lane, vectors * lanes<T>, first(), count(), chunk.atoms, out);
    }

    // ---- prefetching (prefetch.h): what the tile at `lane` will touch
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
    void queue_rows(int block, int lane, std::initializer_list<const T *> arrays) const {
        for (const T *array : arrays) {
            w.queue.add(rows_at(array, block, lane),
                        std::size_t(vectors_at(lane)) * lanes<T> * s.directional_p * sizeof(T));
        }
    }
    /// The tile's share, in the order of memory, of whole lane arrays of the chunk, which the centres will read; `of`
    /// tiles share them, and this is number `part`.
    void queue_share(T *array, int rows, int part, int of) const {
        const std::size_t size = std::size_t(rows) * chunk.stride;
        const std::size_t begin = size * part / of, end = size * (part + 1) / of;
        w.queue.add(array + rows * chunk.slot + begin, (end - begin) * sizeof(T));
    }
    /// Rows at the reverse edges, at once.
    void prefetch_reverse(const T *array, int block, int lane) const {
        prefetch_reverse(array, block, lane, vectors_at(lane) * lanes<T>);
    }
    void prefetch_reverse(const T *array, int block, int lane, int n) const {
        prefetch_gather(array + block * job.slots * s.directional_p, reverse_at(lane), s.directional_p, n);
    }

    /// body(lane, vectors) for every tile. Before it, next_tile(view, lane) lists what the tile after it will touch, in this
    /// chunk or at the start of the next one. this_chunk(tile, tiles) lists what this chunk's centres will touch.
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
            if constexpr (asks_at_once<T>) {
                w.queue.drain();
            }
            body(lane, vectors_at(lane));
        }
    }
};

} // namespace
