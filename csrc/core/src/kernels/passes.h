#pragma once

// The passes over chunks that the engine runs, with a barrier between two passes (all chunks of one before any of the
// next). Forward pass b = 0..blocks: finish the messages m_b of the chunk's edges, add output block b, and, if a block
// follows, build its y, its A_j and the z of the edges that leave the chunk's atoms. The last forward pass turns
// around at once: output gradient, then back through the update it has just computed. Reverse pass b = blocks-1..0
// mirrors forward pass b and recomputes its activations; the last one ends at dE/dvector.

#include "kernels/geometry.h"
#include "kernels/gather.h"
#include "kernels/scratch.h"

namespace {

template <class T> struct Pass {
    const Job<T> &job;
    const Network<T> &net;
    const Sizes &s;
    const Chunk &chunk;
    Scratch<T> &w;

    Pass(const Job<T> &j, const Chunk &c, Scratch<T> &scratch)
        : job(j), net(*j.network), s(net.sizes), chunk(c), w(scratch) {}

    static constexpr int width = tile_width<T>;

    TLMLP_INLINE int tile_vectors_at(int lane) const {
        const int left = (chunk.lanes - lane) / lanes<T>;
        return left < tile_vectors ? left : tile_vectors;
    }
    TLMLP_INLINE Lanes<T> rows_at(T *array, int rows, int lane) const {
        return {array + rows * chunk.slot + lane, chunk.stride};
    }
    /// Arrays that only tiles touch keep each tile's rows together: a tile is one stretch of memory.
    TLMLP_INLINE Lanes<T> tile_at(T *array, int rows, int lane) const {
        return {array + rows * (chunk.slot + lane), tile_vectors_at(lane) * lanes<T>};
    }
    TLMLP_INLINE Lanes<T> message(int block, int lane) const {
        return tile_at(job.message + block * job.slots * s.embed_p, s.embed_p, lane);
    }
    TLMLP_INLINE Lanes<T> message_bar(int lane) const { return tile_at(job.message_bar, s.embed_p, lane); }
    TLMLP_INLINE Lanes<T> radial(int lane) const { return rows_at(job.radial, s.radial_p, lane); }
    TLMLP_INLINE T *z_rows(int block) const { return job.z + block * job.slots * s.directional_p; }
    TLMLP_INLINE T *A_of(int block, int atom) const {
        return job.A + (block * job.atoms + atom) * s.harmonics * s.directional_p;
    }
    TLMLP_INLINE T *A_bar_of(int atom) const {
        return job.A_bar + std::ptrdiff_t(atom) * s.harmonics * s.directional_p;
    }
    TLMLP_INLINE T *atom_gradient(int block) const {
        return job.atom_gradient + (block * job.padded_atoms + chunk_atoms * (&chunk - job.chunks)) * s.embed_p;
    }
    /// Slopes of the update after `block`, kept in the work space or, where there is room, for the way back.
    TLMLP_INLINE Slopes<T> slopes_of(int tile) const {
        return {w.slopes + std::ptrdiff_t(tile) * s.slopes() * s.embed_p * width, s.embed_p, width};
    }
    TLMLP_INLINE Slopes<T> kept_slopes(int block, int lane) const {
        const Lanes<T> rows =
            tile_at(job.slopes + block * job.slots * s.slopes() * s.embed_p, s.slopes() * s.embed_p, lane);
        return {rows.data, s.embed_p, rows.ld};
    }
    /// The nodes of the update after `block`, z gathered before.
    TLMLP_INLINE NodeTiles<T> nodes(int block, int lane, Lanes<T> next) const {
        return {{w.z, message(block, lane), w.tile[0], w.tile[1], next}};
    }
    TLMLP_INLINE const std::int32_t *first() const { return job.first + chunk.atom; }
    TLMLP_INLINE const std::int32_t *count() const { return job.count + chunk.atom; }

    // ---- prefetching. A tile or a centre touches a few cache lines of every one of some hundred rows, too many
    // streams for the processor to see; so each tile asks for what the next one reads, and for the rows of its own lanes
    // that the centres will read afterwards.

    TLMLP_INLINE void prefetch(const T *array, int rows, int lane) const {
        if (lane >= chunk.lanes) {
            return;
        }
        constexpr int line = 64 / int(sizeof(T));
        const T *begin = array + rows * chunk.slot + lane;
        for (int c = 0; c < rows; ++c) {
            for (int k = 0; k < width; k += line) {
                __builtin_prefetch(begin + std::ptrdiff_t(c) * chunk.stride + k, 0, 2);
            }
        }
    }

    TLMLP_INLINE void prefetch_tile(const T *array, int rows, int lane) const {
        const T *begin = array + rows * (chunk.slot + lane);
        for (int k = 0; k < rows * width; k += 64 / int(sizeof(T))) {
            __builtin_prefetch(begin + k, 0, 2);
        }
    }

    TLMLP_INLINE void prefetch_message(int block, int lane) const {
        prefetch_tile(job.message + block * job.slots * s.embed_p, s.embed_p, lane);
    }

    /// The rows at the reverse edges of the tile at `lane`.
    TLMLP_INLINE void prefetch_reverse(const T *rows, int lane) const {
        const int end = lane + width < chunk.lanes ? lane + width : chunk.lanes;
        prefetch_gather(rows, job.reverse + chunk.slot + lane, s.directional_p, end - lane);
    }
    TLMLP_INLINE void prefetch_z(int block, int lane) const { prefetch_reverse(z_rows(block), lane); }
    TLMLP_INLINE void prefetch_bars(int lane) const { prefetch_reverse(job.z_bar, lane); }

    /// The tile's share of a whole lane array of the chunk, in the order of memory.
    TLMLP_INLINE void prefetch_share(const T *array, int rows, int lane) const {
        const std::ptrdiff_t size = std::ptrdiff_t(rows) * chunk.stride;
        const T *begin = array + rows * chunk.slot;
        const std::ptrdiff_t tiles = (chunk.lanes + width - 1) / width, tile = lane / width;
        for (std::ptrdiff_t k = size * tile / tiles; k < size * (tile + 1) / tiles; k += 64 / int(sizeof(T))) {
            __builtin_prefetch(begin + k, 0, 2);
        }
    }

    TLMLP_INLINE void prefetch_centres(int lane) const {
        prefetch_share(job.basis, s.basis, lane);
        prefetch_share(job.harmonics, s.harmonics, lane);
    }

    // ---- embedding: m_0 = act(t[species_i] + s[species_j] + W e), both matrices of the embedding multiplied out

    void embed(int lane, int vectors, Lanes<T> out, Lanes<T> slope) const {
        embed_inputs(job, chunk, lane, vectors * lanes<T>, out);
        embedding_layer(net.embed_radial, radial(lane), out, slope, vectors);
    }

    TLMLP_NOINLINE static void embedding_layer(const Dense<T> &layer, Lanes<T> e, Lanes<T> out, Lanes<T> slope,
                                               int vectors) {
        dense(layer, e.data, e.ld, vectors, [=](int o, int lane, V<T> a) TLMLP_FINISH {
            const auto value = act_slope<T>(a + load(out.at(o, lane)));
            store(out.at(o, lane), value.value);
            store(slope.at(o, lane), value.slope);
        });
    }

    // ---- directional sum

    void gather_z(int block, int lane, int vectors) const {
        gather_lanes(z_rows(block), job.reverse + chunk.slot + lane, s.directional_p, vectors, w.z);
    }

    /// y = act(W_down (act(W_kj m + b) * gate)) as rows.
    void messages_down(int block, int lane, int vectors, Lanes<T> m) const {
        const Interaction<T> &layer = net.interactions[block];
        const Lanes<T> x = w.tile[0], gate = w.tile[1];
        layer_linear(layer.gate, radial(lane), gate, vectors);
        layer_act_times(layer.kj, m, gate, x, vectors);
        T *y = w.y + std::ptrdiff_t(lane) * s.directional_p;
        dense_rows(x.data, x.ld, vectors * lanes<T>, layer.down.in, s.directional_p, layer.down.rows,
                   [y, row = s.directional_p](int e, int c, V<T> a)
                       TLMLP_FINISH { store(y + std::ptrdiff_t(e) * row + c, act<T>(a)); });
    }

    void messages_down_keep(int block, int lane, int vectors, Lanes<T> m) const {
        const Interaction<T> &layer = net.interactions[block];
        const Lanes<T> x = w.tile[0], gate{w.gate.data + lane, w.gate.ld}, kj{w.kj.data + lane, w.kj.ld};
        layer_linear(layer.gate, radial(lane), gate, vectors);
        layer_act_times_keep(layer.kj, m, gate, kj, {w.kj_slope.data + lane, w.kj_slope.ld}, x, vectors);
        T *y = w.y + std::ptrdiff_t(lane) * s.directional_p;
        T *slope = w.y_slope + std::ptrdiff_t(lane) * s.directional_p;
        dense_rows(x.data, x.ld, vectors * lanes<T>, layer.down.in, s.directional_p, layer.down.rows,
                   [y, slope, row = s.directional_p](int e, int c, V<T> a) TLMLP_FINISH {
                       const auto value = act_slope<T>(a);
                       store(y + std::ptrdiff_t(e) * row + c, value.value);
                       store(slope + std::ptrdiff_t(e) * row + c, value.slope);
                   });
    }

    Centre<T> centre_at(int atom) const {
        const int lane = first()[atom];
        return {rows_at(job.basis, s.basis, lane), rows_at(job.harmonics, s.harmonics, lane),
                w.y + std::ptrdiff_t(lane) * s.directional_p, count()[atom]};
    }

    void centres_forward(int block) const {
        const Interaction<T> &layer = net.interactions[block];
        for (int a = 0; a < chunk.atoms; ++a) {
            directional_forward(s, layer.radial, net.legendre, centre_at(a), w.products, w.harmonics,
                                A_of(block, chunk.atom + a),
                                z_rows(block) + (chunk.slot + first()[a]) * s.directional_p);
        }
    }

    /// dE/dz of the edges that leave an atom, in the order of its own edges.
    TLMLP_INLINE void gather_z_bar(int a) const {
        gather_rows(job.z_bar, job.reverse + chunk.slot + first()[a], s.directional_p, count()[a], w.z_bar);
        if (job.energy_bar) {
            move_moments(a);
        }
    }

    /// Moments count positions from the atom where an edge ends. The edges that leave this atom end at its neighbours:
    /// from here on theirs count from this atom, sum_k (r_k - r_j) = sum_k (r_k - r_i) + (r_i - r_j).
    TLMLP_NOINLINE void move_moments(int a) const {
        const int row = s.directional_p, n = count()[a];
        const std::int64_t begin = chunk.slot + first()[a];
        for (int p = 0; p < n; ++p) {
            const V<T> along = splat<T>(T(job.vector[3 * (begin + p) + job.axis]));
            const T *energy_bar = job.energy_bar + std::ptrdiff_t(job.reverse[begin + p]) * row;
            for (int c = 0; c < row; c += lanes<T>) {
                T *z_bar = w.z_bar + std::ptrdiff_t(p) * row + c;
                store(z_bar, load(z_bar) + along * load(energy_bar + c));
            }
        }
    }

    void clear_A_bar(int atom) const {
        clear(A_bar_of(atom), std::ptrdiff_t(s.harmonics) * s.directional_p);
        job.touched[atom] = 0;
    }

    void centres_backward(int block) const {
        const Interaction<T> &layer = net.interactions[block];
        for (int a = 0; a < chunk.atoms; ++a) {
            const int lane = first()[a];
            gather_z_bar(a);
            const bool received = job.touched && job.touched[chunk.atom + a] && !chunk.foreign;
            directional_backward(s, layer.radial, net.legendre, centre_at(a), A_of(block, chunk.atom + a), w.z_bar,
                                 !chunk.foreign, received ? A_bar_of(chunk.atom + a) : nullptr, w.centre,
                                 {w.y_bar.data + lane, w.y_bar.ld}, {w.basis_bar.data + lane, w.basis_bar.ld},
                                 {w.harmonics_bar.data + lane, w.harmonics_bar.ld});
            if (received) {
                clear_A_bar(chunk.atom + a);
            }
        }
    }

    /// From y_bar to the message's adjoint g (added to) and the radial basis's.
    void messages_down_backward(int block, int lane, int vectors, Lanes<T> g) const {
        const Interaction<T> &layer = net.interactions[block];
        const Lanes<T> y_bar{w.y_bar.data + lane, w.y_bar.ld}, x = w.tile[1], t = w.tile[2];
        const Lanes<T> kj{w.kj.data + lane, w.kj.ld}, gate{w.gate.data + lane, w.gate.ld};
        const int row = s.directional_p;
        for (int v = 0; v < vectors; ++v) {
            const T *slope = w.y_slope + std::ptrdiff_t(lane + v * lanes<T>) * row;
            for (int c = 0; c < row; c += lanes<T>) {
                V<T> rows[lanes<T>];
#pragma GCC unroll 16
                for (int e = 0; e < lanes<T>; ++e) {
                    rows[e] = load(slope + std::ptrdiff_t(e) * row + c);
                }
                transpose<T>(rows);
#pragma GCC unroll 16
                for (int k = 0; k < lanes<T>; ++k) {
                    store(y_bar.at(c + k, v * lanes<T>), load(y_bar.at(c + k, v * lanes<T>)) * rows[k]);
                }
            }
        }
        back_gated(layer.down, y_bar, kj, gate, {w.kj_slope.data + lane, w.kj_slope.ld}, t, x, vectors);
        back_add(layer.gate, x, rows_at(job.radial_bar, s.radial_p, lane), vectors);
        back_add(layer.kj, t, g, vectors);
    }

    // ---- output blocks

    void output_sums(int block, int lane, int vectors, Lanes<T> m) const {
        const Lanes<T> gate = w.tile[1];
        layer_times(net.outputs[block].gate, radial(lane), m, gate, vectors);
        segment_sums(gate, s.embed_p, lane, vectors * lanes<T>, first(), count(), chunk.atoms, w.sums);
    }

    void output_atoms(int block) const {
        output_network(s, net.outputs[block], w.sums, chunk.atoms, w.output, job.atom_energy + chunk.atom,
                       job.gradient ? atom_gradient(block) : nullptr);
    }

    /// g += gate * s_bar, and the adjoint of the gate on to the radial basis.
    void output_backward(int block, int lane, int vectors, Lanes<T> m, Lanes<T> g) const {
        const Lanes<T> gate = w.tile[1];
        const OutputBlock<T> &layer = net.outputs[block];
        spread(atom_gradient(block), s.embed_p, lane, vectors * lanes<T>, first(), count(), chunk.atoms, w.spread);
        layer_gate_back(layer.gate, radial(lane), w.spread, m, g, gate, vectors);
        back_add(layer.gate, gate, rows_at(job.radial_bar, s.radial_p, lane), vectors);
    }

    // ---- passes

    void clear(T *array, std::ptrdiff_t n) const {
        for (std::ptrdiff_t i = 0; i < n; ++i) {
            array[i] = T(0);
        }
    }

    void geometry() const {
        locate(job, chunk);
        evaluate_table(job, chunk);
        evaluate_harmonics<T>(job, chunk);
        for (int a = 0; a < chunk.atoms; ++a) {
            job.atom_energy[chunk.atom + a] = 0.0;
        }
        if (job.gradient) {
            clear(lanes_of(job.radial_bar, s.radial_p, chunk).data, std::ptrdiff_t(s.radial_p) * chunk.stride);
            clear(lanes_of(job.geometry_bar, 4, chunk).data, std::ptrdiff_t(4) * chunk.stride);
        }
    }

    void forward(int b) const {
        const bool last = b == s.blocks, keep = job.gradient && (last || job.slopes);
        if (b == 0) {
            geometry();
        }
        clear(w.sums, std::ptrdiff_t(s.embed_p) * chunk_atoms);
        for (int lane = 0; lane < chunk.lanes; lane += width) {
            const int vectors = tile_vectors_at(lane);
            // The last messages stay in the chunk's work space for the way back.
            prefetch(job.radial, s.radial_p, lane + width);
            if (b > 0) {
                prefetch_message(b - 1, lane + width);
                prefetch_z(b - 1, lane + width);
                if (!last) {
                    prefetch_centres(lane);
                }
            }
            const Lanes<T> m = last ? Lanes<T>{w.kj.data + lane, w.kj.ld} : message(b, lane);
            if (b == 0) {
                embed(lane, vectors, m, last ? Lanes<T>{w.kj_slope.data + lane, w.kj_slope.ld} : w.tile[2]);
            } else {
                gather_z(b - 1, lane, vectors);
                const Interaction<T> &layer = net.interactions[b - 1];
                if (keep) {
                    update_forward(s, layer, nodes(b - 1, lane, m),
                                   KeepSlopes<T>{last ? slopes_of(lane / width) : kept_slopes(b - 1, lane)}, vectors);
                } else {
                    update_forward(s, layer, nodes(b - 1, lane, m), KeepNothing<T>(), vectors);
                }
            }
            output_sums(b, lane, vectors, m);
            if (!last) {
                messages_down(b, lane, vectors, m);
            }
        }
        output_atoms(b);
        if (!last) {
            centres_forward(b);
        } else if (job.gradient) {
            turn(b);
        }
    }

    void turn(int b) const {
        for (int lane = 0; lane < chunk.lanes; lane += width) {
            const int vectors = tile_vectors_at(lane);
            const Lanes<T> m{w.kj.data + lane, w.kj.ld}, g = w.tile[5];
            for (int c = 0; c < s.embed_p; ++c) {
                for (int v = 0; v < vectors; ++v) {
                    store(g.at(c, v * lanes<T>), V<T>{});
                }
            }
            output_backward(b, lane, vectors, m, g);
            if (b > 0) {
                descend(b, lane, vectors, g, slopes_of(lane / width));
            } else {
                embed_backward(lane, vectors, g, {w.kj_slope.data + lane, w.kj_slope.ld});
            }
        }
        if (b == 0) {
            geometry_backward(job, chunk);
        }
    }

    void backward(int b) const {
        for (int lane = 0; lane < chunk.lanes; lane += width) {
            prefetch_message(b, lane + width);
            prefetch_centres(lane);
            prefetch_bars(lane);
            messages_down_keep(b, lane, tile_vectors_at(lane), message(b, lane));
        }
        centres_backward(b);
        for (int lane = 0; lane < chunk.lanes; lane += width) {
            const int vectors = tile_vectors_at(lane);
            const Lanes<T> g = w.tile[5];
            prefetch_tile(job.message_bar, s.embed_p, lane + width);
            if (b > 0 && !job.slopes) {
                prefetch_message(b - 1, lane + width);
                prefetch_z(b - 1, lane + width);
            }
            copy(message_bar(lane), g, s.embed_p, vectors);
            messages_down_backward(b, lane, vectors, g);
            if (!job.energy_bar) { // an atom's own energy has no moment about it
                output_backward(b, lane, vectors, message(b, lane), g);
            }
            if (b > 0 && job.slopes) {
                descend(b, lane, vectors, g, kept_slopes(b - 1, lane));
            } else if (b > 0) {
                gather_z(b - 1, lane, vectors);
                update_forward(s, net.interactions[b - 1], nodes(b - 1, lane, w.tile[2]), KeepSlopes<T>{slopes_of(0)},
                               vectors);
                descend(b, lane, vectors, g, slopes_of(0));
            } else {
                embed(lane, vectors, w.tile[0], w.tile[2]);
                embed_backward(lane, vectors, g, w.tile[2]);
            }
        }
        basis_backward(job, chunk, w.basis_bar, w.harmonics_bar);
        if (b == 0) {
            geometry_backward(job, chunk);
        }
    }

    /// From dE/dm_b in the tile g to dE/dm_{b-1} and dE/dz_{b-1}.
    void descend(int b, int lane, int vectors, Lanes<T> g, Slopes<T> slopes) const {
        update_backward(s, net.interactions[b - 1], NodeBars<T>{slopes, g, w.tile[0]}, w.tile[1], w.tile[2],
                        job.z_bar_next + (chunk.slot + lane) * s.directional_p, vectors);
        copy(g, message_bar(lane), s.embed_p, vectors);
    }

    void embed_backward(int lane, int vectors, Lanes<T> g, Lanes<T> slope) const {
        multiply(g, slope, g, s.embed_p, vectors);
        back_add(net.embed_radial, g, rows_at(job.radial_bar, s.radial_p, lane), vectors);
    }
};

} // namespace
