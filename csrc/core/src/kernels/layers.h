#pragma once

// The few fused layer operations that all blocks are made of. Each is compiled once per precision and not inlined:
// together they stay in the instruction cache while a tile runs through its twenty layers. What a layer leaves behind for
// the way back is fixed at compile time.

#include "kernels/dense.h"
#include "kernels/prefetch.h"

namespace {

#define TLMLP_NOINLINE __attribute__((noinline))
#define TLMLP_FINISH __attribute__((always_inline))

/// A lane array: `data[c * ld + lane]`.
template <class T> struct Lanes {
    T *data;
    std::ptrdiff_t ld;
    TLMLP_INLINE T *at(int c, int lane) const { return data + c * ld + lane; }
};

/// What is kept of a layer a = act(p), p = W x + b: nothing, the slope act'(p), or both it and p. Where the layer's result
/// is not a itself but a product, a is kept with the slope.
enum class Keep { nothing, slopes, all };
template <class T> struct KeptTiles {
    Lanes<T> slope, pre, value;
};

/// The second operand of a layer's result: there is none, act(p + other), act(p) + other or act(p) * other.
enum class With { nothing, inside, sum, product };

template <Keep keep, With with, class T>
TLMLP_NOINLINE void layer_act(const Dense<T> &layer, Lanes<T> x, Lanes<T> other, KeptTiles<T> kept, Lanes<T> y,
                              int vectors, PrefetchQueue *queue) {
    dense(layer, x.data, x.ld, vectors, [=](int o, int lane, V<T> p) TLMLP_FINISH {
        queue->template step_in_layer<T>();
        if constexpr (with == With::inside) {
            p += load(other.at(o, lane));
        }
        V<T> value;
        if constexpr (keep == Keep::nothing) {
            value = act<T>(p);
        } else {
            const auto s = act_slope<T>(p);
            value = s.value;
            store(kept.slope.at(o, lane), s.slope);
        }
        if constexpr (keep == Keep::all) {
            store(kept.pre.at(o, lane), p);
        }
        if constexpr (keep != Keep::nothing && with == With::product) {
            store(kept.value.at(o, lane), value);
        }
        if constexpr (with == With::sum) {
            value += load(other.at(o, lane));
        } else if constexpr (with == With::product) {
            value *= load(other.at(o, lane));
        }
        store(y.at(o, lane), value);
    });
}

/// y = W x + b
template <class T> TLMLP_NOINLINE void layer_linear(const Dense<T> &layer, Lanes<T> x, Lanes<T> y, int vectors) {
    dense(layer, x.data, x.ld, vectors, [=](int o, int lane, V<T> a) TLMLP_FINISH { store(y.at(o, lane), a); });
}

/// y = (W x + b) * factor
template <class T>
TLMLP_NOINLINE void layer_times(const Dense<T> &layer, Lanes<T> x, Lanes<T> factor, Lanes<T> y, int vectors) {
    dense(layer, x.data, x.ld, vectors,
          [=](int o, int lane, V<T> a) TLMLP_FINISH { store(y.at(o, lane), a * load(factor.at(o, lane))); });
}

/// gate = W x + b with the adjoint `bar` of gate * m: g += bar * gate, gate_bar = bar * m
template <class T>
TLMLP_NOINLINE void layer_gate_back(const Dense<T> &layer, Lanes<T> x, Lanes<T> bar, Lanes<T> m, Lanes<T> g,
                                    Lanes<T> gate_bar, int vectors) {
    dense(layer, x.data, x.ld, vectors, [=](int o, int lane, V<T> a) TLMLP_FINISH {
        const V<T> b = load(bar.at(o, lane));
        store(g.at(o, lane), load(g.at(o, lane)) + b * a);
        store(gate_bar.at(o, lane), b * load(m.at(o, lane)));
    });
}

/// The product y * gate, y with `slope`, from its adjoint bar = W^T g: pre_bar = bar * gate * slope, gate_bar = bar * y
template <bool with_bar, class T>
TLMLP_NOINLINE void back_gated(const Dense<T> &layer, Lanes<T> g, Lanes<T> y, Lanes<T> gate, Lanes<T> slope,
                               Lanes<T> bar, Lanes<T> pre_bar, Lanes<T> gate_bar, int vectors) {
    dense_back(layer, g.data, g.ld, vectors, [=](int o, int lane, V<T> a) TLMLP_FINISH {
        if constexpr (with_bar) {
            store(bar.at(o, lane), a);
        }
        store(pre_bar.at(o, lane), a * load(gate.at(o, lane)) * load(slope.at(o, lane)));
        store(gate_bar.at(o, lane), a * load(y.at(o, lane)));
    });
}

/// y = W^T g
template <class T> TLMLP_NOINLINE void back_linear(const Dense<T> &layer, Lanes<T> g, Lanes<T> y, int vectors) {
    dense_back(layer, g.data, g.ld, vectors, [=](int o, int lane, V<T> a) TLMLP_FINISH { store(y.at(o, lane), a); });
}

/// y = add + W^T g, where add may be y
template <class T>
TLMLP_NOINLINE void back_add(const Dense<T> &layer, Lanes<T> g, Lanes<T> add, Lanes<T> y, int vectors,
                             PrefetchQueue *queue) {
    dense_back(layer, g.data, g.ld, vectors, [=](int o, int lane, V<T> a) TLMLP_FINISH {
        queue->template step_in_layer<T>();
        store(y.at(o, lane), load(add.at(o, lane)) + a);
    });
}

/// On to the layer below, whose activation has `slope`: y = W^T g or, with_add, add + W^T g, kept or not; next = y * slope
template <bool with_add, bool kept, class T>
TLMLP_NOINLINE void back_next(const Dense<T> &layer, Lanes<T> g, Lanes<T> add, Lanes<T> y, Lanes<T> slope,
                              Lanes<T> next, int vectors, PrefetchQueue *queue) {
    dense_back(layer, g.data, g.ld, vectors, [=](int o, int lane, V<T> a) TLMLP_FINISH {
        queue->template step_in_layer<T>();
        if constexpr (with_add) {
            a = load(add.at(o, lane)) + a;
        }
        if constexpr (kept) {
            store(y.at(o, lane), a);
        }
        store(next.at(o, lane), a * load(slope.at(o, lane)));
    });
}

/// y = a * b, `rows` rows
template <class T> TLMLP_INLINE void multiply(Lanes<T> a, Lanes<T> b, Lanes<T> y, int rows, int vectors) {
    for (int c = 0; c < rows; ++c) {
        for (int v = 0; v < vectors; ++v) {
            const int lane = v * lanes<T>;
            store(y.at(c, lane), load(a.at(c, lane)) * load(b.at(c, lane)));
        }
    }
}

/// rows[lane][row] = x[c][lane]; channels from `channels` on are zero.
template <class T> TLMLP_NOINLINE void to_rows(Lanes<T> x, int channels, int vectors, T *rows, int row) {
    for (int c = 0; c < row; c += lanes<T>) {
        for (int v = 0; v < vectors; ++v) {
            V<T> block[lanes<T>];
#pragma GCC unroll 16
            for (int k = 0; k < lanes<T>; ++k) {
                block[k] = c + k < channels ? load(x.at(c + k, v * lanes<T>)) : V<T>{};
            }
            transpose<T>(block);
            T *to = rows + std::ptrdiff_t(v * lanes<T>) * row + c;
#pragma GCC unroll 16
            for (int e = 0; e < lanes<T>; ++e) {
                store(to + std::ptrdiff_t(e) * row, block[e]);
            }
        }
    }
}

/// The other way, each number handed to finish(c, lane, vector over the lanes); row is a multiple of the lanes.
template <class T, class Finish> TLMLP_INLINE void each_lane(const T *rows, int row, int vectors, Finish &&finish) {
    for (int v = 0; v < vectors; ++v) {
        for (int c = 0; c < row; c += lanes<T>) {
            V<T> block[lanes<T>];
            const T *from = rows + std::ptrdiff_t(v * lanes<T>) * row + c;
#pragma GCC unroll 16
            for (int e = 0; e < lanes<T>; ++e) {
                block[e] = load(from + std::ptrdiff_t(e) * row);
            }
            transpose<T>(block);
#pragma GCC unroll 16
            for (int k = 0; k < lanes<T>; ++k) {
                finish(c + k, v * lanes<T>, block[k]);
            }
        }
    }
}

/// x[c][lane] = rows[lane][row]
template <class T> TLMLP_NOINLINE void to_lanes(const T *rows, int row, int vectors, Lanes<T> x) {
    each_lane(rows, row, vectors, [=](int c, int lane, V<T> value) TLMLP_FINISH { store(x.at(c, lane), value); });
}

/// x[c][lane] *= rows[lane][row]
template <class T> TLMLP_NOINLINE void times_rows(Lanes<T> x, const T *rows, int row, int vectors) {
    each_lane(rows, row, vectors,
              [=](int c, int lane, V<T> factor) TLMLP_FINISH { store(x.at(c, lane), load(x.at(c, lane)) * factor); });
}

template <class T> TLMLP_INLINE void clear(T *array, std::ptrdiff_t n) {
    __builtin_memset(array, 0, std::size_t(n) * sizeof(T));
}

} // namespace
