#pragma once

// Systems spread over processes. Of a pair that joins an atom i of this process and a foreign one j, both directed
// messages are kept: m_ji needs the sum A_j, which the owner of j makes from all of j's edges and sends here, m_ij needs
// A_i, which lies here; each one's exclusion term is local. So foreign atoms have no sums of their own and no energy,
// and of the last block only y is needed of the messages that end at them. Every copy of a message keeps its own adjoint;
// dE/dA_j of the copies here is sent to the owner, who adds it to his own: the sum over processes is the exact gradient.
// The passes mirror those of passes.h.

#include "kernels/passes.h"

namespace {

/// dE/dA, times N_l, of foreign atoms from the edges of this process that leave them.
template <class T> void send_centres(const Pass<T> &pass) {
    for (int a = 0; a < pass.chunk.atoms; ++a) {
        pass.gather_z_bar(a);
        centre_adjoint(pass.s, pass.net.legendre, pass.centre_at(a).harmonics, pass.w.z_bar, pass.count()[a],
                       pass.w.harmonics, pass.A_bar_of(pass.chunk.atom + a));
    }
}

template <class T> struct ForeignPass {
    Pass<T> pass;
    const Sizes &s;
    const Chunk &chunk;
    Scratch<T> &w;

    explicit ForeignPass(const Pass<T> &of) : pass(of), s(of.s), chunk(of.chunk), w(of.w) {}

    T *z_of(int block, int atom) const {
        return pass.z_rows(block) + (chunk.slot + pass.first()[atom]) * s.directional_p;
    }

    /// The exclusion term of the edges that leave the foreign atoms; `receive` adds the rest.
    void centres_forward(int block) const {
        const std::ptrdiff_t step = std::ptrdiff_t(s.spherical) * row_pad;
        for (int a = 0; a < chunk.atoms; ++a) {
            const Centre<T> centre = pass.centre_at(a);
            for (int c = 0; c < s.directional_p; c += row_pad) {
                radial_rows(s, pass.net.interactions[block].radial + std::ptrdiff_t(c) * s.basis, centre, centre.y + c,
                            w.products);
                each_z(s, centre.edges, z_of(block, a) + c, [&](auto &rows, int first, int at) TLMLP_FINISH {
                    own_terms<T>(s, pass.net.legendre, w.products + first * step + at, rows);
                });
            }
        }
    }

    void receive(int block) const {
        for (int a = 0; a < chunk.atoms; ++a) {
            const Centre<T> centre = pass.centre_at(a);
            const T *sums = pass.A_of(block, chunk.atom + a);
            for (int c = 0; c < s.directional_p; c += row_pad) {
                T *z = z_of(block, a) + c;
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
                pass.clear(pass.job.message_bar + s.embed_p * chunk.slot, std::ptrdiff_t(s.embed_p) * chunk.stride);
                pass.clear(pass.job.z_bar_next + chunk.slot * s.directional_p,
                           std::ptrdiff_t(s.directional_p) * chunk.stride);
                if (b == 0) {
                    geometry_backward(pass.job, chunk); // no block, no derivative: zeros
                }
            }
            return;
        }
        for (int lane = 0; lane < chunk.lanes; lane += Pass<T>::width) {
            const int vectors = pass.tile_vectors_at(lane);
            const Lanes<T> m = pass.message(b, lane);
            if (b == 0) {
                pass.embed(lane, vectors, m, w.tile[2]);
            } else {
                pass.gather_z(b - 1, lane, vectors);
                update_forward(s, pass.net.interactions[b - 1], pass.nodes(b - 1, lane, m), KeepNothing<T>(), vectors);
            }
            pass.messages_down(b, lane, vectors, m);
        }
        centres_forward(b);
    }

    void backward(int b) const {
        for (int lane = 0; lane < chunk.lanes; lane += Pass<T>::width) {
            pass.messages_down_keep(b, lane, pass.tile_vectors_at(lane), pass.message(b, lane));
        }
        pass.centres_backward(b);
        for (int a = 0; a < chunk.atoms; ++a) {
            pass.clear_A_bar(chunk.atom + a); // its owner has it now
        }
        for (int lane = 0; lane < chunk.lanes; lane += Pass<T>::width) {
            const int vectors = pass.tile_vectors_at(lane);
            const Lanes<T> g = w.tile[5];
            copy(pass.message_bar(lane), g, s.embed_p, vectors);
            pass.messages_down_backward(b, lane, vectors, g);
            if (b > 0) {
                pass.gather_z(b - 1, lane, vectors);
                update_forward(s, pass.net.interactions[b - 1], pass.nodes(b - 1, lane, w.tile[2]),
                               KeepSlopes<T>{pass.slopes_of(0)}, vectors);
                pass.descend(b, lane, vectors, g, pass.slopes_of(0));
            } else {
                pass.embed(lane, vectors, w.tile[0], w.tile[2]);
                pass.embed_backward(lane, vectors, g, w.tile[2]);
            }
        }
        basis_backward(pass.job, chunk, w.basis_bar, w.harmonics_bar);
        if (b == 0) {
            geometry_backward(pass.job, chunk);
        }
    }
};

} // namespace
