#pragma once

#include <cstdint>
#include <vector>

#include "buffer.h"
#include "layout.h"

namespace tlmlp::engine {

/// Which functions of the distance stand in the table. For energies the frequencies are known, and all stand there.
/// Training differentiates the radial functions by their frequencies, so the spherical ones alone stand there.
enum class Tabulated { all, spherical };

/// The network in the packings of layout.h, and where each matrix's gradient lies in a gradient array.
template <class T> class PackedNetwork {
  public:
    /// Packs the matrices of network::visit_matrices, row by row; `cutoff` is in nm. Keeps its memory for the next time.
    template <class From>
    void pack(const network::Sizes &sizes, double cutoff, const std::vector<const From *> &matrices,
              Tabulated tabulated);

    const Network<T> &network() const { return network_; }
    std::size_t gradient_size() const { return gradient_size_; }
    /// The matrices' gradients from the sum of all gradient arrays.
    void unpack(const double *sum, const std::vector<T *> &gradients) const;

  private:
    /// Where a matrix's gradient lies: element (r, c) is the sum of `lanes` numbers from begin + r * row + c * column
    /// on. The radial weights lie in blocks of row_pad channels r.
    struct Piece {
        std::int64_t rows, columns, begin, row, column;
        int lanes;
        std::int64_t block; ///< numbers in a block of row_pad rows, 0 where rows are not in blocks
    };
    template <class From> class Packer;

    void tabulate(const network::Sizes &sizes, const double *frequencies);

    Network<T> network_;
    std::size_t gradient_size_ = 0;
    std::vector<Piece> pieces_;
    Buffer<T> memory_;
    Buffer<T> table_;
    std::vector<T> norms_, legendre_;
    std::vector<Interaction<T>> interactions_;
    std::vector<OutputBlock<T>> outputs_;
    std::vector<std::vector<Dense<T>>> layers_;
};

} // namespace tlmlp::engine
