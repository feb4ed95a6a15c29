#pragma once

// The directional (triplet) sum without triplets, and its first and second derivatives. For the edges e = 1..n that
// end at an atom j, with unit vectors pointing from j, and N_l = sqrt((2l+1)/4 pi), k_l = 1/N_l:
//     R_e[l,c] = sum_n s_e[l,n] w[l,n,c],  B_e = y_e R_e,  A[lm,c] = sum_e Y_e[lm] B_e[l,c]
//     Z_e[c] = sum_lm k_l Y_e[lm] A[lm,c] - sum_l N_l B_e[l,c]
// and Z_e belongs to the opposite edge, z[reverse[e]] = Z_e: the last term takes the partner of e itself out. So all
// arrays of one atom are gathered, worked on in cache and scattered; atoms are independent. An edge without a
// reverse edge ("orphan", at the cutoff's rounding) counts at its source as an entry with s = 0 and Y of the
// opposite direction, (-1)^l Y, which makes every formula below hold for it too.
//
// Gradient g of z (G_e = g[reverse[e]]):
//     gA = k sum_e Y_e G_e,   gB_e = sum_m gA Y_e - N G_e,   gy = sum_l gB R,   gR = gB y,
//     gs = sum_c gR w,   gw = sum_e s gR,   gY_e = sum_c (k A G_e + gA B_e).
// Second derivative: with cotangents vy, vs, vw, vY of those gradients, the scalar <v, gradients> is the derivative
// of <g, z> along v. Its tangents R' = vs w + s vw, B' = vy R + y R', A' = sum (Y B' + vY B) give
//     grad of g: Z' = k (vY A + Y A') - N B',
// and with hA = k sum_e vY G, hB = sum_m (hA Y + gA vY), hR = gB vy + hB y its reverse pass gives
//     y: sum_l (gB R' + hB R),  s: sum_c (hR w + gR vw),  w: sum_e (s hR + vs gR),
//     Y: sum_c (k A' G + gA B' + hA B).
//
// Vector operations per edge, float32 AVX-512, L N C = 7 6 16 (42 functions, 49 harmonics, one vector of channels):
// forward 42 + 49 + 49 + 7; backward 42 + 3*49 + 7*16*2 (gY) + 7*16 (gs) + 42 (gw, in training only) + 21;
// second 84 + 7*49 + 7*16*3 + 7*16 + 84 + 50, i.e. 0.15, 0.55 and 1.0 thousand (gs and more than half of gY in half
// vectors); with 14,336 edges and four blocks 8, 31 and 57 million, against 0.6 kB of rows moved per edge and array
// set: compute bound.

#include "contractions.h"
#include "kernels.h"

