#pragma once

// Tangent and second sweep (sweep_job.h): the gradient by the weights. Tangent pass b mirrors forward pass b, second pass b
// reverse pass b.

#include "sweeps/training_places.h"

namespace {

/// Policy of an update's tangents: those of the preactivations, from the slopes kept.
template <class T> struct KeptTangents {
    LayerTiles<T> slopes, pre_dot;
    PrefetchQueue *queue;
    template <With with>
    void layer(int k, const Dense<T> &layer, Lanes<T> x_dot, Lanes<T> add, Lanes<T> y_dot, int vectors) const {
        layer_tangent<with == With::sum>(layer, x_dot, add, slopes.at(k), pre_dot.at(k), y_dot, vectors, queue);
    }
};

template <class T> struct TangentPass : TrainingPlaces<T> {
    using Places = TrainingPlaces<T>;
    using View = typename Places::View;
    using Places::job, Places::net, Places::s, Places::chunk, Places::w;
    using Places::Places;

    void update(int b, int lane, int vectors) const {
        update_forward(
            s, net.interactions[b], this->nodes(job.z_dot, job.message_dot, job.h_dot, b, lane, vectors),
            KeptTangents<T>{this->layers_at(job.slopes, b, lane), this->layers_at(job.pre_dot, b, lane), &w.queue},
            vectors);
    }

    void messages_down(int b, int lane, int vectors) const {
        const auto &layer = net.interactions[b];
        const Lanes<T> x = w.tile[0], gate = w.tile[1], gate_dot = w.tile[2], kj_dot = w.tile[3];
        layer_linear(layer.gate, this->radial(lane), gate, vectors);
        layer_linear(layer.gate, this->tile_at(job.radial_dot, s.radial_p, 0, lane), gate_dot, vectors);
        layer_tangent<false>(layer.kj, this->embed_at(job.message_dot, b, lane), {},
                             this->embed_at(job.kj_slope, b, lane), this->embed_at(job.kj_pre_dot, b, lane), kj_dot,
                             vectors, &w.queue);
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
                store(y.at(c, lane),
                      load(a_dot.at(c, lane)) * load(b.at(c, lane)) + load(a.at(c, lane)) * load(b_dot.at(c, lane)));
            }
        }
    }

    void run(int b) const {
        const bool last = b == s.blocks;
        if (b == 0) {
            geometry_tangent(job, chunk);
        }
        const auto sums = [&](int k) { return this->atoms_at(job.sums_dot, k); };
        s.each_output(b, [&](int k) { clear(sums(k), std::ptrdiff_t(s.embed_p) * chunk_atoms); });
        const auto next_tile = [&](const View &next, int lane) {
            if (b > 0) {
                next.queue_embed(b - 1, lane, {job.message_dot, job.h_dot});
                next.queue_layers(b - 1, lane, {job.slopes, job.pre_dot});
                next.prefetch_reverse(job.z_dot, b - 1, lane);
            }
            next.queue_tile(job.radial, s.radial_p, 0, lane);
            next.queue_tile(job.radial_dot, s.radial_p, 0, lane);
            next.queue_embed(b, lane, {job.message_dot, job.message});
            if (!last) {
                next.queue_embed(b, lane, {job.kj_slope, job.kj_pre_dot, job.kj});
                next.queue_rows(b, lane, {job.y_slope, job.y_dot, job.y_pre_dot, job.y, job.z_dot});
            }
        };
        const auto this_chunk = [&](int tile, int tiles) {
            if (!last) {
                this->queue_share(job.basis, s.basis, tile, tiles);
                this->queue_share(job.basis_slope, s.basis, tile, tiles);
                this->queue_share(job.harmonics, s.harmonics, tile, tiles);
                this->queue_share(job.harmonics_dot, s.harmonics, tile, tiles);
            }
        };
        this->over_tiles(next_tile, this_chunk, [&](int lane, int vectors) {
            const Lanes<T> radial = this->radial(lane);
            const Lanes<T> radial_dot = this->tile_at(job.radial_dot, s.radial_p, 0, lane);
            const Lanes<T> m_dot = this->embed_at(job.message_dot, b, lane), gate = w.tile[0], gate_dot = w.tile[1];
            if (b == 0) {
                layer_tangent<false>(net.embed_radial, radial_dot, {}, this->embed_at(job.embed_slope, 0, lane),
                                     this->embed_at(job.embed_pre_dot, 0, lane), m_dot, vectors, &w.queue);
            } else {
                update(b - 1, lane, vectors);
            }
            s.each_output(b, [&](int k) {
                layer_linear(net.outputs[k].gate, radial, gate, vectors);
                layer_linear(net.outputs[k].gate, radial_dot, gate_dot, vectors);
                product_tangent(this->embed_at(job.message, b, lane), m_dot, gate, gate_dot, gate, s.embed_p, vectors);
                this->add_sums(gate, lane, vectors, sums(k));
            });
            if (!last) {
                messages_down(b, lane, vectors);
            }
        });
        s.each_output(b, [&](int k) {
            over_output<T>(s, net.outputs[k], this->output_arrays(k), chunk.atoms,
                           [&](const OutputTile<T> &tile) { output_tangent(tile, &w.queue); });
        });
        for (int a = 0; !last && a < chunk.atoms; ++a) {
            directional_tangent(s, net.interactions[b].radial, net.legendre, this->centre_jet(b, a), this->A_of(b, a),
                                w.jets, this->rows_at(job.z_dot, b, this->first()[a]));
        }
    }
};

