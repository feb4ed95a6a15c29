#pragma once

// What a tile of edges fetches from elsewhere: rows of its reverse edges, and the species of both atoms.

#include "kernels/layers.h"

namespace {

/// out = rows[reverse[lane]], transposed: channels in the rows, edges in the lanes.
template <class T>
TLMLP_INLINE void gather_lanes(const T *from, const std::int32_t *reverse, int row, int vectors, Lanes<T> out) {
    for (int v = 0; v < vectors; ++v) {
        for (int c = 0; c < row; c += lanes<T>) {
            V<T> rows[lanes<T>];
#pragma GCC unroll 16
            for (int e = 0; e < lanes<T>; ++e) {
                rows[e] = load(from + std::ptrdiff_t(reverse[v * lanes<T> + e]) * row + c);
            }
            transpose<T>(rows);
#pragma GCC unroll 16
            for (int k = 0; k < lanes<T>; ++k) {
                store(out.at(c + k, v * lanes<T>), rows[k]);
            }
        }
    }
}

/// The same without the transposition, for n edges.
template <class T> TLMLP_INLINE void gather_rows(const T *from, const std::int32_t *reverse, int row, int n, T *out) {
    for (int e = 0; e < n; ++e) {
        for (int c = 0; c < row; c += lanes<T>) {
            store(out + std::ptrdiff_t(e) * row + c, load(from + std::ptrdiff_t(reverse[e]) * row + c));
        }
    }
}

/// Asks for the rows that these will read.
template <class T> TLMLP_INLINE void prefetch_gather(const T *from, const std::int32_t *reverse, int row, int n) {
    for (int e = 0; e < n; ++e) {
        for (int c = 0; c < row; c += 64 / int(sizeof(T))) {
            __builtin_prefetch(from + std::ptrdiff_t(reverse[e]) * row + c, 0, 2);
        }
    }
}

/// What the embedding adds to W e: the rows of both atoms' species, for the edges from `lane` on.
template <class T>
TLMLP_INLINE void embed_inputs(const Job<T> &job, const Chunk &chunk, int lane, int n, Lanes<T> out) {
    const Network<T> &net = *job.network;
    const int row = net.sizes.embed_p;
    const std::int32_t *first = job.first + chunk.atom, *count = job.count + chunk.atom;
    for (int a = 0, e = 0; e < n; ++e) {
        while (a + 1 < chunk.atoms && lane + e >= first[a] + count[a]) {
            ++a;
        }
        const T *target = net.embed_target + std::ptrdiff_t(job.species[chunk.atom + a]) * row;
        const T *source = net.embed_source + std::ptrdiff_t(job.species[job.source[chunk.slot + lane + e]]) * row;
        for (int c = 0; c < row; ++c) {
            *out.at(c, e) = target[c] + source[c];
        }
    }
}

} // namespace
