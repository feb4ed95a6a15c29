#pragma once

#include <vector>

#include "buffer.h"
#include "job.h"
#include "training.h"

namespace tlmlp::training {

/// The weights in the packings of the kernels, and where each tensor's gradient lies in a gradient array.
template <class T> class PackedNetwork {
  public:
    /// Packs the tensors of `tensor_shapes`.
    void pack(const Shape &shape, const std::vector<const T *> &weights);
    const Network<T> &network() const { return network_; }
    std::size_t gradient_size() const { return gradient_size_; }
    /// The tensors' gradients from the sum of all gradient arrays.
    void unpack(const double *sum, const std::vector<T *> &gradients) const;

  private:
    /// Where a tensor's gradient lies: element (r, c) is the sum of `lanes` numbers from
    /// begin + r * row + c * column on, or, for the radial weights, that of blocks of row_pad channels r.
    struct Piece {
        std::int64_t rows, columns, begin, row, column;
        int lanes;
        std::int64_t block; ///< numbers in a block of row_pad rows, 0 where rows are not in blocks
    };

    std::ptrdiff_t reserve(std::ptrdiff_t n);
    T *store(std::size_t n);
    const T *groups(const T *w, int out, int in, bool transposed);
    const T *rows(const T *w, int out, int in, bool transposed);
    Dense<T> matrix(const T *w, int out, int in, const T *bias);
    const T *next() { return (*weights_)[at_++]; }
    Layer<T> layer(int out, int in, bool biased);
    void interaction(Interaction<T> &to, std::vector<Layer<T>> &layers);
    void output(Output<T> &to, std::vector<Layer<T>> &layers);
    void basis(const Shape &shape);

    Network<T> network_;
    const std::vector<const T *> *weights_ = nullptr;
    std::size_t at_ = 0;
    std::size_t gradient_size_ = 0;
    std::vector<Piece> pieces_;
    engine::Buffer<T> memory_;
    std::size_t used_ = 0;
    bool counting_ = false; ///< the first round of `pack`, which only finds out how much memory the packings take
    std::vector<T> table_, norms_, legendre_;
    std::vector<Interaction<T>> interactions_;
    std::vector<Output<T>> outputs_;
    std::vector<std::vector<Layer<T>>> update_layers_, output_layers_;
};

} // namespace tlmlp::training