template <class T> struct SecondPass : TrainingPlaces<T> {
    using Places = TrainingPlaces<T>;
    using View = typename Places::View;
    using Places::job, Places::net, Places::s, Places::chunk, Places::w;
    T *gradient;

    SecondPass(const training::SweepJob<T> &j, const Chunk &c, SweepScratch<T> &work, T *to)
        : Places(j, c, work), gradient(to) {}

    Lanes<T> bar2_at(int lane) const { return this->embed_at(job.message_bar2, 0, lane); }
    Lanes<T> radial_bar2(int lane) const { return this->tile_at(job.radial_bar2, s.radial_p, 0, lane); }

    /// Gradient of a layer's weight and bias from the adjoints of its preactivations and its inputs in w.rows.
    void add_layer(const Dense<T> &layer, Lanes<T> pre_bar2, Lanes<T> pre_bar, int vectors) const {
        add_weight(layer, pre_bar2, pre_bar, w.rows, w.rows_dot, vectors);
        add_bias(pre_bar2, pad_to(layer.out, output_group), vectors, gradient + layer.bias_gradient());
    }
    void add_weight(const Dense<T> &layer, Lanes<T> pre_bar2, Lanes<T> pre_bar, const T *rows, const T *rows_dot,
                    int vectors) const {
        outer(pre_bar2.data, pre_bar.data, pre_bar2.ld, pad_to(layer.out, output_group), rows, rows_dot,
              pad_to(layer.in, row_pad), vectors * lanes<T>, gradient + layer.gradient, &w.queue);
    }
    void inputs(Lanes<T> x, Lanes<T> x_dot, int vectors) const {
        const int row = pad_to(s.embed, row_pad);
        to_rows(x, s.embed_p, vectors, w.rows, row);
        to_rows(x_dot, s.embed_p, vectors, w.rows_dot, row);
    }

    Kept<T> kept(int b, int k, int lane) const {
        // `up` and `ji` are added: one adjoint for both.
        const int of_bar = k == network::UpdateOrder::up ? network::UpdateOrder::ji : k;
        return {this->layers_at(job.pre, b, lane).at(k), this->layers_at(job.pre_dot, b, lane).at(k),
                this->layers_at(job.act_bar, b, lane).at(of_bar)};
    }

    /// sum = x + act(W_1 act(W_0 x + b) + b), layers k and k + 1: from the sum and its tangent to x, from `bar2`, the
    /// adjoint of the former, to that of the latter.
    void residual(int b, int k, int lane, int vectors, Lanes<T> bar2, Lanes<T> sum, Lanes<T> sum_dot, Lanes<T> x,
                  Lanes<T> x_dot) const {
        const Dense<T> *layers = net.interactions[b].update;
        const Lanes<T> pre_bar2 = w.tile[0], pre_bar = w.tile[1], t = w.tile[2], t_dot = w.tile[3], slope = w.tile[4];
        residual_second(kept(b, k + 1, lane), bar2, pre_bar2, pre_bar, sum, sum_dot, x, x_dot, s.embed_p, vectors);
        const Lanes<T> inner = w.tile[5], inner_dot = {w.spread.data, this->width};
        inner_second(kept(b, k, lane), t, t_dot, slope, inner, inner_dot, s.embed_p, vectors);
        inputs(t, t_dot, vectors);
        add_layer(layers[k + 1], pre_bar2, pre_bar, vectors);
        back_slope_add(layers[k + 1], pre_bar2, slope, inner, vectors, &w.queue);
        inputs(x, x_dot, vectors);
        add_layer(layers[k], inner, inner_dot, vectors);
        back_add(layers[k], inner, bar2, bar2, vectors, &w.queue);
    }

    /// Interaction b's update: message_bar2 of m_(b+1) becomes that of m_b; the adjoint of z goes to z_bar2.
    void update(int b, int lane, int vectors) const {
        using network::Node;
        const Lanes<T> bar2 = bar2_at(lane), h_bar2 = {w.spread2.data, this->width}, x = w.tile[6], x_dot = w.tile[7];
        const Lanes<T> pre_bar2 = w.tile[0], pre_bar = w.tile[1];
        Lanes<T> sum = this->embed_at(job.message, b + 1, lane), sum_dot = this->embed_at(job.message_dot, b + 1, lane);
        network::walk_update_back(s.update(), [&](const network::Step &step) {
            const Dense<T> &layer = net.interactions[b].update[step.layer];
            const auto adjoints = [&](Lanes<T> from) {
                activation_second(kept(b, step.layer, lane), from, pre_bar2, pre_bar, s.embed_p, vectors);
            };
            if (step.from == Node::inner) {
                // Both layers of a residual connection together, once its first one comes.
            } else if (step.from == Node::z) {
                adjoints(h_bar2);
                this->gather(job.z, b, lane, vectors * lanes<T>, w.rows);
                this->gather(job.z_dot, b, lane, vectors * lanes<T>, w.rows_dot);
                add_weight(layer, pre_bar2, pre_bar, w.rows, w.rows_dot, vectors);
                T *z_bar2 = this->block_of(job.z_bar2, b);
                dense_rows(pre_bar2.data, pre_bar2.ld, vectors * lanes<T>, layer.out, s.directional_p, layer.rows_back,
                           [=, row = s.directional_p, reverse = this->reverse_at(lane)](int e, int c, V<T> a)
                               TLMLP_FINISH { store(z_bar2 + std::ptrdiff_t(reverse[e]) * row + c, a); });
            } else if (step.from == Node::message) {
                adjoints(h_bar2);
                inputs(this->embed_at(job.message, b, lane), this->embed_at(job.message_dot, b, lane), vectors);
                add_layer(layer, pre_bar2, pre_bar, vectors);
                back_add(layer, pre_bar2, bar2, bar2, vectors, &w.queue);
            } else if (step.around >= 0) {
                residual(b, step.layer, lane, vectors, step.from == Node::h ? h_bar2 : bar2, sum, sum_dot, x, x_dot);
                sum = x;
                sum_dot = x_dot;
            } else {
                adjoints(bar2);
                sum = this->embed_at(job.h, b, lane);
                sum_dot = this->embed_at(job.h_dot, b, lane);
                inputs(sum, sum_dot, vectors);
                add_layer(layer, pre_bar2, pre_bar, vectors);
                back_linear(layer, pre_bar2, h_bar2, vectors);
            }
        });
    }

    void centres(int b) const {
        const auto &layer = net.interactions[b];
        for (int a = 0; a < chunk.atoms; ++a) {
            const int lane = this->first()[a];
            directional_second(s, layer.radial, net.legendre, this->centre_jet(b, a), this->z_bar_of(b, a),
                               this->rows_at(job.z_bar2, b, lane), w.jets,
                               w.y_bar2 + std::ptrdiff_t(lane) * s.directional_p, gradient + layer.radial_gradient);
        }
        clear(w.y_bar2 + std::ptrdiff_t(chunk.edges) * s.directional_p,
              std::ptrdiff_t(chunk.lanes - chunk.edges) * s.directional_p);
    }

    /// Products with a gate, p = x g: bar2 and bar of p give those of g, and add x's bar2.
    TLMLP_NOINLINE static void gate_second(Lanes<T> bar2, Lanes<T> bar, Lanes<T> x, Lanes<T> x_dot, Lanes<T> gate,
                                           Lanes<T> gate_dot, Lanes<T> gate_bar2, Lanes<T> gate_bar, Lanes<T> x_bar2,
                                           bool add, int rows, int vectors) {
        for (int c = 0; c < rows; ++c) {
            for (int v = 0; v < vectors; ++v) {
                const int lane = v * lanes<T>;
                const V<T> b = load(bar2.at(c, lane)), e = load(bar.at(c, lane)), value = load(x.at(c, lane));
                const V<T> sum = b * load(gate.at(c, lane)) + e * load(gate_dot.at(c, lane));
                store(gate_bar2.at(c, lane), b * value + e * load(x_dot.at(c, lane)));
                store(gate_bar.at(c, lane), e * value);
                store(x_bar2.at(c, lane), add ? load(x_bar2.at(c, lane)) + sum : sum);
            }
        }
    }

    /// pre_bar2 = s' y_bar2 + s'' p_dot bar and pre_bar = s' bar on rows.
    TLMLP_NOINLINE static void rows_second(const T *pre, const T *pre_dot, const T *bar, const T *bar2,
                                           std::ptrdiff_t n, T *pre_bar2, T *pre_bar) {
        for (std::ptrdiff_t k = 0; k < n; k += lanes<T>) {
            const auto jet = act_jet<T>(load(pre + k));
            const V<T> e = load(bar + k);
            store(pre_bar2 + k, jet.slope * load(bar2 + k) + jet.curve * load(pre_dot + k) * e);
            store(pre_bar + k, jet.slope * e);
        }
    }

    void messages_down(int b, int lane, int vectors) const {
        const auto &layer = net.interactions[b];
        const int row = s.directional_p, n = vectors * lanes<T>;
        const Lanes<T> radial = this->radial(lane);
        const Lanes<T> radial_dot = this->tile_at(job.radial_dot, s.radial_p, 0, lane);
        const Lanes<T> gate = w.tile[0], gate_dot = w.tile[1], kj_dot = w.tile[2], x = w.tile[3], x_dot = w.tile[4];
        const Lanes<T> kj = this->embed_at(job.kj, b, lane), m = this->embed_at(job.message, b, lane);
        const Lanes<T> m_dot = this->embed_at(job.message_dot, b, lane);
        layer_linear(layer.gate, radial, gate, vectors);
        layer_linear(layer.gate, radial_dot, gate_dot, vectors);
        multiply(this->embed_at(job.kj_slope, b, lane), this->embed_at(job.kj_pre_dot, b, lane), kj_dot, s.embed_p,
                 vectors);
        multiply(kj, gate, x, s.embed_p, vectors);
        TangentPass<T>::product_tangent(kj, kj_dot, gate, gate_dot, x_dot, s.embed_p, vectors);

        rows_second(this->rows_at(job.y_pre, b, lane), this->rows_at(job.y_pre_dot, b, lane),
                    this->rows_at(job.y_bar, b, lane), w.y_bar2 + std::ptrdiff_t(lane) * row, std::ptrdiff_t(n) * row,
                    w.rows, w.rows_dot);
        outer(x.data, x_dot.data, x.ld, s.embed_p, w.rows, w.rows_dot, row, n, gradient + layer.down.gradient,
              &w.queue);
        const Lanes<T> pre_bar2 = w.tile[3], bar2 = w.tile[4];
        to_lanes(w.rows, row, vectors, pre_bar2);
        back_linear(layer.down, pre_bar2, bar2, vectors);

        const Lanes<T> bar = this->embed_at(job.gated_bar, b, lane), gate_bar2 = w.tile[5], gate_bar = w.tile[6];
        const Lanes<T> kj_bar2 = w.tile[7], kj_bar = w.tile[3];
        multiply(bar, gate, kj_bar, s.embed_p, vectors);
        gate_second(bar2, bar, kj, kj_dot, gate, gate_dot, gate_bar2, gate_bar, kj_bar2, false, s.embed_p, vectors);
        add_weight(layer.gate, gate_bar2, gate_bar, w.radial_rows, w.radial_rows_dot, vectors);
        back_add(layer.gate, gate_bar2, radial_bar2(lane), radial_bar2(lane), vectors, &w.queue);

        const Lanes<T> kj_pre_bar2 = w.tile[0], kj_pre_bar = w.tile[1];
        activation_second<T>({this->embed_at(job.kj_pre, b, lane), this->embed_at(job.kj_pre_dot, b, lane), kj_bar},
                             kj_bar2, kj_pre_bar2, kj_pre_bar, s.embed_p, vectors);
        inputs(m, m_dot, vectors);
        add_layer(layer.kj, kj_pre_bar2, kj_pre_bar, vectors);
        back_add(layer.kj, kj_pre_bar2, bar2_at(lane), bar2_at(lane), vectors, &w.queue);
    }

    /// dPhi/ds_i of output block k.
    T *sums_bar2(int k) const { return w.sums_bar2 + s.head_of(k) * s.embed_p * chunk_atoms; }

    void output(int b, int k, int lane, int vectors) const {
        const auto &layer = net.outputs[k].gate;
        const Lanes<T> gate = w.tile[0], gate_dot = w.tile[1], gate_bar2 = w.tile[2], gate_bar = w.tile[3];
        layer_linear(layer, this->radial(lane), gate, vectors);
        layer_linear(layer, this->tile_at(job.radial_dot, s.radial_p, 0, lane), gate_dot, vectors);
        this->spread_atoms(sums_bar2(k), lane, vectors, w.spread);
        this->spread_atoms(this->sums_bar(k), lane, vectors, w.spread2);
        gate_second(w.spread, w.spread2, this->embed_at(job.message, b, lane), this->embed_at(job.message_dot, b, lane),
                    gate, gate_dot, gate_bar2, gate_bar, bar2_at(lane), true, s.embed_p, vectors);
        add_weight(layer, gate_bar2, gate_bar, w.radial_rows, w.radial_rows_dot, vectors);
        back_add(layer, gate_bar2, radial_bar2(lane), radial_bar2(lane), vectors, &w.queue);
    }

    void embedding(int lane, int vectors) const {
        const Lanes<T> pre_bar2 = w.tile[0], pre_bar = w.tile[1];
        activation_second<T>({this->embed_at(job.embed_pre, 0, lane), this->embed_at(job.embed_pre_dot, 0, lane),
                              this->embed_at(job.embed_bar, 0, lane)},
                             bar2_at(lane), pre_bar2, pre_bar, s.embed_p, vectors);
        add_weight(net.embed_radial, pre_bar2, pre_bar, w.radial_rows, w.radial_rows_dot, vectors);
        back_add(net.embed_radial, pre_bar2, radial_bar2(lane), radial_bar2(lane), vectors, &w.queue);
        const int row = pad_to(s.embed, row_pad), n = vectors * lanes<T>;
        to_rows(pre_bar2, s.embed_p, vectors, w.rows, row);
        for (int a = 0, e = 0; e < n && lane + e < chunk.edges; ++e) {
            while (lane + e >= this->first()[a] + this->count()[a]) {
                ++a;
            }
            T *target = gradient + net.target_gradient + std::ptrdiff_t(job.species[chunk.atom + a]) * row;
            T *source =
                gradient + net.source_gradient + std::ptrdiff_t(job.species[job.source[chunk.slot + lane + e]]) * row;
            for (int c = 0; c < row; c += lanes<T>) {
                const V<T> value = load(w.rows + std::ptrdiff_t(e) * row + c);
                store(target + c, load(target + c) + value);
                store(source + c, load(source + c) + value);
            }
        }
    }

    void run(int b) const {
        s.each_output(b, [&](int k) {
            const double *weight = job.value_weight + s.head_of(k) * job.atoms + chunk.atom;
            over_output<T>(s, net.outputs[k], this->output_arrays(k), chunk.atoms, [&](const OutputTile<T> &tile) {
                if (tile.w.of_energy) {
                    output_second<true>(tile, w, chunk.atoms, weight, sums_bar2(k), gradient);
                } else {
                    output_second<false>(tile, w, chunk.atoms, weight, sums_bar2(k), gradient);
                }
            });
        });
        if (b < s.blocks) {
            centres(b);
        }
        const auto next_tile = [&](const View &next, int lane) {
            next.queue_tile(job.radial, s.radial_p, 0, lane);
            next.queue_tile(job.radial_dot, s.radial_p, 0, lane);
            next.queue_tile(job.radial_bar2, s.radial_p, 0, lane);
            next.queue_embed(0, lane, {job.message_bar2});
            next.queue_embed(b, lane, {job.message, job.message_dot});
            if (b < s.blocks) {
                next.queue_rows(b, lane, {job.y_pre, job.y_pre_dot, job.y_bar});
                next.queue_embed(b, lane, {job.kj, job.kj_pre, job.kj_slope, job.kj_pre_dot, job.gated_bar});
            }
            if (b > 0) {
                next.queue_embed(b - 1, lane, {job.h, job.h_dot, job.message, job.message_dot});
                next.prefetch_reverse(job.z_bar2, b - 1, lane);
                next.queue_layers(b - 1, lane, {job.pre, job.pre_dot, job.act_bar});
                next.prefetch_reverse(job.z, b - 1, lane);
                next.prefetch_reverse(job.z_dot, b - 1, lane);
            } else {
                next.queue_embed(0, lane, {job.embed_pre, job.embed_pre_dot, job.embed_bar});
            }
        };
        const auto this_chunk = [&](int tile, int tiles) {
            if (b < s.blocks) {
                this->queue_next_centres(tile, tiles,
                                         {{job.basis, s.basis},
                                          {job.basis_slope, s.basis},
                                          {job.harmonics, s.harmonics},
                                          {job.harmonics_dot, s.harmonics}});
            }
        };
        this->over_tiles(next_tile, this_chunk, [&](int lane, int vectors) {
            const int row = pad_to(s.radial, row_pad);
            to_rows(this->radial(lane), s.radial_p, vectors, w.radial_rows, row);
            to_rows(this->tile_at(job.radial_dot, s.radial_p, 0, lane), s.radial_p, vectors, w.radial_rows_dot, row);
            if (b == s.blocks) {
                for (int c = 0; c < s.embed_p; ++c) {
                    clear(bar2_at(lane).at(c, 0), vectors * lanes<T>);
                }
            } else {
                messages_down(b, lane, vectors);
            }
            s.each_output(b, [&](int k) { output(b, k, lane, vectors); });
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
