#pragma once

// Second half of an interaction block on one tile: from the message m and the directional sum z of the same edges to
// the new message, and back.
//     h = act(W_ji m + b) + act(W_up z);  h += act(W act(W h + b) + b);  m' = act(W_f h + b) + m;
//     m' += act(W act(W m' + b) + b)

#include "kernels/layers.h"

namespace {

/// Slopes of the activations of one tile, in the order up, ji, before, final, after.
template <class T> struct Slopes {
    T *data;
    std::ptrdiff_t rows, ld; ///< of one lane array
    TLMLP_INLINE Lanes<T> at(int k) const { return {data + k * rows * ld, ld}; }
};

inline constexpr int slope_up = 0, slope_ji = 1, slope_before = 2;

inline int slope_final(const Sizes &s) { return slope_before + 2 * s.before; }
inline int slope_after(const Sizes &s) { return slope_final(s) + 1; }

/// `h` and `t` are work space; `next` receives m' and may not be `m`.
template <class T>
void update_forward(const Sizes &s, const Interaction<T> &w, Lanes<T> m, Lanes<T> z, Lanes<T> h, Lanes<T> t,
                    Lanes<T> next, int vectors) {
    layer_swish(w.up, z, h, vectors);
    layer_swish_add(w.ji, m, h, h, vectors);
    for (int k = 0; k < s.before; ++k) {
        layer_swish(w.before[2 * k], h, t, vectors);
        layer_swish_add(w.before[2 * k + 1], t, h, h, vectors);
    }
    layer_swish_add(w.final, h, m, next, vectors);
    for (int k = 0; k < s.after; ++k) {
        layer_swish(w.after[2 * k], next, t, vectors);
        layer_swish_add(w.after[2 * k + 1], t, next, next, vectors);
    }
}

/// The same, keeping the slopes for `update_backward`.
template <class T>
void update_forward_keep(const Sizes &s, const Interaction<T> &w, Lanes<T> m, Lanes<T> z, Lanes<T> h, Lanes<T> t,
                         Lanes<T> next, Slopes<T> slopes, int vectors) {
    layer_swish_keep(w.up, z, h, slopes.at(slope_up), vectors);
    layer_swish_add_keep(w.ji, m, h, h, slopes.at(slope_ji), vectors);
    for (int k = 0; k < s.before; ++k) {
        const int at = slope_before + 2 * k;
        layer_swish_keep(w.before[2 * k], h, t, slopes.at(at), vectors);
        layer_swish_add_keep(w.before[2 * k + 1], t, h, h, slopes.at(at + 1), vectors);
    }
    layer_swish_add_keep(w.final, h, m, next, slopes.at(slope_final(s)), vectors);
    for (int k = 0; k < s.after; ++k) {
        const int at = slope_after(s) + 2 * k;
        layer_swish_keep(w.after[2 * k], next, t, slopes.at(at), vectors);
        layer_swish_add_keep(w.after[2 * k + 1], t, next, next, slopes.at(at + 1), vectors);
    }
}

/// `g` is dE/dm' and becomes dE/dm; dE/dz goes to the rows z_bar[lane][directional_p]. `h`, `t`, `q` are work space.
template <class T>
void update_backward(const Sizes &s, const Interaction<T> &w, Slopes<T> slopes, Lanes<T> g, Lanes<T> h, Lanes<T> t,
                     Lanes<T> q, T *z_bar, int vectors) {
    multiply(g, slopes.at(s.after > 0 ? slope_after(s) + 2 * s.after - 1 : slope_final(s)), t, s.embed_p, vectors);
    for (int k = s.after - 1; k >= 0; --k) {
        const int at = slope_after(s) + 2 * k;
        back_times(w.after[2 * k + 1], t, slopes.at(at), q, vectors);
        back_add_next(w.after[2 * k], q, g, slopes.at(k > 0 ? at - 1 : slope_final(s)), t, vectors);
    }
    const Lanes<T> below = slopes.at(s.before > 0 ? slope_before + 2 * s.before - 1 : slope_ji);
    back_next(w.final, t, h, below, q, vectors);
    for (int k = s.before - 1; k >= 0; --k) {
        const int at = slope_before + 2 * k;
        back_times(w.before[2 * k + 1], q, slopes.at(at), t, vectors);
        back_add_next(w.before[2 * k], t, h, slopes.at(k > 0 ? at - 1 : slope_ji), q, vectors);
    }
    back_add(w.ji, q, g, vectors);
    multiply(h, slopes.at(slope_up), t, s.embed_p, vectors);
    dense_rows(t.data, t.ld, vectors * lanes<T>, w.up.out, s.directional_p, w.up.rows_back,
               [=, row = s.directional_p](int lane, int c, V<T> a) TLMLP_FINISH {
                   store(z_bar + std::ptrdiff_t(lane) * row + c, a);
               });
}

} // namespace
