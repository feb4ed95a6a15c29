#pragma once

// The forward and reverse passes over chunks, with a barrier between two passes (all chunks of one before any of the
// next). Forward pass b = 0..blocks finishes the messages m_b of the chunk's edges and adds output block b. If a block
// follows, it builds its y, its A_j and the z of the edges that leave the chunk's atoms. Reverse pass b mirrors forward pass b;
// the last one, 0, ends at dE/dvector.
//
// What is kept of a forward pass, and where, is the policy `Places`, a ChunkView. The engine keeps messages and sums and
// computes the rest again (engine_places.h), training keeps everything (training/sweeps/training_places.h). It has
//     keep_embedding, keep_down       of the embedding and of the way from messages to y, for the reverse pass
//     keep_down_forward               the latter in the forward pass; where it is less, the reverse pass begins with it again
//     message(b, lane), message_bar(b, lane), embedding(b, lane), down(b, lane), down_forward(b, lane)
//     update(b, lane, vectors, m)     interaction b's update, to m; bars(b, lane, vectors, g): what its way back needs
//     sums(k), sums_bar(k), output_arrays(k)  of output block k
//     z_bar_out(b)                    rows of dE/dz of interaction b, to write, in the places of z
//     z_bar_of(b, atom)               the same, to read, of the edges that leave an atom
//     received(atom), clear_received(atom)    dE/dA from other processes, or null
//     with_outputs()                  whether output blocks have an adjoint
//     distance_functions(), slopes()  the functions of the distance, and the policy of geometry.h
//     next_forward, next_again, next_reverse, chunk_forward, chunk_again, chunk_reverse   what to prefetch

#include "kernels/chunk_view.h"
#include "kernels/geometry.h"

