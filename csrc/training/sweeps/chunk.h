#pragma once

// Where one chunk finds its part of every array, and the steps that several sweeps share.

#include "sweeps/geometry.h"
#include "sweeps/heads.h"

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
    TLMLP_INLINE int layers() const { return training::layer_count(s); }
    TLMLP_INLINE T *rows_at(T *array, int block, std::ptrdiff_t lane) const {
        return array + (block * job.slots + chunk.slot + lane) * s.directional_p;
    }
    TLMLP_INLINE T *centre_of(int block, int atom) const {
        return job.centre + (block * job.atoms + chunk.atom + atom) * s.harmonics * s.directional_p;
    }
    TLMLP_INLINE T *atoms_at(T *array, int block) const {
        return array + (block * job.n_chunks + number()) * s.embed_p * chunk_atoms;
    }
    TLMLP_INLINE const std::int32_t *first() const { return job.first + chunk.atom; }
    TLMLP_INLINE const std::int32_t *count() const { return job.count + chunk.atom; }

    /// The message's adjoint in the reverse sweep: that of the last activation which made it.
    TLMLP_INLINE Lanes<T> message_eta(int b, int lane) const {
        return b > 0 ? layer_at(job.eta, b - 1, layers() - 1, lane) : embed_at(job.embed_eta, 0, lane);
    }

    /// out = rows of block `b` of the edges at `lane`'s reverse edges, transposed.
    void gather(const T *array, int b, int lane, int vectors, Lanes<T> out) const {
        const T *block = array + b * job.slots * s.directional_p;
        const int row = s.directional_p;
        for (int v = 0; v < vectors; ++v) {
            const std::int32_t *reverse = job.reverse + chunk.slot + lane + v * lanes<T>;
            for (int c = 0; c < row; c += lanes<T>) {
                V<T> rows[lanes<T>];
#pragma GCC unroll 16
                for (int e = 0; e < lanes<T>; ++e) {
                    rows[e] = load(block + std::ptrdiff_t(reverse[e]) * row + c);
                }
                transpose<T>(rows);
#pragma GCC unroll 16
                for (int k = 0; k < lanes<T>; ++k) {
                    store(out.at(c + k, v * lanes<T>), rows[k]);
                }
            }
        }
    }

    /// The same without the transposition, for `n` edges.
    void gather_rows(const T *array, int b, int lane, int n, T *out) const {
        const T *block = array + b * job.slots * s.directional_p;
        const std::int32_t *reverse = job.reverse + chunk.slot + lane;
        const int row = s.directional_p;
        for (int e = 0; e < n; ++e) {
            for (int c = 0; c < row; c += lanes<T>) {
                store(out + std::ptrdiff_t(e) * row + c, load(block + std::ptrdiff_t(reverse[e]) * row + c));
            }
        }
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

    template <class Body> TLMLP_INLINE void over_tiles(Body &&body) const {
        for (int lane = 0; lane < chunk.lanes; lane += width) {
            body(lane, vectors_at(lane));
        }
    }
    template <class Body> TLMLP_INLINE void over_output(int block, Body &&body) const {
        over_heads<T>(s, job, block, number(), chunk.atoms, body);
    }
};

} // namespace
