#pragma once

// What the sweeps keep of an update: the policies of core/src/kernels/update.h for training.

#include "sweeps/chunk.h"

namespace {

/// Arrays of all layers of interaction `block` for the tile at `lane`.
template <class T> struct LayerArrays {
    const ChunkView<T> &view;
    int block, lane;

    Lanes<T> at(T *array, int k) const { return view.layer_at(array, block, k, lane); }
    PrefetchQueue *queue() const { return &view.w.queue; }
};

/// Forward: preactivations and slopes.
template <class T> struct KeepAll : LayerArrays<T> {
    void operator()(int k, const Dense<T> &layer, Lanes<T> x, Lanes<T> y, int vectors) const {
        layer_keep<T, false>(layer, x, {}, this->at(this->view.job.pre, k), this->at(this->view.job.slope, k), y,
                             vectors, this->queue());
    }
    void operator()(int k, const Dense<T> &layer, Lanes<T> x, Lanes<T> add, Lanes<T> y, int vectors) const {
        layer_keep<T, true>(layer, x, add, this->at(this->view.job.pre, k), this->at(this->view.job.slope, k), y,
                            vectors, this->queue());
    }
};

/// Tangent: those of the preactivations, from the slopes kept.
template <class T> struct KeepTangents : LayerArrays<T> {
    void operator()(int k, const Dense<T> &layer, Lanes<T> x_dot, Lanes<T> y_dot, int vectors) const {
        layer_tangent<T, false>(layer, x_dot, {}, this->at(this->view.job.slope, k),
                                this->at(this->view.job.pre_dot, k), y_dot, vectors, this->queue());
    }
    void operator()(int k, const Dense<T> &layer, Lanes<T> x_dot, Lanes<T> add, Lanes<T> y_dot, int vectors) const {
        layer_tangent<T, true>(layer, x_dot, add, this->at(this->view.job.slope, k),
                               this->at(this->view.job.pre_dot, k), y_dot, vectors, this->queue());
    }
};

/// Reverse: the adjoint of every activation; one of a node is that of the activation which made it last.
template <class T> struct KeepBars : LayerArrays<T> {
    Lanes<T> slope(int k) const { return this->at(this->view.job.slope, k); }
    Lanes<T> bar_of(int k) const { return this->at(this->view.job.act_bar, k); }
    Lanes<T> last() const { return bar_of(this->view.layers() - 1); }
    Lanes<T> of_up() const { return bar_of(network::UpdateOrder::ji); }
    void through(const network::Step &step, const Dense<T> &layer, Lanes<T> bar, Lanes<T> below, int vectors) const {
        const int k = step.layer;
        if (step.from == network::Node::message) {
            back_sum(layer, bar, bar_of(step.around), this->view.message_bar(this->block, this->lane), vectors);
        } else if (step.around >= 0) {
            back_sum_next(layer, bar, bar_of(step.around), bar_of(k - 1), slope(k - 1), below, vectors, this->queue());
        } else {
            back_keep(layer, bar, bar_of(k - 1), slope(k - 1), below, vectors, this->queue());
        }
    }
};

} // namespace
