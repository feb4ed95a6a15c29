#pragma once

// Forward and reverse sweep: energies and dE/dvector. Forward pass b finishes the messages m_b, adds output block b and
// makes y, A and z of the interaction that follows; reverse pass b goes the same way back.

#include "sweeps/keep.h"

namespace {

template <class T> struct ForwardPass : ChunkView<T> {
    using View = ChunkView<T>;
    using View::job, View::net, View::s, View::chunk, View::w;
    using View::View;

    void embed(int lane, int vectors) const {
        const Lanes<T> inputs = w.tile[0];
        embed_inputs(job, chunk, lane, vectors * lanes<T>, inputs);
        layer_linear_add(net.embed_radial, this->tile_at(job.radial, s.radial_p, 0, lane), inputs,
                         this->embed_at(job.embed_pre, 0, lane), this->embed_at(job.embed_slope, 0, lane),
                         this->embed_at(job.message, 0, lane), vectors);
    }

    TLMLP_NOINLINE static void layer_linear_add(const Dense<T> &layer, Lanes<T> x, Lanes<T> add, Lanes<T> pre,
                                                Lanes<T> slope, Lanes<T> y, int vectors) {
        dense(layer, x.data, x.ld, vectors, [=](int o, int lane, V<T> a) TLMLP_FINISH {
            const V<T> p = a + load(add.at(o, lane));
            const auto value = act_slope<T>(p);
            store(pre.at(o, lane), p);
            store(slope.at(o, lane), value.slope);
            store(y.at(o, lane), value.value);
        });
    }

    void update(int b, int lane, int vectors) const {
        const NodeTiles<T> x = this->nodes(job.message, job.h, b, lane);
        this->gather(job.z, b, lane, vectors, x[network::Node::z]);
        update_forward(s, net.interactions[b], x, KeepAll<T>{*this, b, lane}, vectors);
    }

    /// y = act(W_down (act(W_kj m + b) * gate)) as rows.
    void messages_down(int b, int lane, int vectors) const {
        const auto &layer = net.interactions[b];
        const Lanes<T> x = w.tile[0], gate = w.tile[1], kj = this->embed_at(job.kj, b, lane);
        layer_linear(layer.gate, this->tile_at(job.radial, s.radial_p, 0, lane), gate, vectors);
        layer_keep<T, false>(layer.kj, this->embed_at(job.message, b, lane), {}, this->embed_at(job.kj_pre, b, lane),
                             this->embed_at(job.kj_slope, b, lane), kj, vectors, &w.queue);
        multiply(kj, gate, x, s.embed_p, vectors);
        T *y = this->rows_at(job.y, b, lane), *slope = this->rows_at(job.y_slope, b, lane);
        T *pre = this->rows_at(job.y_pre, b, lane);
        const int row = s.directional_p, edges = chunk.edges - lane;
        dense_rows(x.data, x.ld, vectors * lanes<T>, layer.down.in, row, layer.down.rows,
                   [=](int e, int c, V<T> a) TLMLP_FINISH {
                       const auto value = act_slope<T>(a);
                       store(pre + std::ptrdiff_t(e) * row + c, a);
                       store(slope + std::ptrdiff_t(e) * row + c, value.slope);
                       store(y + std::ptrdiff_t(e) * row + c, e < edges ? value.value : V<T>{});
                   });
    }

    void run(int b) const {
        const bool last = b == s.blocks;
        if (b == 0) {
            geometry_forward(job, chunk);
        }
        T *sums = this->atoms_at(job.s, b);
        clear(sums, std::ptrdiff_t(s.embed_p) * chunk_atoms);
        const auto next_tile = [&](const View &next, int lane) {
            if (b > 0) {
                next.queue_embed(b - 1, lane, {job.message, job.h});
                next.queue_layers(b - 1, lane, {job.pre, job.slope});
                next.prefetch_reverse(job.z, b - 1, lane);
            }
            next.queue_tile(job.radial, s.radial_p, 0, lane);
            next.queue_embed(b, lane, {job.message});
            if (!last) {
                next.queue_embed(b, lane, {job.kj_pre, job.kj_slope, job.kj});
                next.queue_rows(b, lane, {job.y, job.y_slope, job.y_pre, job.z});
            }
        };
        const auto this_chunk = [&](int tile, int tiles) {
            if (!last) {
                this->queue_share(job.basis, s.basis, tile, tiles);
                this->queue_share(job.harmonics, s.harmonics, tile, tiles);
            }
        };
        this->over_tiles(next_tile, this_chunk, [&](int lane, int vectors) {
            if (b == 0) {
                embed(lane, vectors);
            } else {
                update(b - 1, lane, vectors);
            }
            layer_times(net.outputs[b].gate, this->tile_at(job.radial, s.radial_p, 0, lane),
                        this->embed_at(job.message, b, lane), w.tile[0], vectors);
            this->add_sums(w.tile[0], lane, vectors, sums);
            if (!last) {
                messages_down(b, lane, vectors);
            }
        });
        this->over_output(
            b, [&](const OutputTile<T> &head) { output_forward(head, w, chunk.atoms, job.atom_energy + chunk.atom); });
        for (int a = 0; !last && a < chunk.atoms; ++a) {
            const int lane = this->first()[a];
            directional_forward(s, net.interactions[b].radial, net.legendre, centre(b, a), w.products, w.harmonics,
                                this->A_of(b, a), this->rows_at(job.z, b, lane));
        }
    }

    Centre<T> centre(int b, int a) const {
        const int lane = this->first()[a];
        return {this->lanes_at(job.basis, s.basis, lane), this->lanes_at(job.harmonics, s.harmonics, lane),
                this->rows_at(job.y, b, lane), this->count()[a]};
    }
};

template <class T> struct ReversePass : ForwardPass<T> {
    using Base = ForwardPass<T>;
    using View = ChunkView<T>;
    using Base::Base;
    using Base::job, Base::net, Base::s, Base::chunk, Base::w;

    void centres(int b) const {
        for (int a = 0; a < chunk.atoms; ++a) {
            const int lane = this->first()[a];
            this->prefetch_next_centre(job.z_bar, b, a);
            this->gather(job.z_bar, b, lane, this->count()[a], w.z_bar);
            directional_backward(s, net.interactions[b].radial, net.legendre, this->centre(b, a), this->A_of(b, a),
                                 w.z_bar, true, static_cast<const T *>(nullptr), w.centre,
                                 {w.y_bar.data + lane, w.y_bar.ld}, {w.basis_bar.data + lane, w.basis_bar.ld},
                                 {w.harmonics_bar.data + lane, w.harmonics_bar.ld});
        }
        basis_reverse(job, chunk, w.basis_bar, w.harmonics_bar);
        for (int c = 0; c < s.directional_p; ++c) {
            clear(w.y_bar.at(c, chunk.edges), chunk.stride - chunk.edges);
        }
    }

    /// From y_bar to the adjoint of the message (added to) and of the radial basis.
    void messages_down_reverse(int b, int lane, int vectors) const {
        const auto &layer = net.interactions[b];
        const int row = s.directional_p, n = vectors * lanes<T> * row;
        T *bar = this->rows_at(job.y_bar, b, lane);
        const T *slope = this->rows_at(job.y_slope, b, lane);
        to_rows(Lanes<T>{w.y_bar.data + lane, w.y_bar.ld}, row, vectors, bar, row);
        for (int k = 0; k < n; k += lanes<T>) {
            store(w.rows + k, load(bar + k) * load(slope + k));
        }
        const Lanes<T> pre_bar = w.tile[0], gate = w.tile[1], gate_bar = w.tile[2],
                       radial = this->tile_at(job.radial, s.radial_p, 0, lane);
        to_lanes(w.rows, row, vectors, pre_bar);
        layer_linear(layer.gate, radial, gate, vectors);
        gated_reverse(layer.down, pre_bar, this->embed_at(job.kj, b, lane), gate, this->embed_at(job.kj_slope, b, lane),
                      this->embed_at(job.gated_bar, b, lane), w.tile[3], gate_bar, vectors);
        back_add(layer.gate, gate_bar, this->tile_at(job.radial_bar, s.radial_p, 0, lane), vectors);
        back_add_queue(layer.kj, w.tile[3], this->message_bar(b, lane), vectors, &w.queue);
    }

    /// The product y * gate, y with `slope`, from its adjoint bar = W^T g: pre_bar = bar gate slope, gate_bar = bar y.
    TLMLP_NOINLINE static void gated_reverse(const Dense<T> &layer, Lanes<T> g, Lanes<T> y, Lanes<T> gate,
                                             Lanes<T> slope, Lanes<T> bar, Lanes<T> pre_bar, Lanes<T> gate_bar,
                                             int vectors) {
        dense_back(layer, g.data, g.ld, vectors, [=](int o, int lane, V<T> a) TLMLP_FINISH {
            store(bar.at(o, lane), a);
            store(pre_bar.at(o, lane), a * load(gate.at(o, lane)) * load(slope.at(o, lane)));
            store(gate_bar.at(o, lane), a * load(y.at(o, lane)));
        });
    }

    void update_reverse(int b, int lane, int vectors) const {
        update_backward(s, net.interactions[b], KeepBars<T>{*this, b, lane}, w.tile[0], w.tile[1],
                        this->rows_at(job.z_bar, b, lane), vectors);
    }

    void run_reverse(int b) const {
        if (b < s.blocks) {
            centres(b);
        }
        this->over_output(b, [&](const OutputTile<T> &head) { output_reverse(head, w); });
        const T *s_bar = this->atoms_at(job.s_bar, b);
        const auto next_tile = [&](const View &next, int lane) {
            next.queue_tile(job.radial, s.radial_p, 0, lane);
            next.queue_tile(job.radial_bar, s.radial_p, 0, lane);
            if (b < s.blocks) {
                next.queue_embed(b, lane, {job.kj, job.kj_slope, job.gated_bar});
                next.queue_rows(b, lane, {job.y_bar, job.y_slope});
            }
            next.queue_embed(b, lane, {job.message});
            if (b > 0) {
                next.queue_layers(b - 1, lane, {job.slope, job.act_bar});
                next.queue_rows(b - 1, lane, {job.z_bar});
            }
        };
        const auto this_chunk = [&](int tile, int tiles) {
            if (b < s.blocks) {
                this->queue_next_centres(
                    tile, tiles, {{job.basis, s.basis}, {job.harmonics, s.harmonics}, {job.basis_slope, s.basis}});
            }
        };
        this->over_tiles(next_tile, this_chunk, [&](int lane, int vectors) {
            const Lanes<T> g = this->message_bar(b, lane), radial = this->tile_at(job.radial, s.radial_p, 0, lane);
            const Lanes<T> radial_bar = this->tile_at(job.radial_bar, s.radial_p, 0, lane), gate_bar = w.tile[2];
            if (b == s.blocks) {
                for (int c = 0; c < s.embed_p; ++c) {
                    clear(g.at(c, 0), vectors * lanes<T>);
                }
            } else {
                messages_down_reverse(b, lane, vectors);
            }
            this->spread_atoms(s_bar, lane, vectors, w.spread);
            layer_gate_back(net.outputs[b].gate, radial, w.spread, this->embed_at(job.message, b, lane), g, gate_bar,
                            vectors);
            back_add(net.outputs[b].gate, gate_bar, radial_bar, vectors);
            if (b > 0) {
                update_reverse(b - 1, lane, vectors);
            } else {
                multiply(g, this->embed_at(job.embed_slope, 0, lane), w.tile[0], s.embed_p, vectors);
                back_add(net.embed_radial, w.tile[0], radial_bar, vectors);
            }
        });
        if (b == 0) {
            geometry_reverse(job, chunk);
        }
    }
};

} // namespace
