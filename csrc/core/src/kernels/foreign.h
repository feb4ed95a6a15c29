#pragma once

// Systems spread over processes. Of a pair that joins an atom i of this process and a foreign one j, both directed
// messages are kept: m_ji needs the sum A_j, which the owner of j makes from all of j's edges and sends here, m_ij needs
// A_i, which lies here; each one's exclusion term is local. So foreign atoms have no sums of their own and no energy.
// Of the messages that end at them, the last block needs only y. Every copy of a message keeps its own adjoint;
// dE/dA_j of the copies here is sent to the owner, who adds it to his own: the sum over processes is the exact gradient.
// The passes mirror those of passes.h.

#include "kernels/engine_places.h"

namespace {

template <class T> using EnginePass = Pass<EnginePlaces<T>>;

/// dE/dA, times N_l, of foreign atoms from the edges of this process that leave them.
template <class T> void send_centres(const EnginePass<T> &pass) {
    for (int a = 0; a < pass.chunk.atoms; ++a) {
        const Lanes<T> harmonics = pass.lanes_at(pass.job.harmonics, pass.s.harmonics, pass.first()[a]);
        centre_adjoint(pass.s, pass.net.legendre, harmonics, pass.z_bar_of(0, a), pass.count()[a], pass.w.harmonics,
                       pass.A_bar_of(a));
    }
}

template <class T> struct ForeignPass {
    EnginePass<T> pass;
    const Sizes &s;
    const Chunk &chunk;
    EngineScratch<T> &w;

    explicit ForeignPass(const EnginePass<T> &of) : pass(of), s(of.s), chunk(of.chunk), w(of.w) {}

    /// The exclusion term of the edges that leave the foreign atoms; `receive` adds the rest.
    void centres_forward(int b) const {
        const std::ptrdiff_t step = std::ptrdiff_t(s.spherical) * row_pad;
        for (int a = 0; a < chunk.atoms; ++a) {
            const Centre<T> centre = pass.centre(b, a);
            T *z = pass.rows_at(pass.job.z, b, pass.first()[a]);
            for (int c = 0; c < s.directional_p; c += row_pad) {
                radial_rows(s, pass.net.interactions[b].radial + std::ptrdiff_t(c) * s.basis, centre, centre.y + c,
                            w.products);
                each_z(s, centre.edges, z + c, [&](auto &rows, int first, int at) TLMLP_FINISH {
                    own_terms<T>(s, pass.net.legendre, w.products + first * step + at, rows);
                });
            }
        }
    }

    void receive(int b) const {
        for (int a = 0; a < chunk.atoms; ++a) {
            const Centre<T> centre = pass.centre(b, a);
            const T *sums = pass.A_of(b, a);
            for (int c = 0; c < s.directional_p; c += row_pad) {
                T *z = pass.rows_at(pass.job.z, b, pass.first()[a]) + c;
                each_z(s, centre.edges, z, [&](auto &rows, int first, int at) TLMLP_FINISH {
                    for (int p = 0; p < channel_edges<T>; ++p) {
                        for (int v = 0; v < channel_vectors<T>; ++v) {
                            rows[p][v] = load(z + (first + p) * std::ptrdiff_t(s.directional_p) + at + v * lanes<T>);
                        }
                    }
                    sum_terms<T>(s, centre.harmonics, sums + std::ptrdiff_t(c) * s.harmonics + at, first, rows);
                });
            }
        }
    }

    void forward(int b) const {
        if (b == 0) {
            pass.geometry();
        }
        if (b == s.blocks) {
            if (pass.job.gradient) {
                clear(pass.job.message_bar + s.embed_p * chunk.slot, std::ptrdiff_t(s.embed_p) * chunk.stride);
                for (int lane = 0; b > 0 && lane < chunk.lanes; ++lane) {
                    clear(pass.job.z_bar_next + std::ptrdiff_t(*pass.reverse_at(lane)) * s.directional_p,
                          s.directional_p);
                }
                if (b == 0) {
                    geometry_backward(pass.job, chunk, pass.slopes()); // no block, no derivative: zeros
                }
            }
            return;
        }
        w.queue.clear();
        for (int lane = 0; lane < chunk.lanes; lane += pass.width) {
            const int vectors = pass.vectors_at(lane);
            const Lanes<T> m = pass.message(b, lane);
            if (b == 0) {
                pass.embed(lane, vectors, pass.embedding(b, lane), m);
            } else {
                pass.template update_to<Keep::nothing>(b - 1, lane, vectors, {}, m);
            }
            pass.template messages_down<Keep::nothing>(b, lane, vectors, pass.down_forward(b, lane));
        }
        centres_forward(b);
    }

    void reverse(int b) const {
        w.queue.clear();
        for (int lane = 0; lane < chunk.lanes; lane += pass.width) {
            pass.template messages_down<Keep::slopes>(b, lane, pass.vectors_at(lane), pass.down(b, lane));
        }
        pass.centres_backward(b);
        for (int a = 0; a < chunk.atoms; ++a) {
            pass.clear_received(a); // its owner has it now
        }
        for (int lane = 0; lane < chunk.lanes; lane += pass.width) {
            const int vectors = pass.vectors_at(lane);
            const Lanes<T> g = pass.message_bar(b, lane);
            pass.messages_down_backward(b, lane, vectors, g);
            pass.below(b, lane, vectors, g);
        }
        if (b == 0) {
            geometry_backward(pass.job, chunk, pass.slopes());
        }
    }
};

} // namespace