namespace {

/// The way from messages to y of one tile.
template <class T> struct Down {
    Lanes<T> gate;
    KeptTiles<T> kj;
    Lanes<T> gated_bar; ///< adjoint of act(kj) * gate
    T *y, *slope, *pre; ///< rows
    T *y_bar;           ///< rows
};

template <class Places> struct Pass : Places {
    using T = typename Places::Scalar;
    using Places::job, Places::net, Places::s, Places::chunk, Places::w;
    using Places::Places;
    static constexpr bool keeps_all = Places::keep_down_forward == Keep::all;

    void geometry() const {
        this->distance_functions();
        evaluate_harmonics<T>(job, chunk);
        s.each_output(0, [&](int k) {
            for (int a = 0; a < chunk.atoms; ++a) {
                this->values(k)[a] = 0.0;
            }
        });
        if (job.gradient) {
            clear(job.radial_bar + s.radial_p * chunk.slot, std::ptrdiff_t(s.radial_p) * chunk.stride);
            clear(job.geometry_bar + 4 * chunk.slot, std::ptrdiff_t(4) * chunk.stride);
        }
    }

    /// m_0 = act(t[species_i] + s[species_j] + W e), both matrices of the embedding multiplied out
    void embed(int lane, int vectors, const KeptTiles<T> &kept, Lanes<T> out) const {
        const Lanes<T> inputs = w.tile[1];
        embed_inputs(job, chunk, lane, vectors * lanes<T>, inputs);
        layer_act<Places::keep_embedding, With::inside>(net.embed_radial, this->radial(lane), inputs, kept, out,
                                                        vectors, &w.queue);
    }

    /// y = act(W_down (act(W_kj m + b) * gate)) as rows.
    template <Keep keep> void messages_down(int b, int lane, int vectors, const Down<T> &to) const {
        const Interaction<T> &layer = net.interactions[b];
        const Lanes<T> x = w.tile[0];
        layer_linear(layer.gate, this->radial(lane), to.gate, vectors);
        layer_act<keep, With::product>(layer.kj, this->message(b, lane), to.gate, to.kj, x, vectors, &w.queue);
        const int edges = chunk.edges - lane;
        dense_rows(x.data, x.ld, vectors * lanes<T>, layer.down.in, s.directional_p, layer.down.rows,
                   [=, row = s.directional_p](int e, int c, V<T> a) TLMLP_FINISH {
                       const std::ptrdiff_t at = std::ptrdiff_t(e) * row + c;
                       if constexpr (keep == Keep::nothing) {
                           store(to.y + at, act<T>(a));
                       } else {
                           const auto value = act_slope<T>(a);
                           store(to.slope + at, value.slope);
                           store(to.y + at, keep == Keep::all && e >= edges ? V<T>{} : value.value);
                       }
                       if constexpr (keep == Keep::all) {
                           store(to.pre + at, a);
                       }
                   });
    }

    Centre<T> centre(int b, int a) const {
        const int lane = this->first()[a];
        return {this->lanes_at(job.basis, s.basis, lane), this->lanes_at(job.harmonics, s.harmonics, lane),
                this->down(b, lane).y, this->count()[a]};
    }

    void centres_forward(int b) const {
        for (int a = 0; a < chunk.atoms; ++a) {
            directional_forward(s, net.interactions[b].radial, net.legendre, centre(b, a), w.products, w.harmonics,
                                this->A_of(b, a), this->rows_at(job.z, b, this->first()[a]));
        }
    }

    void centres_backward(int b) const {
        for (int a = 0; a < chunk.atoms; ++a) {
            const int lane = this->first()[a];
            const T *received = this->received(a);
            directional_backward(s, net.interactions[b].radial, net.legendre, centre(b, a), this->A_of(b, a),
                                 this->z_bar_of(b, a), !chunk.foreign, received, w.centre,
                                 {w.y_bar.data + lane, w.y_bar.ld}, {w.basis_bar.data + lane, w.basis_bar.ld},
                                 {w.harmonics_bar.data + lane, w.harmonics_bar.ld});
            if (received) {
                this->clear_received(a);
            }
        }
        for (int c = 0; c < s.directional_p; ++c) {
            clear(w.y_bar.at(c, chunk.edges), chunk.stride - chunk.edges);
        }
        basis_backward(job, chunk, this->slopes(), w.basis_bar, w.harmonics_bar);
    }

    /// From y_bar to the message's adjoint g (added to) and the radial basis's.
    void messages_down_backward(int b, int lane, int vectors, Lanes<T> g) const {
        const Interaction<T> &layer = net.interactions[b];
        const Down<T> of = this->down(b, lane);
        const Lanes<T> y_bar{w.y_bar.data + lane, w.y_bar.ld}, pre_bar = w.tile[2], gate_bar = w.tile[3];
        if constexpr (keeps_all) {
            to_rows(y_bar, s.directional_p, vectors, of.y_bar, s.directional_p);
            layer_linear(layer.gate, this->radial(lane), of.gate, vectors);
        }
        times_rows(y_bar, of.slope, s.directional_p, vectors);
        back_gated<keeps_all>(layer.down, y_bar, of.kj.value, of.gate, of.kj.slope, of.gated_bar, pre_bar, gate_bar,
                              vectors);
        const Lanes<T> radial_bar = this->radial_bar(lane);
        back_add(layer.gate, gate_bar, radial_bar, radial_bar, vectors, &w.queue);
        back_add(layer.kj, pre_bar, g, g, vectors, &w.queue);
    }

    /// s_i += sum_j m_ji * gate, of each head's block
    void output_sums(int b, int lane, int vectors) const {
        const Lanes<T> gated = w.tile[0];
        s.each_output(b, [&](int k) {
            layer_times(net.outputs[k].gate, this->radial(lane), this->message(b, lane), gated, vectors);
            this->add_sums(gated, lane, vectors, this->sums(k));
        });
    }

    /// g += gate * s_bar, and the adjoint of the gate on to the radial basis; of the energy's block.
    void output_sums_backward(int b, int lane, int vectors, const T *sums_bar, Lanes<T> g) const {
        const OutputBlock<T> &layer = net.outputs[b];
        const Lanes<T> gate_bar = w.tile[2], radial_bar = this->radial_bar(lane);
        this->spread_atoms(sums_bar, lane, vectors, w.spread);
        layer_gate_back(layer.gate, this->radial(lane), w.spread, this->message(b, lane), g, gate_bar, vectors);
        back_add(layer.gate, gate_bar, radial_bar, radial_bar, vectors, &w.queue);
    }

    void output_backward(int k) const {
        over_output<T>(s, net.outputs[k], this->output_arrays(k), chunk.atoms,
                       [](const OutputTile<T> &tile) { ::output_backward(tile); });
    }

    void forward(int b) const {
        const bool last = b == s.blocks;
        if (b == 0) {
            geometry();
        }
        s.each_output(b, [&](int k) { clear(this->sums(k), std::ptrdiff_t(s.embed_p) * chunk_atoms); });
        this->over_tiles([&](const auto &next, int lane) { Places::next_forward(next, b, lane); },
                         [&](int tile, int tiles) { this->chunk_forward(b, tile, tiles); },
                         [&](int lane, int vectors) {
                             const Lanes<T> m = this->message(b, lane);
                             if (b == 0) {
                                 embed(lane, vectors, this->embedding(b, lane), m);
                             } else {
                                 this->update(b - 1, lane, vectors, m);
                             }
                             output_sums(b, lane, vectors);
                             if (!last) {
                                 messages_down<Places::keep_down_forward>(b, lane, vectors,
                                                                          this->down_forward(b, lane));
                             }
                         });
        s.each_output(b, [&](int k) {
            over_output<T>(s, net.outputs[k], this->output_arrays(k), chunk.atoms, [&](const OutputTile<T> &tile) {
                output_forward(tile, chunk.atoms, this->values(k), &w.queue);
            });
            if (!keeps_all && job.gradient) {
                output_backward(k);
            }
        });
        if (!last) {
            centres_forward(b);
        }
    }

    void reverse(int b) const {
        if (b < s.blocks) {
            if (!keeps_all) {
                this->over_tiles([&](const auto &next, int lane) { Places::next_again(next, b, lane); },
                                 [&](int tile, int tiles) { this->chunk_again(b, tile, tiles); },
                                 [&](int lane, int vectors) {
                                     messages_down<Places::keep_down>(b, lane, vectors, this->down(b, lane));
                                 });
            }
            centres_backward(b);
        }
        if (keeps_all) {
            s.each_output(b, [&](int k) { output_backward(k); });
        }
        const T *sums_bar = this->sums_bar(b);
        this->over_tiles([&](const auto &next, int lane) { Places::next_reverse(next, b, lane); },
                         [&](int tile, int tiles) { this->chunk_reverse(b, tile, tiles); },
                         [&](int lane, int vectors) {
                             const Lanes<T> g = this->message_bar(b, lane);
                             if (b == s.blocks) {
                                 clear(g.data, std::ptrdiff_t(s.embed_p) * g.ld);
                             } else {
                                 messages_down_backward(b, lane, vectors, g);
                             }
                             if (this->with_outputs()) {
                                 output_sums_backward(b, lane, vectors, sums_bar, g);
                             }
                             below(b, lane, vectors, g);
                         });
        if (b == 0) {
            geometry_backward(job, chunk, this->slopes());
        }
    }

    /// From the adjoint g of m_b to that of what made it.
    void below(int b, int lane, int vectors, Lanes<T> g) const {
        if (b > 0) {
            update_backward(s, net.interactions[b - 1], this->bars(b - 1, lane, vectors, g), w.tile[1], w.tile[2],
                            this->z_bar_out(b - 1), this->reverse_at(lane), vectors, &w.queue);
            return;
        }
        const KeptTiles<T> kept = this->embedding(b, lane);
        const Lanes<T> pre_bar = w.tile[0], radial_bar = this->radial_bar(lane);
        if (!keeps_all && s.blocks > 0) {
            embed(lane, vectors, kept, pre_bar);
        }
        multiply(g, kept.slope, pre_bar, s.embed_p, vectors);
        back_add(net.embed_radial, pre_bar, radial_bar, radial_bar, vectors, &w.queue);
    }
};

} // namespace
