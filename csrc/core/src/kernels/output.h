#pragma once

// Output blocks. First the gated sum of an atom's messages: s_i[c] = sum_j (W_g e)_ji[c] m_ji[c]. Then a small network
// with the atoms of the chunk in the lanes: a number of each atom, w . act(W .. act(W W_up s_i + b)). Its layers are those of
// network::OutputOrder.

#include "kernels/layers.h"

namespace {

/// sums[c * chunk_atoms + atom] += sum over the atom's edges of product row c, in a tile of lanes [begin, begin + n).
/// `first`, `count`: lanes of the atoms' edges in the chunk. Edges are added one after the other, with the channels in the
/// lanes. So the sum of an atom is the same wherever its edges lie in tiles.
template <class T>
TLMLP_NOINLINE void segment_sums(Lanes<T> product, int rows, int begin, int n, const std::int32_t *first,
                                 const std::int32_t *count, int atoms, T *sums) {
    for (int atom = 0; atom < atoms; ++atom) {
        const int from = first[atom] > begin ? first[atom] - begin : 0;
        const int to_end = first[atom] + count[atom] - begin;
        const int to = to_end < n ? to_end : n;
        if (from >= to) {
            continue;
        }
        for (int c = 0; c < rows; c += lanes<T>) {
            const int valid = rows - c < lanes<T> ? rows - c : lanes<T>;
            V<T> total = {};
            for (int k = 0; k < valid; ++k) {
                total[k] = sums[(c + k) * chunk_atoms + atom];
            }
            for (int lane = from; lane < to; lane += lanes<T>) {
                V<T> edge[lanes<T>];
#pragma GCC unroll 16
                for (int k = 0; k < lanes<T>; ++k) {
                    edge[k] = k < valid ? load(product.at(c + k, lane)) : V<T>{};
                }
                transpose<T>(edge);
                for (int e = 0; e < lanes<T> && lane + e < to; ++e) {
                    total += edge[e];
                }
            }
            for (int k = 0; k < valid; ++k) {
                sums[(c + k) * chunk_atoms + atom] = total[k];
            }
        }
    }
}

/// bar[c][lane] = s_bar[c][atom of the lane] for the tile's lanes, 0 for dummy edges.
template <class T>
TLMLP_NOINLINE void spread(const T *s_bar, int rows, int begin, int n, const std::int32_t *first,
                           const std::int32_t *count, int atoms, Lanes<T> bar) {
    for (int atom = 0; atom <= atoms; ++atom) {
        const int start = atom < atoms ? first[atom] : first[atoms - 1] + count[atoms - 1];
        const int end = atom < atoms ? start + count[atom] : begin + n;
        const int from = start > begin ? start - begin : 0;
        const int to = end - begin < n ? end - begin : n;
        for (int c = 0; c < rows && from < to; ++c) {
            const V<T> value = splat<T>(atom < atoms ? s_bar[c * chunk_atoms + atom] : T(0));
            for (int lane = from; lane < to; lane += lanes<T>) {
                store(bar.at(c, lane), value); // may run into the next atom's lanes, which are written after
            }
        }
    }
}

namespace network = tlmlp::network;

/// Arrays of one block and chunk; rows have chunk_atoms atoms. Those of the layers hold output_p rows of each; the slope of
/// a layer without activation is not used.
template <class T> struct OutputArrays {
    T *sums, *sums_bar;    ///< embed_p rows: s and dE/ds
    T *pre, *slope, *bar;  ///< of the layers; `bar` is the adjoint of a layer's result
    T *work[2];            ///< output_p rows
    T *sums_dot, *pre_dot; ///< tangents, in training alone
};

/// A group of lanes that fills a tile.
template <class T> struct OutputTile {
    const Sizes &s;
    const OutputBlock<T> &w;
    OutputArrays<T> arrays;
    int lane, vectors;

    network::OutputOrder order() const { return s.output_order(); }
    int last() const { return order().count() - 1; }
    Lanes<T> atoms(T *array) const { return {array + lane, chunk_atoms}; }
    /// Layer k's part of an array of all layers.
    Lanes<T> layer(T *array, int k) const { return atoms(array + std::ptrdiff_t(k) * s.output_p * chunk_atoms); }
};

/// body(tile) for all atoms of a chunk.
template <class T, class Body>
TLMLP_INLINE void over_output(const Sizes &s, const OutputBlock<T> &w, const OutputArrays<T> &arrays, int atoms,
                              Body &&body) {
    const int padded = pad_to(atoms, lanes<T>);
    for (int lane = 0; lane < padded; lane += tile_width<T>) {
        const int left = (padded - lane) / lanes<T>;
        body(OutputTile<T>{s, w, arrays, lane, left < tile_vectors ? left : tile_vectors});
    }
}

/// The head's numbers, added to `values`.
template <class T> void output_forward(const OutputTile<T> &h, int atoms, double *values, PrefetchQueue *queue) {
    const OutputArrays<T> &arrays = h.arrays;
    Lanes<T> x = h.atoms(arrays.sums);
    network::walk_output(h.order(), [&](int k) {
        const Lanes<T> pre = h.layer(arrays.pre, k);
        if (network::OutputOrder::activated(k)) {
            const Lanes<T> y = h.atoms(arrays.work[k % 2]);
            layer_act<Keep::all, With::nothing>(h.w.layers[k], x, {}, {h.layer(arrays.slope, k), pre, {}}, y, h.vectors,
                                                queue);
            x = y;
        } else {
            layer_linear(h.w.layers[k], x, pre, h.vectors);
            x = pre;
        }
    });
    for (int a = h.lane; a < atoms && a < h.lane + h.vectors * lanes<T>; ++a) {
        double sum = 0.0;
        for (int o = 0; o < h.s.output; ++o) {
            sum += double(h.w.last[o]) * double(*x.at(o, a - h.lane));
        }
        values[a] += sum;
    }
}

/// Adjoints of the layers' results and dE/ds.
template <class T> void output_backward(const OutputTile<T> &h) {
    const OutputArrays<T> &arrays = h.arrays;
    const Lanes<T> last = h.layer(arrays.bar, h.last());
    for (int o = 0; o < h.s.output_p; ++o) {
        for (int v = 0; v < h.vectors; ++v) {
            store(last.at(o, v * lanes<T>), splat<T>(h.w.of_energy ? h.w.last[o] : T(0)));
        }
    }
    network::walk_output_back(h.order(), [&](int k) {
        Lanes<T> pre_bar = h.layer(arrays.bar, k);
        if (network::OutputOrder::activated(k)) {
            pre_bar = h.atoms(arrays.work[0]);
            multiply(h.layer(arrays.bar, k), h.layer(arrays.slope, k), pre_bar, h.s.output_p, h.vectors);
        }
        back_linear(h.w.layers[k], pre_bar, k > 0 ? h.layer(arrays.bar, k - 1) : h.atoms(arrays.sums_bar), h.vectors);
    });
}

} // namespace
