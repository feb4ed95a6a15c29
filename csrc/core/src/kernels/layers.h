#pragma once

// The few fused layer operations that all blocks are made of. Each is compiled once per precision and not inlined:
// together they stay in the instruction cache while a tile runs through its twenty layers.

#include "kernels/dense.h"

namespace {

#define TLMLP_NOINLINE __attribute__((noinline))
#define TLMLP_FINISH __attribute__((always_inline))

/// A lane array: `data[c * ld + lane]`.
template <class T> struct Lanes {
    T *data;
    std::ptrdiff_t ld;
    TLMLP_INLINE T *at(int c, int lane) const { return data + c * ld + lane; }
};

/// y = act(W x + b)
template <class T> TLMLP_NOINLINE void layer_act(const Dense<T> &layer, Lanes<T> x, Lanes<T> y, int vectors) {
    dense(layer, x.data, x.ld, vectors, [=](int o, int lane, V<T> a) TLMLP_FINISH { store(y.at(o, lane), act<T>(a)); });
}

/// y = act(W x + b) + add
template <class T>
TLMLP_NOINLINE void layer_act_add(const Dense<T> &layer, Lanes<T> x, Lanes<T> add, Lanes<T> y, int vectors) {
    dense(layer, x.data, x.ld, vectors,
          [=](int o, int lane, V<T> a) TLMLP_FINISH { store(y.at(o, lane), act<T>(a) + load(add.at(o, lane))); });
}

/// y = act(W x + b) * factor
template <class T>
TLMLP_NOINLINE void layer_act_times(const Dense<T> &layer, Lanes<T> x, Lanes<T> factor, Lanes<T> y, int vectors) {
    dense(layer, x.data, x.ld, vectors,
          [=](int o, int lane, V<T> a) TLMLP_FINISH { store(y.at(o, lane), act<T>(a) * load(factor.at(o, lane))); });
}

/// y = act(W x + b), slope = its derivative, product = y * factor
template <class T>
TLMLP_NOINLINE void layer_act_times_keep(const Dense<T> &layer, Lanes<T> x, Lanes<T> factor, Lanes<T> y, Lanes<T> slope,
                                         Lanes<T> product, int vectors) {
    dense(layer, x.data, x.ld, vectors, [=](int o, int lane, V<T> a) TLMLP_FINISH {
        const auto s = act_slope<T>(a);
        store(y.at(o, lane), s.value);
        store(slope.at(o, lane), s.slope);
        store(product.at(o, lane), s.value * load(factor.at(o, lane)));
    });
}

/// y = act(W x + b), slope = its derivative
template <class T>
TLMLP_NOINLINE void layer_act_keep(const Dense<T> &layer, Lanes<T> x, Lanes<T> y, Lanes<T> slope, int vectors) {
    dense(layer, x.data, x.ld, vectors, [=](int o, int lane, V<T> a) TLMLP_FINISH {
        const auto s = act_slope<T>(a);
        store(y.at(o, lane), s.value);
        store(slope.at(o, lane), s.slope);
    });
}

/// y = act(W x + b) + add, slope = the derivative
template <class T>
TLMLP_NOINLINE void layer_act_add_keep(const Dense<T> &layer, Lanes<T> x, Lanes<T> add, Lanes<T> y, Lanes<T> slope,
                                       int vectors) {
    dense(layer, x.data, x.ld, vectors, [=](int o, int lane, V<T> a) TLMLP_FINISH {
        const auto s = act_slope<T>(a);
        store(y.at(o, lane), s.value + load(add.at(o, lane)));
        store(slope.at(o, lane), s.slope);
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

/// The product x = y * gate, y with `slope`, from its adjoint W^T g: y_bar = W^T g * gate * slope, gate_bar = W^T g * y
template <class T>
TLMLP_NOINLINE void back_gated(const Dense<T> &layer, Lanes<T> g, Lanes<T> y, Lanes<T> gate, Lanes<T> slope,
                               Lanes<T> y_bar, Lanes<T> gate_bar, int vectors) {
    dense_back(layer, g.data, g.ld, vectors, [=](int o, int lane, V<T> a) TLMLP_FINISH {
        store(y_bar.at(o, lane), a * load(gate.at(o, lane)) * load(slope.at(o, lane)));
        store(gate_bar.at(o, lane), a * load(y.at(o, lane)));
    });
}

/// y = (W^T g) * factor
template <class T>
TLMLP_NOINLINE void back_times(const Dense<T> &layer, Lanes<T> g, Lanes<T> factor, Lanes<T> y, int vectors) {
    dense_back(layer, g.data, g.ld, vectors,
               [=](int o, int lane, V<T> a) TLMLP_FINISH { store(y.at(o, lane), a * load(factor.at(o, lane))); });
}

/// y += W^T g
template <class T> TLMLP_NOINLINE void back_add(const Dense<T> &layer, Lanes<T> g, Lanes<T> y, int vectors) {
    dense_back(layer, g.data, g.ld, vectors,
               [=](int o, int lane, V<T> a) TLMLP_FINISH { store(y.at(o, lane), load(y.at(o, lane)) + a); });
}

/// y += W^T g, next = y * slope: the step through a residual connection to the layer below it
template <class T>
TLMLP_NOINLINE void back_add_next(const Dense<T> &layer, Lanes<T> g, Lanes<T> y, Lanes<T> slope, Lanes<T> next,
                                  int vectors) {
    dense_back(layer, g.data, g.ld, vectors, [=](int o, int lane, V<T> a) TLMLP_FINISH {
        const V<T> sum = load(y.at(o, lane)) + a;
        store(y.at(o, lane), sum);
        store(next.at(o, lane), sum * load(slope.at(o, lane)));
    });
}

/// y = W^T g, next = y * slope
template <class T>
TLMLP_NOINLINE void back_next(const Dense<T> &layer, Lanes<T> g, Lanes<T> y, Lanes<T> slope, Lanes<T> next,
                              int vectors) {
    dense_back(layer, g.data, g.ld, vectors, [=](int o, int lane, V<T> a) TLMLP_FINISH {
        store(y.at(o, lane), a);
        store(next.at(o, lane), a * load(slope.at(o, lane)));
    });
}

/// y = W^T g
template <class T> TLMLP_NOINLINE void back_linear(const Dense<T> &layer, Lanes<T> g, Lanes<T> y, int vectors) {
    dense_back(layer, g.data, g.ld, vectors, [=](int o, int lane, V<T> a) TLMLP_FINISH { store(y.at(o, lane), a); });
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

/// y = x, `rows` rows
template <class T> TLMLP_INLINE void copy(Lanes<T> x, Lanes<T> y, int rows, int vectors) {
    for (int c = 0; c < rows; ++c) {
        for (int v = 0; v < vectors; ++v) {
            store(y.at(c, v * lanes<T>), load(x.at(c, v * lanes<T>)));
        }
    }
}

} // namespace
