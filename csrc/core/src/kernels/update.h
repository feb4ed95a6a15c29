#pragma once

// Second half of an interaction block on one tile: from the message m and the directional sum z of the same edges to
// the new message, and back, along the steps of tlmlp/network.h. What is kept on the way is a policy: the engine keeps
// nothing, or the slopes for its way back; training keeps what its four sweeps need (sweeps/keep.h).

#include "kernels/layers.h"

namespace {

namespace network = tlmlp::network;

/// Slopes of the activations of one tile, in the order of the layers.
template <class T> struct Slopes {
    T *data;
    std::ptrdiff_t rows, ld; ///< of one lane array
    TLMLP_INLINE Lanes<T> at(int k) const { return {data + k * rows * ld, ld}; }
};

/// Where a tile's nodes are, in the order of network::Node.
template <class T> struct NodeTiles {
    Lanes<T> tiles[network::nodes];
    TLMLP_INLINE Lanes<T> operator[](network::Node node) const { return tiles[static_cast<int>(node)]; }
};

/// Policies of the way forward: layer k, y = act(W x + b) [+ add].
template <class T> struct KeepNothing {
    void operator()(int, const Dense<T> &layer, Lanes<T> x, Lanes<T> y, int vectors) const {
        layer_act(layer, x, y, vectors);
    }
    void operator()(int, const Dense<T> &layer, Lanes<T> x, Lanes<T> add, Lanes<T> y, int vectors) const {
        layer_act_add(layer, x, add, y, vectors);
    }
};
template <class T> struct KeepSlopes {
    Slopes<T> slopes;
    void operator()(int k, const Dense<T> &layer, Lanes<T> x, Lanes<T> y, int vectors) const {
        layer_act_keep(layer, x, y, slopes.at(k), vectors);
    }
    void operator()(int k, const Dense<T> &layer, Lanes<T> x, Lanes<T> add, Lanes<T> y, int vectors) const {
        layer_act_add_keep(layer, x, add, y, slopes.at(k), vectors);
    }
};

/// The new message, `next`, may not be in the place of the message.
template <class T, class Keep>
void update_forward(const Sizes &s, const Interaction<T> &w, const NodeTiles<T> &x, const Keep &keep, int vectors) {
    network::walk_update(s.update(), [&](const network::Step &step) TLMLP_FINISH {
        const Dense<T> &layer = w.update[step.layer];
        if (step.add == network::Node::none) {
            keep(step.layer, layer, x[step.from], x[step.to], vectors);
        } else {
            keep(step.layer, layer, x[step.from], x[step.add], x[step.to], vectors);
        }
    });
}

/// The engine's policy of the way back: adjoints of the nodes alone. `next_bar` is dE/dm' and becomes dE/dm.
template <class T> struct NodeBars {
    Slopes<T> slopes;
    Lanes<T> next_bar, h_bar;

    Lanes<T> slope(int k) const { return slopes.at(k); }
    Lanes<T> last() const { return next_bar; }
    Lanes<T> of_up() const { return h_bar; }
    /// Through W of a layer other than up, `below`: the adjoint of the preactivations of the layer before.
    void through(const network::Step &step, const Dense<T> &layer, Lanes<T> bar, Lanes<T> below, int vectors) const {
        using network::Node;
        if (step.from == Node::message) {
            back_add(layer, bar, next_bar, vectors);
        } else if (step.around >= 0) {
            back_add_next(layer, bar, step.from == Node::h ? h_bar : next_bar, slope(step.layer - 1), below, vectors);
        } else if (step.from == Node::inner) {
            back_times(layer, bar, slope(step.layer - 1), below, vectors);
        } else {
            back_next(layer, bar, h_bar, slope(step.layer - 1), below, vectors);
        }
    }
};

/// From `bars` of the results to those of m; dE/dz goes to the rows z_bar[lane][directional_p]. `bar` and `below` are work
/// space: the adjoints of a layer's preactivations and of those of the layer before it.
template <class T, class Bars>
void update_backward(const Sizes &s, const Interaction<T> &w, const Bars &bars, Lanes<T> bar, Lanes<T> below, T *z_bar,
                     int vectors) {
    const network::UpdateOrder order = s.update();
    multiply(bars.last(), bars.slope(order.count() - 1), bar, s.embed_p, vectors);
    network::walk_update_back(order, [&](const network::Step &step) TLMLP_FINISH {
        const Dense<T> &layer = w.update[step.layer];
        if (step.from == network::Node::z) {
            dense_rows(bar.data, bar.ld, vectors * lanes<T>, layer.out, s.directional_p, layer.rows_back,
                       [=, row = s.directional_p](int lane, int c, V<T> a)
                           TLMLP_FINISH { store(z_bar + std::ptrdiff_t(lane) * row + c, a); });
            return;
        }
        bars.through(step, layer, bar, below, vectors);
        if (step.from == network::Node::message) { // below it comes up, whose result is added to that of ji
            multiply(bars.of_up(), bars.slope(order.up), below, s.embed_p, vectors);
        }
        const Lanes<T> swap = bar;
        bar = below;
        below = swap;
    });
}

} // namespace