namespace {

template <class T> struct AtomEntries {
    std::int64_t n_in, n;          ///< edges that end here; those and the orphans that start here
    const std::int64_t *in, *orphan;
};

template <class T> AtomEntries<T> entries_of(const kernels::Directional<T> &d, std::int64_t atom) {
    AtomEntries<T> a{};
    a.in = d.edges + d.offsets[atom];
    a.n_in = d.offsets[atom + 1] - d.offsets[atom];
    a.n = a.n_in;
    if (d.orphan_offsets) {
        a.orphan = d.orphans + d.orphan_offsets[atom];
        a.n += d.orphan_offsets[atom + 1] - d.orphan_offsets[atom];
    }
    return a;
}

/// Rows of `from` for the edges that end here, zeros for the orphans.
template <class T>
TLMLP_INLINE void gather(const AtomEntries<T> &a, const T *from, std::int64_t width, T *to, std::int64_t stride) {
    for (std::int64_t e = 0; e < a.n; ++e) {
        fill_zero(to + e * stride, stride);
        if (from && e < a.n_in) {
            copy_row(to + e * stride, from + a.in[e] * width, width);
        }
    }
}

/// Rows of `from` at the opposite edges: reverse[e] for the edges that end here, the orphans themselves.
template <class T>
TLMLP_INLINE void gather_reverse(const AtomEntries<T> &a, const std::int64_t *reverse, const T *from,
                                 std::int64_t width, T *to, std::int64_t stride) {
    for (std::int64_t e = 0; e < a.n; ++e) {
        const std::int64_t row = e < a.n_in ? reverse[a.in[e]] : a.orphan[e - a.n_in];
        fill_zero(to + e * stride, stride);
        if (from && row >= 0) {
            copy_row(to + e * stride, from + row * width, width);
        }
    }
}

/// Harmonics: as stored for the edges that end here, those of the opposite direction for the orphans.
template <class T>
TLMLP_INLINE void gather_harmonics(const AtomEntries<T> &a, const Sizes &z, const T *from, T *to) {
    gather(a, from, z.Q, to, z.qp);
    for (std::int64_t e = a.n_in; from && e < a.n; ++e) {
        for (std::int64_t l = 0; l < z.L; ++l) {
            for (std::int64_t q = l * l; q < (l + 1) * (l + 1); ++q) {
                const T value = from[a.orphan[e - a.n_in] * z.Q + q];
                to[e * z.qp + q] = l % 2 ? -value : value;
            }
        }
    }
}

template <class T>
TLMLP_INLINE void scatter(const AtomEntries<T> &a, const T *from, std::int64_t stride, std::int64_t width, T *to) {
    for (std::int64_t e = 0; e < a.n_in; ++e) {
        copy_row(to + a.in[e] * width, from + e * stride, width);
    }
}

template <class T>
TLMLP_INLINE void scatter_reverse(const AtomEntries<T> &a, const std::int64_t *reverse, const T *from,
                                  std::int64_t stride, std::int64_t width, T *to) {
    for (std::int64_t e = 0; e < a.n; ++e) {
        const std::int64_t row = e < a.n_in ? reverse[a.in[e]] : a.orphan[e - a.n_in];
        if (row >= 0) {
            copy_row(to + row * width, from + e * stride, width);
        }
    }
}

template <class T>
TLMLP_INLINE void scatter_harmonics(const AtomEntries<T> &a, const kernels::Directional<T> &d, const Sizes &z,
                                    std::int64_t atom, const T *from, T *to, T *to_orphans) {
    scatter(a, from, z.qp, z.Q, to);
    for (std::int64_t e = a.n_in; e < a.n; ++e) {
        T *row = to_orphans + (d.orphan_offsets[atom] + e - a.n_in) * z.Q;
        for (std::int64_t l = 0; l < z.L; ++l) {
            for (std::int64_t q = l * l; q < (l + 1) * (l + 1); ++q) {
                row[q] = l % 2 ? -from[e * z.qp + q] : from[e * z.qp + q];
            }
        }
    }
}

/// The layer's constants in padded form: weight [l,n][c], its transpose [l][c][n], N_l and 1/N_l.
template <class T> struct Constants {
    T *weight, *weight_t, *norm, *inverse_norm;

    Constants(const Sizes &z, Workspace<T> &work)
        : weight(work.take(z.L * z.N * z.cp)), weight_t(work.take(z.L * z.C * z.np)), norm(work.take(z.L)),
          inverse_norm(work.take(z.L)) {}

    void fill(const Sizes &z, const T *from) {
        for (std::int64_t l = 0; l < z.L; ++l) {
            norm[l] = T(__builtin_sqrt((2.0 * double(l) + 1.0) / 12.566370614359172954));
            inverse_norm[l] = T(1) / norm[l];
        }
        for (std::int64_t k = 0; k < z.L * z.N; ++k) {
            fill_zero(weight + k * z.cp, z.cp);
            copy_row(weight + k * z.cp, from + k * z.C, z.C);
        }
        fill_zero(weight_t, z.L * z.C * z.np);
        for (std::int64_t k = 0; k < z.L * z.N; ++k) {
            for (std::int64_t c = 0; c < z.C; ++c) {
                weight_t[(k / z.N * z.C + c) * z.np + k % z.N] = from[k * z.C + c];
            }
        }
    }
};

/// Y-row and sbf-row widths for contract_channels.
template <class T>
TLMLP_INLINE void contract_to_harmonics(const Sizes &z, std::int64_t n, const ChannelTerm<T> (&terms)[3], int used,
                                        T *out) {
    contract_channels<T>(
        z, n, terms, used, [&](std::int64_t l) { return z.order_width(l); }, [](std::int64_t l) { return l * l; },
        out, z.qp);
}

template <class T>
TLMLP_INLINE void contract_to_radial(const Sizes &z, std::int64_t n, const ChannelTerm<T> (&terms)[2], int used,
                                     T *out) {
    contract_channels<T>(
        z, n, terms, used, [&](std::int64_t) { return z.np; }, [&](std::int64_t l) { return l * z.N; }, out, z.sp);
}

/// out[e][c] = [out +] sign * sum_l factor_l a[e][l][c] (b[e][l][c] if given).
template <class T>
TLMLP_INLINE void sum_orders(const Sizes &z, std::int64_t n, const T *a, const T *b, const T *factor, T sign,
                             bool add, T *out) {
    for (std::int64_t e = 0; e < n; ++e) {
        for (std::int64_t v = 0; v < z.cp; v += lanes<T>) {
            V<T> sum = splat<T>(T(0));
            for (std::int64_t l = 0; l < z.L; ++l) {
                const std::int64_t at = (e * z.L + l) * z.cp + v;
                const V<T> x = b ? load<T>(a + at) * load<T>(b + at) : load<T>(a + at);
                sum += (factor ? factor[l] : T(1)) * x;
            }
            T *to = out + e * z.cp + v;
            store<T>(to, add ? load<T>(to) + sign * sum : sign * sum);
        }
    }
}

/// out[e][l][c] = a[e][c] x[e][l][c] + b[e][c] y[e][l][c]; b null: the first product alone.
template <class T>
TLMLP_INLINE void scale_orders(const Sizes &z, std::int64_t n, const T *a, const T *x, const T *b, const T *y,
                               T *out) {
    for (std::int64_t e = 0; e < n; ++e) {
        for (std::int64_t v = 0; v < z.cp; v += lanes<T>) {
            const V<T> first = load<T>(a + e * z.cp + v);
            const V<T> second = b ? load<T>(b + e * z.cp + v) : splat<T>(T(0));
            for (std::int64_t l = 0; l < z.L; ++l) {
                const std::int64_t at = (e * z.L + l) * z.cp + v;
                V<T> sum = first * load<T>(x + at);
                if (b) {
                    sum += second * load<T>(y + at);
                }
                store<T>(out + at, sum);
            }
        }
    }
}

/// Everything of one atom; the second derivative takes all of it, the others the first part.
template <class T> struct AtomBuffers {
    T *y, *s, *Y, *Z, *R, *B, *A, *scaled;             // forward
    T *G, *gA, *gB, *gR, *At, *gAt, *gy, *gs, *gY, *gw; // backward
    T *vy, *vs, *vY, *R1, *B1, *A1, *hA, *hB, *hR, *hAt; // second

    AtomBuffers(const Sizes &z, std::int64_t n, Workspace<T> &work) {
        const std::int64_t channel = n * z.cp, order = n * z.L * z.cp, sums = z.Q * z.cp;
        const std::int64_t transposed = z.transposed_size();
        for (T **p : {&y, &G, &Z, &gy, &vy}) {
            *p = work.take(channel);
        }
        for (T **p : {&s, &gs, &vs}) {
            *p = work.take(n * z.sp);
        }
        for (T **p : {&Y, &gY, &vY}) {
            *p = work.take(n * z.qp);
        }
        for (T **p : {&R, &B, &gB, &gR, &R1, &B1, &hB, &hR}) {
            *p = work.take(order);
        }
        for (T **p : {&A, &scaled, &gA, &A1, &hA}) {
            *p = work.take(sums);
        }
        for (T **p : {&At, &gAt, &hAt}) {
            *p = work.take(transposed);
        }
        gw = work.take(z.L * z.N * z.cp);
    }
};

template <class T> std::int64_t directional_scratch(const kernels::Directional<T> &d, std::int64_t neighbours) {
    const Sizes z(d.num_spherical, d.num_radial, d.channels, lanes<T>);
    Workspace<T> work{nullptr};
    Constants<T> constants(z, work), tangents(z, work);
    AtomBuffers<T> buffers(z, neighbours, work);
    return work.used;
}

template <class T> TLMLP_INLINE void scale_sums(const Sizes &z, const T *A, const T *factor, T *to) {
    for (std::int64_t l = 0; l < z.L; ++l) {
        for (std::int64_t i = l * l * z.cp; i < (l + 1) * (l + 1) * z.cp; i += lanes<T>) {
            store<T>(to + i, factor[l] * load<T>(A + i));
        }
    }
}

/// R, B = y R and A = sum_e Y B of the gathered entries.
template <class T>
TLMLP_INLINE void sums_of_atom(const Sizes &z, const AtomEntries<T> &a, const kernels::Directional<T> &d,
                               const Constants<T> &constants, const AtomBuffers<T> &b) {
    gather(a, d.y, z.C, b.y, z.cp);
    gather(a, d.sbf, z.L * z.N, b.s, z.sp);
    gather_harmonics(a, z, d.harmonics, b.Y);
    expand_radial(z, a.n, b.s, constants.weight, false, b.R);
    scale_orders<T>(z, a.n, b.y, b.R, nullptr, nullptr, b.B);
    sum_entries<T>(z, a.n, b.Y, b.B, z.L * z.cp, z.cp, nullptr, false, b.A);
}

template <class T>
void directional(const kernels::Directional<T> &d, std::int64_t first, std::int64_t last, T *out, T *scratch) {
    const Sizes z(d.num_spherical, d.num_radial, d.channels, lanes<T>);
    std::int64_t neighbours = 0;
    for (std::int64_t atom = first; atom < last; ++atom) {
        const std::int64_t n = entries_of(d, atom).n;
        neighbours = n > neighbours ? n : neighbours;
    }
    Workspace<T> work{scratch};
    Constants<T> constants(z, work);
    constants.fill(z, d.weight);
    const AtomBuffers<T> b(z, neighbours, work);
    for (std::int64_t atom = first; atom < last; ++atom) {
        const AtomEntries<T> a = entries_of(d, atom);
        sums_of_atom(z, a, d, constants, b);
        scale_sums(z, b.A, constants.inverse_norm, b.scaled);
        project(z, a.n, b.Y, b.scaled, false, b.Z);
        sum_orders<T>(z, a.n, b.B, nullptr, constants.norm, T(-1), true, b.Z);
        scatter_reverse(a, d.reverse, b.Z, z.cp, z.C, out);
    }
}

/// gA, gB and gR of the gathered gradient G.
template <class T>
TLMLP_INLINE void gradients_of_atom(const Sizes &z, const AtomEntries<T> &a, const Constants<T> &constants,
                                    const AtomBuffers<T> &b) {
    sum_entries<T>(z, a.n, b.Y, b.G, z.cp, 0, constants.inverse_norm, false, b.gA);
    project_orders<T>(z, a.n, b.Y, b.gA, constants.norm, b.G, false, b.gB);
    scale_orders<T>(z, a.n, b.y, b.gB, nullptr, nullptr, b.gR);
}

template <class T>
void directional_backward(const kernels::Directional<T> &d, const kernels::DirectionalGrads<T> &g,
                          std::int64_t first, std::int64_t last, T *scratch) {
    const Sizes z(d.num_spherical, d.num_radial, d.channels, lanes<T>);
    std::int64_t neighbours = 0;
    for (std::int64_t atom = first; atom < last; ++atom) {
        const std::int64_t n = entries_of(d, atom).n;
        neighbours = n > neighbours ? n : neighbours;
    }
    Workspace<T> work{scratch};
    Constants<T> constants(z, work);
    constants.fill(z, d.weight);
    const AtomBuffers<T> b(z, neighbours, work);
    fill_zero(b.gw, z.L * z.N * z.cp);
    for (std::int64_t atom = first; atom < last; ++atom) {
        const AtomEntries<T> a = entries_of(d, atom);
        sums_of_atom(z, a, d, constants, b);
        gather_reverse(a, d.reverse, g.grad_z, z.C, b.G, z.cp);
        gradients_of_atom(z, a, constants, b);
        if (g.y) {
            sum_orders<T>(z, a.n, b.gB, b.R, nullptr, T(1), false, b.gy);
            scatter(a, b.gy, z.cp, z.C, g.y);
        }
        if (g.sbf) {
            const ChannelTerm<T> terms[2] = {{b.gR, z.L * z.cp, z.cp, constants.weight_t}, {}};
            contract_to_radial(z, a.n_in, terms, 1, b.gs);
            scatter(a, b.gs, z.sp, z.L * z.N, g.sbf);
        }
        if (g.weight) {
            sum_weight(z, a.n_in, b.s, b.gR, b.gw);
        }
        if (g.harmonics) {
            transpose_orders(z, b.A, constants.inverse_norm, b.At);
            transpose_orders<T>(z, b.gA, nullptr, b.gAt);
            const ChannelTerm<T> terms[3] = {{b.G, z.cp, 0, b.At}, {b.B, z.L * z.cp, z.cp, b.gAt}, {}};
            contract_to_harmonics(z, a.n, terms, 2, b.gY);
            scatter_harmonics(a, d, z, atom, b.gY, g.harmonics, g.orphan_harmonics);
        }
    }
    for (std::int64_t k = 0; g.weight && k < z.L * z.N; ++k) {
        for (std::int64_t c = 0; c < z.C; ++c) {
            g.weight[k * z.C + c] += b.gw[k * z.cp + c];
        }
    }
}

template <class T>
void directional_second(const kernels::Directional<T> &d, const kernels::DirectionalSecond<T> &g, std::int64_t first,
                        std::int64_t last, T *scratch) {
    const Sizes z(d.num_spherical, d.num_radial, d.channels, lanes<T>);
    std::int64_t neighbours = 0;
    for (std::int64_t atom = first; atom < last; ++atom) {
        const std::int64_t n = entries_of(d, atom).n;
        neighbours = n > neighbours ? n : neighbours;
    }
    Workspace<T> work{scratch};
    Constants<T> constants(z, work), tangents(z, work);
    constants.fill(z, d.weight);
    if (g.v_weight) {
        tangents.fill(z, g.v_weight);
    }
    const AtomBuffers<T> b(z, neighbours, work);
    fill_zero(b.gw, z.L * z.N * z.cp);
    const std::int64_t order = z.L * z.cp;
    for (std::int64_t atom = first; atom < last; ++atom) {
        const AtomEntries<T> a = entries_of(d, atom);
        sums_of_atom(z, a, d, constants, b);
        gather_reverse(a, d.reverse, g.grad_z, z.C, b.G, z.cp);
        gradients_of_atom(z, a, constants, b);

        // Tangents of R, B and A along v.
        gather(a, g.v_y, z.C, b.vy, z.cp);
        gather(a, g.v_sbf, z.L * z.N, b.vs, z.sp);
        gather_harmonics(a, z, g.v_harmonics, b.vY);
        expand_radial(z, a.n, b.vs, constants.weight, false, b.R1);
        if (g.v_weight) {
            expand_radial(z, a.n, b.s, tangents.weight, true, b.R1);
        }
        scale_orders<T>(z, a.n, b.vy, b.R, b.y, b.R1, b.B1);
        sum_entries<T>(z, a.n, b.Y, b.B1, order, z.cp, nullptr, false, b.A1);
        sum_entries<T>(z, a.n, b.vY, b.B, order, z.cp, nullptr, true, b.A1);

        if (g.grad_z_out) {
            scale_sums(z, b.A, constants.inverse_norm, b.scaled);
            project(z, a.n, b.vY, b.scaled, false, b.Z);
            scale_sums(z, b.A1, constants.inverse_norm, b.scaled);
            project(z, a.n, b.Y, b.scaled, true, b.Z);
            sum_orders<T>(z, a.n, b.B1, nullptr, constants.norm, T(-1), true, b.Z);
            scatter_reverse(a, d.reverse, b.Z, z.cp, z.C, g.grad_z_out);
        }

        // Reverse pass over the tangents.
        sum_entries<T>(z, a.n, b.vY, b.G, z.cp, 0, constants.inverse_norm, false, b.hA);
        project_orders<T>(z, a.n, b.Y, b.hA, nullptr, nullptr, false, b.hB);
        project_orders<T>(z, a.n, b.vY, b.gA, nullptr, nullptr, true, b.hB);
        scale_orders<T>(z, a.n, b.vy, b.gB, b.y, b.hB, b.hR);
        if (g.y) {
            sum_orders<T>(z, a.n, b.gB, b.R1, nullptr, T(1), false, b.gy);
            sum_orders<T>(z, a.n, b.hB, b.R, nullptr, T(1), true, b.gy);
            scatter(a, b.gy, z.cp, z.C, g.y);
        }
        if (g.sbf) {
            const ChannelTerm<T> terms[2] = {{b.hR, order, z.cp, constants.weight_t},
                                             {b.gR, order, z.cp, tangents.weight_t}};
            contract_to_radial(z, a.n_in, terms, g.v_weight ? 2 : 1, b.gs);
            scatter(a, b.gs, z.sp, z.L * z.N, g.sbf);
        }
        if (g.weight) {
            sum_weight(z, a.n_in, b.s, b.hR, b.gw);
            sum_weight(z, a.n_in, b.vs, b.gR, b.gw);
        }
        if (g.harmonics) {
            transpose_orders(z, b.A1, constants.inverse_norm, b.At);
            transpose_orders<T>(z, b.gA, nullptr, b.gAt);
            transpose_orders<T>(z, b.hA, nullptr, b.hAt);
            const ChannelTerm<T> terms[3] = {
                {b.G, z.cp, 0, b.At}, {b.B1, order, z.cp, b.gAt}, {b.B, order, z.cp, b.hAt}};
            contract_to_harmonics(z, a.n, terms, 3, b.gY);
            scatter_harmonics(a, d, z, atom, b.gY, g.harmonics, g.orphan_harmonics);
        }
    }
    for (std::int64_t k = 0; g.weight && k < z.L * z.N; ++k) {
        for (std::int64_t c = 0; c < z.C; ++c) {
            g.weight[k * z.C + c] += b.gw[k * z.cp + c];
        }
    }
}

} // namespace
