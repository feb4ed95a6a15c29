#pragma once

// Second half of an interaction block on one tile: from the message m and the directional sum z of the same edges to
// the new message, and back, along the steps of tlmlp/network.h. What is kept on the way, and where, is a policy.

#include "kernels/layers.h"

namespace {

namespace network = tlmlp::network;

/// Something of every layer of one tile, in the order of the layers.
template <class T> struct LayerTiles {
    T *data;
    std::ptrdiff_t rows, ld; ///< of one lane array
    TLMLP_INLINE Lanes<T> at(int k) const { return {data + k * rows * ld, ld}; }
};

/// Where a tile's nodes are, in the order of network::Node.
template <class T> struct NodeTiles {
    Lanes<T> tiles[network::nodes];
    TLMLP_INLINE Lanes<T> operator[](network::Node node) const { return tiles[static_cast<int>(node)]; }
};

/// Policy of the way forward: layer k, y = act(W x + b) [+ add].
template <class T, Keep keep> struct KeptLayers {
    LayerTiles<T> slopes, pre;
    PrefetchQueue *queue;
    template <With with>
    void layer(int k, const Dense<T> &layer, Lanes<T> x, Lanes<T> add, Lanes<T> y, int vectors) const {
        layer_act<keep, with>(layer, x, add, {slopes.at(k), pre.at(k), {}}, y, vectors, queue);
    }
};

/// The new message, `next`, may not be in the place of the message.
template <class T, class Policy>
void update_forward(const Sizes &s, const Interaction<T> &w, const NodeTiles<T> &x, const Policy &policy, int vectors) {
    network::walk_update(s.update(), [&](const network::Step &step) TLMLP_FINISH {
        const Dense<T> &layer = w.update[step.layer];
        if (step.add == network::Node::none) {
            policy.template layer<With::nothing>(step.layer, layer, x[step.from], {}, x[step.to], vectors);
        } else {
            policy.template layer<With::sum>(step.layer, layer, x[step.from], x[step.add], x[step.to], vectors);
        }
    });
}

/// The way back. The policy `bars` says where adjoints are: of(k, node) of the result of layer k, which is that node, and
/// message(), where that of m goes; `keeps_inner` where that between the layers of a residual connection is wanted.
/// slope(k) is what the way forward kept. dE/dz of lane k goes to row reverse[k] of z_bar, as z came from there. `bar` and
/// `below` are work space: the adjoints of a layer's preactivations and of those of the layer before it.
template <class T, class Bars>
void update_backward(const Sizes &s, const Interaction<T> &w, const Bars &bars, Lanes<T> bar, Lanes<T> below, T *z_bar,
                     const std::int32_t *reverse, int vectors, PrefetchQueue *queue) {
    using network::Node;
    const network::UpdateOrder order = s.update();
    multiply(bars.of(order.count() - 1, Node::next), bars.slope(order.count() - 1), bar, s.embed_p, vectors);
    network::walk_update_back(order, [&](const network::Step &step) TLMLP_FINISH {
        const Dense<T> &layer = w.update[step.layer];
        const int k = step.layer;
        if (step.from == Node::z) {
            dense_rows(bar.data, bar.ld, vectors * lanes<T>, layer.out, s.directional_p, layer.rows_back,
                       [=, row = s.directional_p](int lane, int c, V<T> a)
                           TLMLP_FINISH { store(z_bar + std::ptrdiff_t(reverse[lane]) * row + c, a); });
            return;
        }
        if (step.from == Node::message) { // below it comes up, whose result is added to that of ji
            back_add(layer, bar, bars.of(step.around, Node::next), bars.message(), vectors, queue);
            multiply(bars.of(order.ji, Node::h), bars.slope(order.up), below, s.embed_p, vectors);
        } else if (step.around >= 0) {
            back_next<true, true>(layer, bar, bars.of(step.around, step.from), bars.of(k - 1, step.from),
                                  bars.slope(k - 1), below, vectors, queue);
        } else if (step.from == Node::inner) {
            back_next<false, Bars::keeps_inner>(layer, bar, {}, bars.of(k - 1, Node::inner), bars.slope(k - 1), below,
                                                vectors, queue);
        } else {
            back_next<false, true>(layer, bar, {}, bars.of(k - 1, Node::h), bars.slope(k - 1), below, vectors, queue);
        }
        const Lanes<T> swap = bar;
        bar = below;
        below = swap;
    });
}

} // namespace
