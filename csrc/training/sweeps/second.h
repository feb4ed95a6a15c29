#pragma once

// Tangent and second sweep (job.h): the gradient by the weights. Tangent pass b mirrors forward pass b, second pass b
// reverse pass b.

#include "sweeps/first.h"

namespace {

template <class T> struct TangentPass : ChunkView<T> {
    using View = ChunkView<T>;
    using View::View;
    using View::job, View::net, View::s, View::chunk, View::w;

    void update(int b, int lane, int vectors) const {
        const auto *layers = net.interactions[b].update;
        const Lanes<T> m = this->embed_at(job.message_dot, b, lane), next = this->embed_at(job.message_dot, b + 1, lane);
        const Lanes<T> h = this->embed_at(job.h_dot, b, lane), t = w.tile[0], z = w.tile[1];
        const auto along = [&](int k, Lanes<T> x, Lanes<T> y) {
            layer_tangent<T, false>(layers[k].dense, x, {}, this->layer_at(job.slope, b, k, lane),
                                    this->layer_at(job.pre_dot, b, k, lane), y, vectors, &w.ahead);
        };
        const auto along_add = [&](int k, Lanes<T> x, Lanes<T> add, Lanes<T> y) {
            layer_tangent<T, true>(layers[k].dense, x, add, this->layer_at(job.slope, b, k, lane),
                                   this->layer_at(job.pre_dot, b, k, lane), y, vectors, &w.ahead);
        };
        this->gather(job.sum_dot, b, lane, vectors, z);
        along(training::layer_up, z, h);
        along_add(training::layer_ji, m, h, h);
        for (int k = training::layer_before; k < training::layer_final(s); k += 2) {
            along(k, h, t);
            along_add(k + 1, t, h, h);
        }
        along_add(training::layer_final(s), h, m, next);
        for (int k = training::layer_after(s); k < this->layers(); k += 2) {
            along(k, next, t);
            along_add(k + 1, t, next, next);
        }
    }

    void messages_down(int b, int lane, int vectors) const {
        const auto &layer = net.interactions[b];
        const Lanes<T> x = w.tile[0], gate = w.tile[1], gate_dot = w.tile[2], kj_dot = w.tile[3];
        layer_linear(layer.gate.dense, this->tile_at(job.radial, s.radial_p, 0, lane), gate, vectors);
        layer_linear(layer.gate.dense, this->tile_at(job.radial_dot, s.radial_p, 0, lane), gate_dot, vectors);
        layer_tangent<T, false>(layer.kj.dense, this->embed_at(job.message_dot, b, lane), {},
                                this->embed_at(job.kj_slope, b, lane), this->embed_at(job.kj_pre_dot, b, lane), kj_dot,
                                vectors, &w.ahead);
        product_tangent(this->embed_at(job.kj, b, lane), kj_dot, gate, gate_dot, x, s.embed_p, vectors);
        T *y_dot = this->rows_at(job.y_dot, b, lane), *pre_dot = this->rows_at(job.y_pre_dot, b, lane);
        const T *slope = this->rows_at(job.y_slope, b, lane);
        dense_rows(x.data, x.ld, vectors * lanes<T>, layer.down.in, s.directional_p, layer.down.rows,
                   [=, row = s.directional_p](int e, int c, V<T> a) TLMLP_FINISH {
                       store(pre_dot + std::ptrdiff_t(e) * row + c, a);
                       store(y_dot + std::ptrdiff_t(e) * row + c, a * load(slope + std::ptrdiff_t(e) * row + c));
                   });
    }

    /// y = a_dot b + a b_dot
    TLMLP_NOINLINE static void product_tangent(Lanes<T> a, Lanes<T> a_dot, Lanes<T> b, Lanes<T> b_dot, Lanes<T> y,
                                               int rows, int vectors) {
        for (int c = 0; c < rows; ++c) {
            for (int v = 0; v < vectors; ++v) {
                const int lane = v * lanes<T>;
                store(y.at(c, lane), load(a_dot.at(c, lane)) * load(b.at(c, lane)) +
                                         load(a.at(c, lane)) * load(b_dot.at(c, lane)));
            }
        }
    }

    void run(int b) const {
        const bool last = b == s.blocks;
        if (b == 0) {
            geometry_tangent(job, chunk);
        }
        T *sums = this->atoms_at(job.s_dot, b);
        clear(sums, std::ptrdiff_t(s.embed_p) * chunk_atoms);
        const auto plan = [&](const View &next, int lane) {
            if (b > 0) {
                next.ahead_embed(b - 1, lane, {job.message_dot, job.h_dot});
                next.ahead_layers(b - 1, lane, {job.slope, job.pre_dot});
                next.prefetch_reverse(job.sum_dot, b - 1, lane);
            }
            next.ahead_tile(job.radial, s.radial_p, 0, lane);
            next.ahead_tile(job.radial_dot, s.radial_p, 0, lane);
            next.ahead_embed(b, lane, {job.message_dot, job.message});
            if (!last) {
                next.ahead_embed(b, lane, {job.kj_slope, job.kj_pre_dot, job.kj});
                next.ahead_rows(b, lane, {job.y_slope, job.y_dot, job.y_pre_dot, job.y, job.sum_dot});
            }
        };
        const auto here = [&](int tile, int tiles) {
            if (!last) {
                this->ahead_share(job.basis, s.basis, tile, tiles);
                this->ahead_share(job.basis_slope, s.basis, tile, tiles);
                this->ahead_share(job.harmonics, s.harmonics, tile, tiles);
                this->ahead_share(job.harmonics_dot, s.harmonics, tile, tiles);
            }
        };
        this->over_tiles(plan, here, [&](int lane, int vectors) {
            const Lanes<T> radial = this->tile_at(job.radial, s.radial_p, 0, lane);
            const Lanes<T> radial_dot = this->tile_at(job.radial_dot, s.radial_p, 0, lane);
            const Lanes<T> m_dot = this->embed_at(job.message_dot, b, lane), gate = w.tile[0], gate_dot = w.tile[1];
            if (b == 0) {
                layer_tangent<T, false>(net.embed.dense, radial_dot, {}, this->embed_at(job.embed_slope, 0, lane),
                                        this->embed_at(job.embed_pre_dot, 0, lane), m_dot, vectors, &w.ahead);
            } else {
                update(b - 1, lane, vectors);
            }
            layer_linear(net.outputs[b].gate.dense, radial, gate, vectors);
            layer_linear(net.outputs[b].gate.dense, radial_dot, gate_dot, vectors);
            product_tangent(this->embed_at(job.message, b, lane), m_dot, gate, gate_dot, gate, s.embed_p, vectors);
            this->add_sums(gate, lane, vectors, sums);
            if (!last) {
                messages_down(b, lane, vectors);
            }
        });
        this->over_output(b, [&](const Head<T> &head) { head_tangent(head, w); });
        for (int a = 0; !last && a < chunk.atoms; ++a) {
            directional_tangent(s, net.interactions[b].radial, net.legendre, this->centre_jet(b, a), this->centre_of(b, a),
                                w.jets, this->rows_at(job.sum_dot, b, this->first()[a]));
        }
    }
};

template <class T> struct SecondPass : ChunkView<T> {
    using View = ChunkView<T>;
    using View::job, View::net, View::s, View::chunk, View::w;
    T *gradient;

    SecondPass(const training::Job<T> &j, const training::Chunk &c, Work<T> &work, T *to) : View(j, c, work), gradient(to) {}

    Lanes<T> bar2_at(int lane) const { return this->embed_at(job.message_bar2, 0, lane); }

    /// Gradient of a layer's weight and bias from the adjoints of its preactivations and its inputs in w.rows.
    void add_layer(const Layer<T> &layer, Lanes<T> pi, Lanes<T> pi_dot, int vectors) const {
        add_weight(layer, pi, pi_dot, w.rows, w.rows_dot, vectors);
        add_bias(pi, pad_to(layer.dense.out, training::output_group), vectors, gradient + layer.bias_gradient());
    }
    void add_weight(const Layer<T> &layer, Lanes<T> pi, Lanes<T> pi_dot, const T *rows, const T *rows_dot,
                    int vectors) const {
        outer(pi.data, pi_dot.data, pi.ld, pad_to(layer.dense.out, training::output_group), rows, rows_dot,
              pad_to(layer.dense.in, row_pad), vectors * lanes<T>, gradient + layer.gradient, &w.ahead);
    }
    void inputs(Lanes<T> x, Lanes<T> x_dot, int vectors) const {
        const int row = pad_to(s.embed, row_pad);
        to_rows(x, s.embed_p, vectors, w.rows, row);
        to_rows(x_dot, s.embed_p, vectors, w.rows_dot, row);
    }

    Kept<T> kept(int b, int k, int lane) const {
        // `up` and `ji` are added: one adjoint for both.
        const int of_eta = k == training::layer_up ? training::layer_ji : k;
        return {this->layer_at(job.pre, b, k, lane), this->layer_at(job.pre_dot, b, k, lane),
                this->layer_at(job.eta, b, of_eta, lane)};
    }

    /// sum = x + act(W_1 act(W_0 x + b) + b), layers k and k + 1: from the sum and its tangent to x, from `bar2`, the
    /// adjoint of the former, to that of the latter.
    void residual(int b, int k, int lane, int vectors, Lanes<T> bar2, Lanes<T> sum, Lanes<T> sum_dot, Lanes<T> x,
                  Lanes<T> x_dot) const {
        const auto *layers = net.interactions[b].update;
        const Lanes<T> pi = w.tile[0], pi_dot = w.tile[1], t = w.tile[2], t_dot = w.tile[3], slope = w.tile[4];
        residual_second(kept(b, k + 1, lane), bar2, pi, pi_dot, sum, sum_dot, x, x_dot, s.embed_p, vectors);
        const Lanes<T> inner = w.tile[5], inner_dot = {w.spread.data, this->width};
        inner_second(kept(b, k, lane), t, t_dot, slope, inner, inner_dot, s.embed_p, vectors);
        inputs(t, t_dot, vectors);
        add_layer(layers[k + 1], pi, pi_dot, vectors);
        back_slope_add(layers[k + 1].dense, pi, slope, inner, vectors, &w.ahead);
        inputs(x, x_dot, vectors);
        add_layer(layers[k], inner, inner_dot, vectors);
        back_add_ahead(layers[k].dense, inner, bar2, vectors, &w.ahead);
    }

    /// Interaction b's update: message_bar2 of m_(b+1) becomes that of m_b; the adjoint of z goes to sum_bar2.
    void update(int b, int lane, int vectors) const {
        const auto *layers = net.interactions[b].update;
        const Lanes<T> bar2 = bar2_at(lane), x = w.tile[6], x_dot = w.tile[7];
        const Lanes<T> pi = w.tile[0], pi_dot = w.tile[1];
        Lanes<T> sum = this->embed_at(job.message, b + 1, lane), sum_dot = this->embed_at(job.message_dot, b + 1, lane);
        for (int k = this->layers() - 2; k > training::layer_final(s); k -= 2) {
            residual(b, k, lane, vectors, bar2, sum, sum_dot, x, x_dot);
            sum = x;
            sum_dot = x_dot;
        }
        const int final = training::layer_final(s);
        activation_second(kept(b, final, lane), bar2, pi, pi_dot, s.embed_p, vectors);
        sum = this->embed_at(job.h, b, lane);
        sum_dot = this->embed_at(job.h_dot, b, lane);
        inputs(sum, sum_dot, vectors);
        add_layer(layers[final], pi, pi_dot, vectors);
        const Lanes<T> h_bar2 = {w.spread2.data, this->width};
        back_linear(layers[final].dense, pi, h_bar2, vectors);
        for (int k = final - 2; k > training::layer_ji; k -= 2) {
            residual(b, k, lane, vectors, h_bar2, sum, sum_dot, x, x_dot);
            sum = x;
            sum_dot = x_dot;
        }
        activation_second(kept(b, training::layer_ji, lane), h_bar2, pi, pi_dot, s.embed_p, vectors);
        inputs(this->embed_at(job.message, b, lane), this->embed_at(job.message_dot, b, lane), vectors);
        add_layer(layers[training::layer_ji], pi, pi_dot, vectors);
        back_add_ahead(layers[training::layer_ji].dense, pi, bar2, vectors, &w.ahead);

        activation_second(kept(b, training::layer_up, lane), h_bar2, pi, pi_dot, s.embed_p, vectors);
        const Layer<T> &up = layers[training::layer_up];
        this->gather_rows(job.sum, b, lane, vectors * lanes<T>, w.rows);
        this->gather_rows(job.sum_dot, b, lane, vectors * lanes<T>, w.rows_dot);
        add_weight(up, pi, pi_dot, w.rows, w.rows_dot, vectors);
        T *z_bar2 = this->rows_at(job.sum_bar2, b, lane);
        dense_rows(pi.data, pi.ld, vectors * lanes<T>, up.dense.out, s.directional_p, up.dense.rows_back,
                   [=, row = s.directional_p](int e, int c, V<T> a) TLMLP_FINISH {
                       store(z_bar2 + std::ptrdiff_t(e) * row + c, a);
                   });
    }

    void centres(int b) const {
        const auto &layer = net.interactions[b];
        for (int a = 0; a < chunk.atoms; ++a) {
            const int lane = this->first()[a];
            this->prefetch_next_centre(job.sum_bar, b, a);
            this->prefetch_next_centre(job.sum_bar2, b, a);
            this->gather_rows(job.sum_bar, b, lane, this->count()[a], w.z_bar);
            this->gather_rows(job.sum_bar2, b, lane, this->count()[a], w.z_bar2);
            directional_second(s, layer.radial, net.legendre, this->centre_jet(b, a), w.z_bar, w.z_bar2, w.jets,
                               w.y_bar2 + std::ptrdiff_t(lane) * s.directional_p, gradient + layer.radial_gradient);
        }
        clear(w.y_bar2 + std::ptrdiff_t(chunk.edges) * s.directional_p,
              std::ptrdiff_t(chunk.lanes - chunk.edges) * s.directional_p);
    }

    /// Products with a gate, p = x g: bar2 and eta of p give those of g, and add x's bar2.
    TLMLP_NOINLINE static void gate_second(Lanes<T> bar2, Lanes<T> eta, Lanes<T> x, Lanes<T> x_dot, Lanes<T> gate,
                                           Lanes<T> gate_dot, Lanes<T> gate_bar2, Lanes<T> gate_eta, Lanes<T> x_bar2,
                                           bool add, int rows, int vectors) {
        for (int c = 0; c < rows; ++c) {
            for (int v = 0; v < vectors; ++v) {
                const int lane = v * lanes<T>;
                const V<T> b = load(bar2.at(c, lane)), e = load(eta.at(c, lane)), value = load(x.at(c, lane));
                const V<T> sum = b * load(gate.at(c, lane)) + e * load(gate_dot.at(c, lane));
                store(gate_bar2.at(c, lane), b * value + e * load(x_dot.at(c, lane)));
                store(gate_eta.at(c, lane), e * value);
                store(x_bar2.at(c, lane), add ? load(x_bar2.at(c, lane)) + sum : sum);
            }
        }
    }

    /// pi = s' y_bar2 + s'' p_dot eta and pi_dot = s' eta on rows.
    TLMLP_NOINLINE static void rows_second(const T *pre, const T *pre_dot, const T *eta, const T *bar2, std::ptrdiff_t n,
                                           T *pi, T *pi_dot) {
        for (std::ptrdiff_t k = 0; k < n; k += lanes<T>) {
            const auto jet = swish_jet<T>(load(pre + k));
            const V<T> e = load(eta + k);
            store(pi + k, jet.slope * load(bar2 + k) + jet.curve * load(pre_dot + k) * e);
            store(pi_dot + k, jet.slope * e);
        }
    }

    void messages_down(int b, int lane, int vectors) const {
        const auto &layer = net.interactions[b];
        const int row = s.directional_p, n = vectors * lanes<T>;
        const Lanes<T> radial = this->tile_at(job.radial, s.radial_p, 0, lane);
        const Lanes<T> radial_dot = this->tile_at(job.radial_dot, s.radial_p, 0, lane);
        const Lanes<T> gate = w.tile[0], gate_dot = w.tile[1], kj_dot = w.tile[2], x = w.tile[3], x_dot = w.tile[4];
        const Lanes<T> kj = this->embed_at(job.kj, b, lane), m = this->embed_at(job.message, b, lane);
        const Lanes<T> m_dot = this->embed_at(job.message_dot, b, lane);
        layer_linear(layer.gate.dense, radial, gate, vectors);
        layer_linear(layer.gate.dense, radial_dot, gate_dot, vectors);
        multiply(this->embed_at(job.kj_slope, b, lane), this->embed_at(job.kj_pre_dot, b, lane), kj_dot, s.embed_p, vectors);
        multiply(kj, gate, x, s.embed_p, vectors);
        TangentPass<T>::product_tangent(kj, kj_dot, gate, gate_dot, x_dot, s.embed_p, vectors);

        rows_second(this->rows_at(job.y_pre, b, lane), this->rows_at(job.y_pre_dot, b, lane),
                    this->rows_at(job.y_eta, b, lane), w.y_bar2 + std::ptrdiff_t(lane) * row, std::ptrdiff_t(n) * row,
                    w.rows, w.rows_dot);
        outer(x.data, x_dot.data, x.ld, s.embed_p, w.rows, w.rows_dot, row, n, gradient + layer.down_gradient,
              &w.ahead);
        const Lanes<T> pi = w.tile[3], bar2 = w.tile[4];
        to_lanes(w.rows, row, vectors, pi);
        back_linear(layer.down, pi, bar2, vectors);

        const Lanes<T> eta = this->embed_at(job.gated_eta, b, lane), gate_bar2 = w.tile[5], gate_eta = w.tile[6];
        const Lanes<T> kj_bar2 = w.tile[7], kj_eta = w.tile[3];
        multiply(eta, gate, kj_eta, s.embed_p, vectors);
        gate_second(bar2, eta, kj, kj_dot, gate, gate_dot, gate_bar2, gate_eta, kj_bar2, false, s.embed_p, vectors);
        add_weight(layer.gate, gate_bar2, gate_eta, w.radial_rows, w.radial_rows_dot, vectors);
        back_add(layer.gate.dense, gate_bar2, this->tile_at(job.radial_bar2, s.radial_p, 0, lane), vectors);

        const Lanes<T> kj_pi = w.tile[0], kj_pi_dot = w.tile[1];
        activation_second<T>({this->embed_at(job.kj_pre, b, lane), this->embed_at(job.kj_pre_dot, b, lane), kj_eta}, kj_bar2,
                             kj_pi, kj_pi_dot, s.embed_p, vectors);
        inputs(m, m_dot, vectors);
        add_layer(layer.kj, kj_pi, kj_pi_dot, vectors);
        back_add_ahead(layer.kj.dense, kj_pi, bar2_at(lane), vectors, &w.ahead);
    }

    void output(int b, int lane, int vectors, const T *s_bar2, const T *s_eta) const {
        const auto &layer = net.outputs[b].gate;
        const Lanes<T> gate = w.tile[0], gate_dot = w.tile[1], gate_bar2 = w.tile[2], gate_eta = w.tile[3];
        layer_linear(layer.dense, this->tile_at(job.radial, s.radial_p, 0, lane), gate, vectors);
        layer_linear(layer.dense, this->tile_at(job.radial_dot, s.radial_p, 0, lane), gate_dot, vectors);
        this->spread_atoms(s_bar2, lane, vectors, w.spread);
        this->spread_atoms(s_eta, lane, vectors, w.spread2);
        gate_second(w.spread, w.spread2, this->embed_at(job.message, b, lane), this->embed_at(job.message_dot, b, lane), gate,
                    gate_dot, gate_bar2, gate_eta, bar2_at(lane), true, s.embed_p, vectors);
        add_weight(layer, gate_bar2, gate_eta, w.radial_rows, w.radial_rows_dot, vectors);
        back_add(layer.dense, gate_bar2, this->tile_at(job.radial_bar2, s.radial_p, 0, lane), vectors);
    }

    void embedding(int lane, int vectors) const {
        const Lanes<T> pi = w.tile[0], pi_dot = w.tile[1];
        activation_second<T>({this->embed_at(job.embed_pre, 0, lane), this->embed_at(job.embed_pre_dot, 0, lane),
                              this->embed_at(job.embed_eta, 0, lane)},
                             bar2_at(lane), pi, pi_dot, s.embed_p, vectors);
        add_weight(net.embed, pi, pi_dot, w.radial_rows, w.radial_rows_dot, vectors);
        back_add(net.embed.dense, pi, this->tile_at(job.radial_bar2, s.radial_p, 0, lane), vectors);
        const int row = pad_to(s.embed, row_pad), n = vectors * lanes<T>;
        to_rows(pi, s.embed_p, vectors, w.rows, row);
        for (int a = 0, e = 0; e < n && lane + e < chunk.edges; ++e) {
            while (lane + e >= this->first()[a] + this->count()[a]) {
                ++a;
            }
            T *target = gradient + net.target_gradient + std::ptrdiff_t(job.species[chunk.atom + a]) * row;
            T *source = gradient + net.source_gradient + std::ptrdiff_t(job.species[job.source[chunk.slot + lane + e]]) * row;
            for (int c = 0; c < row; c += lanes<T>) {
                const V<T> value = load(w.rows + std::ptrdiff_t(e) * row + c);
                store(target + c, load(target + c) + value);
                store(source + c, load(source + c) + value);
            }
        }
    }

    void run(int b) const {
        T *s_bar2 = w.sums;
        this->over_output(b, [&](const Head<T> &head) {
            head_second(head, w, chunk.atoms, job.energy_weight + chunk.atom, s_bar2, gradient);
        });
        const T *s_eta = this->atoms_at(job.s_eta, b);
        if (b < s.blocks) {
            centres(b);
        }
        const auto plan = [&](const View &next, int lane) {
            next.ahead_tile(job.radial, s.radial_p, 0, lane);
            next.ahead_tile(job.radial_dot, s.radial_p, 0, lane);
            next.ahead_tile(job.radial_bar2, s.radial_p, 0, lane);
            next.ahead_embed(0, lane, {job.message_bar2});
            next.ahead_embed(b, lane, {job.message, job.message_dot});
            if (b < s.blocks) {
                next.ahead_rows(b, lane, {job.y_pre, job.y_pre_dot, job.y_eta});
                next.ahead_embed(b, lane, {job.kj, job.kj_pre, job.kj_slope, job.kj_pre_dot, job.gated_eta});
            }
            if (b > 0) {
                next.ahead_embed(b - 1, lane, {job.h, job.h_dot, job.message, job.message_dot});
                next.ahead_rows(b - 1, lane, {job.sum_bar2});
                next.ahead_layers(b - 1, lane, {job.pre, job.pre_dot, job.eta});
                next.prefetch_reverse(job.sum, b - 1, lane);
                next.prefetch_reverse(job.sum_dot, b - 1, lane);
            } else {
                next.ahead_embed(0, lane, {job.embed_pre, job.embed_pre_dot, job.embed_eta});
            }
        };
        const auto here = [&](int tile, int tiles) {
            if (b < s.blocks) {
                this->ahead_next_centres(tile, tiles,
                                         {{job.basis, s.basis},
                                          {job.basis_slope, s.basis},
                                          {job.harmonics, s.harmonics},
                                          {job.harmonics_dot, s.harmonics}});
            }
        };
        this->over_tiles(plan, here, [&](int lane, int vectors) {
            const int row = pad_to(s.radial, row_pad);
            to_rows(this->tile_at(job.radial, s.radial_p, 0, lane), s.radial_p, vectors, w.radial_rows, row);
            to_rows(this->tile_at(job.radial_dot, s.radial_p, 0, lane), s.radial_p, vectors, w.radial_rows_dot, row);
            if (b == s.blocks) {
                for (int c = 0; c < s.embed_p; ++c) {
                    clear(bar2_at(lane).at(c, 0), vectors * lanes<T>);
                }
            } else {
                messages_down(b, lane, vectors);
            }
            output(b, lane, vectors, s_bar2, s_eta);
            if (b > 0) {
                update(b - 1, lane, vectors);
            } else {
                embedding(lane, vectors);
            }
        });
        if (b == 0) {
            frequencies_second(job, chunk, gradient + net.frequency_gradient);
        }
    }
};

} // namespace
