#pragma once

// Output blocks: the gated sum of an atom's messages, s_i[c] = sum_j (W_g e)_ji[c] m_ji[c], then a small network with
// the atoms of the chunk in the lanes, forward and backward in one go: E_i = w . act(W .. act(W W_up s_i + b)).

#include "kernels/layers.h"

namespace {

/// sums[c * chunk_atoms + atom] += sum over the atom's edges of product row c, in a tile of lanes [begin, begin + n).
/// `first`, `count`: lanes of the atoms' edges in the chunk. Edges are added one after the other, with the channels in the
/// lanes, so that the sum of an atom is the same wherever its edges lie in tiles.
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

/// Energies of the chunk's atoms added to `energy`; where s_bar is given, dE/ds in its rows. `work` holds
/// (2 + dense) arrays of output_p * chunk_atoms.
template <class T>
TLMLP_NOINLINE void output_network(const Sizes &s, const OutputBlock<T> &w, const T *sums, int atoms, T *work,
                                   double *energy, T *s_bar) {
    constexpr int width = tile_width<T>;
    using Order = tlmlp::network::OutputOrder;
    const std::ptrdiff_t size = std::ptrdiff_t(s.output_p) * chunk_atoms;
    const int last = s.output_order().count() - 1;
    for (int lane = 0; lane < chunk_atoms && lane < pad_to(atoms, lanes<T>); lane += width) {
        const int left = (pad_to(atoms, lanes<T>) - lane) / lanes<T>;
        const int vectors = left < tile_vectors ? left : tile_vectors;
        const Lanes<T> arrays[2] = {{work + lane, chunk_atoms}, {work + size + lane, chunk_atoms}};
        const auto slope = [=](int k) TLMLP_FINISH { return Lanes<T>{work + (1 + k) * size + lane, chunk_atoms}; };
        Lanes<T> x{const_cast<T *>(sums) + lane, chunk_atoms};
        tlmlp::network::walk_output(s.output_order(), [&](int k) TLMLP_FINISH {
            const Lanes<T> y = arrays[k % 2];
            if (Order::activated(k)) {
                layer_act_keep(w.layers[k], x, y, slope(k), vectors);
            } else {
                layer_linear(w.layers[k], x, y, vectors);
            }
            x = y;
        });
        for (int a = lane; a < atoms && a < lane + vectors * lanes<T>; ++a) {
            double sum = 0.0;
            for (int o = 0; o < s.output; ++o) {
                sum += double(w.last[o]) * double(*x.at(o, a - lane));
            }
            energy[a] += sum;
        }
        if (!s_bar) {
            continue;
        }
        for (int o = 0; o < s.output_p; ++o) {
            for (int v = 0; v < vectors; ++v) {
                V<T> g = splat<T>(w.last[o]);
                if (Order::activated(last)) {
                    g *= load(slope(last).at(o, v * lanes<T>));
                }
                store(x.at(o, v * lanes<T>), g);
            }
        }
        tlmlp::network::walk_output_back(s.output_order(), [&](int k) TLMLP_FINISH {
            const Lanes<T> y = k > 0 ? arrays[(k - 1) % 2] : Lanes<T>{s_bar + lane, chunk_atoms};
            if (k > 0 && Order::activated(k - 1)) {
                back_times(w.layers[k], x, slope(k - 1), y, vectors);
            } else {
                back_linear(w.layers[k], x, y, vectors);
            }
            x = y;
        });
    }
}

} // namespace
