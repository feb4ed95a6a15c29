#pragma once

// Forward and reverse sweep: energies and dE/dvector. Forward pass b finishes the messages m_b, adds output block b and
// makes y, A and z of the interaction that follows; reverse pass b goes the same way back.

#include "sweeps/chunk.h"

namespace {

template <class T> struct ForwardPass : ChunkView<T> {
    using View = ChunkView<T>;
    using View::View;
    using View::job, View::net, View::s, View::chunk, View::w;

    void embed(int lane, int vectors) const {
        const Lanes<T> inputs = w.tile[0];
        const int n = vectors * lanes<T>;
        for (int a = 0, e = 0; e < n; ++e) {
            while (a + 1 < chunk.atoms && lane + e >= this->first()[a] + this->count()[a]) {
                ++a;
            }
            const T *target = net.target + std::ptrdiff_t(job.species[chunk.atom + a]) * s.embed_p;
            const T *source = net.source + std::ptrdiff_t(job.species[job.source[chunk.slot + lane + e]]) * s.embed_p;
            for (int c = 0; c < s.embed_p; ++c) {
                *inputs.at(c, e) = target[c] + source[c];
            }
        }
        layer_linear_add(net.embed.dense, this->tile_at(job.radial, s.radial_p, 0, lane), inputs,
                         this->embed_at(job.embed_pre, 0, lane), this->embed_at(job.embed_slope, 0, lane),
                         this->embed_at(job.message, 0, lane), vectors);
    }

    TLMLP_NOINLINE static void layer_linear_add(const Dense<T> &layer, Lanes<T> x, Lanes<T> add, Lanes<T> pre,
                                                Lanes<T> slope, Lanes<T> y, int vectors) {
        dense(layer, x.data, x.ld, vectors, [=](int o, int lane, V<T> a) TLMLP_FINISH {
            const V<T> p = a + load(add.at(o, lane));
            const auto value = swish_slope<T>(p);
            store(pre.at(o, lane), p);
            store(slope.at(o, lane), value.slope);
            store(y.at(o, lane), value.value);
        });
    }

    void update(int b, int lane, int vectors) const {
        const auto *layers = net.interactions[b].update;
        const Lanes<T> m = this->embed_at(job.message, b, lane), next = this->embed_at(job.message, b + 1, lane);
        const Lanes<T> h = this->embed_at(job.h, b, lane), t = w.tile[0], z = w.tile[1];
        const auto keep = [&](int k, Lanes<T> x, Lanes<T> y) {
            layer_keep<T, false>(layers[k].dense, x, {}, this->layer_at(job.pre, b, k, lane),
                                 this->layer_at(job.slope, b, k, lane), y, vectors, &w.ahead);
        };
        const auto keep_add = [&](int k, Lanes<T> x, Lanes<T> add, Lanes<T> y) {
            layer_keep<T, true>(layers[k].dense, x, add, this->layer_at(job.pre, b, k, lane),
                                this->layer_at(job.slope, b, k, lane), y, vectors, &w.ahead);
        };
        this->gather(job.sum, b, lane, vectors, z);
        keep(training::layer_up, z, h);
        keep_add(training::layer_ji, m, h, h);
        for (int k = training::layer_before; k < training::layer_final(s); k += 2) {
            keep(k, h, t);
            keep_add(k + 1, t, h, h);
        }
        keep_add(training::layer_final(s), h, m, next);
        for (int k = training::layer_after(s); k < this->layers(); k += 2) {
            keep(k, next, t);
            keep_add(k + 1, t, next, next);
        }
    }

    /// y = act(W_down (act(W_kj m + b) * gate)) as rows.
    void messages_down(int b, int lane, int vectors) const {
        const auto &layer = net.interactions[b];
        const Lanes<T> x = w.tile[0], gate = w.tile[1], kj = this->embed_at(job.kj, b, lane);
        layer_linear(layer.gate.dense, this->tile_at(job.radial, s.radial_p, 0, lane), gate, vectors);
        layer_keep<T, false>(layer.kj.dense, this->embed_at(job.message, b, lane), {},
                             this->embed_at(job.kj_pre, b, lane), this->embed_at(job.kj_slope, b, lane), kj, vectors,
                             &w.ahead);
        multiply(kj, gate, x, s.embed_p, vectors);
        T *y = this->rows_at(job.y, b, lane), *slope = this->rows_at(job.y_slope, b, lane);
        T *pre = this->rows_at(job.y_pre, b, lane);
        const int row = s.directional_p, edges = chunk.edges - lane;
        dense_rows(x.data, x.ld, vectors * lanes<T>, layer.down.in, row, layer.down.rows,
                   [=](int e, int c, V<T> a) TLMLP_FINISH {
                       const auto value = swish_slope<T>(a);
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
        const auto plan = [&](const View &next, int lane) {
            if (b > 0) {
                next.ahead_embed(b - 1, lane, {job.message, job.h});
                next.ahead_layers(b - 1, lane, {job.pre, job.slope});
                next.prefetch_reverse(job.sum, b - 1, lane);
            }
            next.ahead_tile(job.radial, s.radial_p, 0, lane);
            next.ahead_embed(b, lane, {job.message});
            if (!last) {
                next.ahead_embed(b, lane, {job.kj_pre, job.kj_slope, job.kj});
                next.ahead_rows(b, lane, {job.y, job.y_slope, job.y_pre, job.sum});
            }
        };
        const auto here = [&](int tile, int tiles) {
            if (!last) {
                this->ahead_share(job.basis, s.basis, tile, tiles);
                this->ahead_share(job.harmonics, s.harmonics, tile, tiles);
            }
        };
        this->over_tiles(plan, here, [&](int lane, int vectors) {
            if (b == 0) {
                embed(lane, vectors);
            } else {
                update(b - 1, lane, vectors);
            }
            layer_times(net.outputs[b].gate.dense, this->tile_at(job.radial, s.radial_p, 0, lane),
                        this->embed_at(job.message, b, lane), w.tile[0], vectors);
            this->add_sums(w.tile[0], lane, vectors, sums);
            if (!last) {
                messages_down(b, lane, vectors);
            }
        });
        this->over_output(b, [&](const Head<T> &head) {
            head_forward(head, w, chunk.atoms, job.atom_energy + chunk.atom);
        });
        for (int a = 0; !last && a < chunk.atoms; ++a) {
            const int lane = this->first()[a];
            directional_forward(s, net.interactions[b].radial, net.legendre, centre(b, a), w.products, w.harmonics,
                                this->centre_of(b, a), this->rows_at(job.sum, b, lane));
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
            this->prefetch_next_centre(job.sum_bar, b, a);
            this->gather_rows(job.sum_bar, b, lane, this->count()[a], w.z_bar);
            directional_backward(s, net.interactions[b].radial, net.legendre, this->centre(b, a), this->centre_of(b, a),
                                 w.z_bar, true, static_cast<const T *>(nullptr), w.centre, {w.y_bar.data + lane, w.y_bar.ld},
                                 {w.basis_bar.data + lane, w.basis_bar.ld},
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
        T *eta = this->rows_at(job.y_eta, b, lane);
        const T *slope = this->rows_at(job.y_slope, b, lane);
        to_rows(Lanes<T>{w.y_bar.data + lane, w.y_bar.ld}, row, vectors, eta, row);
        for (int k = 0; k < n; k += lanes<T>) {
            store(w.rows + k, load(eta + k) * load(slope + k));
        }
        const Lanes<T> pi = w.tile[0], gate = w.tile[1], gate_bar = w.tile[2], radial = this->tile_at(job.radial, s.radial_p, 0, lane);
        to_lanes(w.rows, row, vectors, pi);
        layer_linear(layer.gate.dense, radial, gate, vectors);
        gated_reverse(layer.down, pi, this->embed_at(job.kj, b, lane), gate, this->embed_at(job.kj_slope, b, lane),
                      this->embed_at(job.gated_eta, b, lane), w.tile[3], gate_bar, vectors);
        back_add(layer.gate.dense, gate_bar, this->tile_at(job.radial_bar, s.radial_p, 0, lane), vectors);
        back_add_ahead(layer.kj.dense, w.tile[3], this->message_eta(b, lane), vectors, &w.ahead);
    }

    /// The product y * gate, y with `slope`, from its adjoint eta = W^T g: pi = eta gate slope, gate_bar = eta y.
    TLMLP_NOINLINE static void gated_reverse(const Dense<T> &layer, Lanes<T> g, Lanes<T> y, Lanes<T> gate,
                                             Lanes<T> slope, Lanes<T> eta, Lanes<T> pi, Lanes<T> gate_bar, int vectors) {
        dense_back(layer, g.data, g.ld, vectors, [=](int o, int lane, V<T> a) TLMLP_FINISH {
            store(eta.at(o, lane), a);
            store(pi.at(o, lane), a * load(gate.at(o, lane)) * load(slope.at(o, lane)));
            store(gate_bar.at(o, lane), a * load(y.at(o, lane)));
        });
    }

    void update_reverse(int b, int lane, int vectors) const {
        const auto *layers = net.interactions[b].update;
        const auto eta = [&](int k) { return this->layer_at(job.eta, b, k, lane); };
        const auto slope = [&](int k) { return this->layer_at(job.slope, b, k, lane); };
        const Lanes<T> t = w.tile[0], q = w.tile[1];
        const int last = this->layers() - 1, final = training::layer_final(s);
        multiply(eta(last), slope(last), t, s.embed_p, vectors);
        for (int k = last; k > final; k -= 2) {
            back_keep(layers[k].dense, t, eta(k - 1), slope(k - 1), q, vectors, &w.ahead);
            back_sum_next(layers[k - 1].dense, q, eta(k), eta(k - 2), slope(k - 2), t, vectors, &w.ahead);
        }
        back_keep(layers[final].dense, t, eta(final - 1), slope(final - 1), q, vectors, &w.ahead);
        for (int k = final - 1; k > training::layer_ji; k -= 2) {
            back_keep(layers[k].dense, q, eta(k - 1), slope(k - 1), t, vectors, &w.ahead);
            back_sum_next(layers[k - 1].dense, t, eta(k), eta(k - 2), slope(k - 2), q, vectors, &w.ahead);
        }
        // What is added to the message below: through `final`'s residual connection and through `ji`.
        back_sum(layers[training::layer_ji].dense, q, eta(final), this->message_eta(b, lane), vectors);
        multiply(eta(training::layer_ji), slope(training::layer_up), t, s.embed_p, vectors);
        const Dense<T> &up = layers[training::layer_up].dense;
        T *z_bar = this->rows_at(job.sum_bar, b, lane);
        dense_rows(t.data, t.ld, vectors * lanes<T>, up.out, s.directional_p, up.rows_back,
                   [=, row = s.directional_p](int e, int c, V<T> a) TLMLP_FINISH {
                       store(z_bar + std::ptrdiff_t(e) * row + c, a);
                   });
    }

    void run_reverse(int b) const {
        if (b < s.blocks) {
            centres(b);
        }
        this->over_output(b, [&](const Head<T> &head) { head_reverse(head, w); });
        const T *s_eta = this->atoms_at(job.s_eta, b);
        const auto plan = [&](const View &next, int lane) {
            next.ahead_tile(job.radial, s.radial_p, 0, lane);
            next.ahead_tile(job.radial_bar, s.radial_p, 0, lane);
            if (b < s.blocks) {
                next.ahead_embed(b, lane, {job.kj, job.kj_slope, job.gated_eta});
                next.ahead_rows(b, lane, {job.y_eta, job.y_slope});
            }
            next.ahead_embed(b, lane, {job.message});
            if (b > 0) {
                next.ahead_layers(b - 1, lane, {job.slope, job.eta});
                next.ahead_rows(b - 1, lane, {job.sum_bar});
            }
        };
        const auto here = [&](int tile, int tiles) {
            if (b < s.blocks) {
                this->ahead_next_centres(tile, tiles, {{job.basis, s.basis}, {job.harmonics, s.harmonics}, {job.basis_slope, s.basis}});
            }
        };
        this->over_tiles(plan, here, [&](int lane, int vectors) {
            const Lanes<T> g = this->message_eta(b, lane), radial = this->tile_at(job.radial, s.radial_p, 0, lane);
            const Lanes<T> radial_bar = this->tile_at(job.radial_bar, s.radial_p, 0, lane), gate_bar = w.tile[2];
            if (b == s.blocks) {
                for (int c = 0; c < s.embed_p; ++c) {
                    clear(g.at(c, 0), vectors * lanes<T>);
                }
            } else {
                messages_down_reverse(b, lane, vectors);
            }
            this->spread_atoms(s_eta, lane, vectors, w.spread);
            layer_gate_back(net.outputs[b].gate.dense, radial, w.spread, this->embed_at(job.message, b, lane), g, gate_bar,
                            vectors);
            back_add(net.outputs[b].gate.dense, gate_bar, radial_bar, vectors);
            if (b > 0) {
                update_reverse(b - 1, lane, vectors);
            } else {
                multiply(g, this->embed_at(job.embed_slope, 0, lane), w.tile[0], s.embed_p, vectors);
                back_add(net.embed.dense, w.tile[0], radial_bar, vectors);
            }
        });
        if (b == 0) {
            geometry_reverse(job, chunk);
        }
    }
};

} // namespace
