#pragma once

#include <deque>
#include <vector>

#include "buffer.h"
#include "layout.h"
#include "model_file.h"

namespace tlmlp::engine {

/// The network of a model file in the packings of layout.h. Neighbouring matrices without an activation between them are
/// multiplied out in float64: the gates of blocks, the embedding's radial and species parts, both layers that turn the
/// spherical basis into radial weights.
template <class T> class PackedNetwork {
  public:
    explicit PackedNetwork(const ModelFile &file);
    const Network<T> &network() const { return network_; }

  private:
    T *store(std::size_t n);
    const T *pack_groups(const Tensor &w, bool transposed);
    const T *pack_rows(const Tensor &w, bool transposed);
    /// `w` is (out, in) as in the file; `bias` may be null.
    Dense<T> dense(const Tensor &w, const Tensor *bias);
    Dense<T> biased(const ModelFile &file, const std::string &name, int out, int in);

    void fit_table(const ModelFile &file);
    void pack_embedding(const ModelFile &file);
    Interaction<T> interaction(const ModelFile &file, int block);
    OutputBlock<T> output(const ModelFile &file, int block);

    Network<T> network_;
    std::deque<Buffer<T>> memory_;
    std::deque<std::vector<Dense<T>>> layers_;
    std::vector<Interaction<T>> interactions_;
    std::vector<OutputBlock<T>> outputs_;
};

} // namespace tlmlp::engine
