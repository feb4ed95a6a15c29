#include "weights.h"

#include <deque>

namespace tlmlp::engine {

namespace {

/// A factor's element (row, column).
struct Elements {
    const Tensor &tensor;
    int begin, rows, columns;
    bool transposed;

    Elements(const ModelFile &file, const network::Factor &factor)
        : tensor(file.tensors.at(factor.name)), begin(factor.begin), rows(tensor.rows),
          columns(factor.count ? factor.count : tensor.columns), transposed(factor.transposed) {
        if (transposed) {
            std::swap(rows, columns);
        }
    }
    double operator()(int r, int c) const { return transposed ? tensor(c, begin + r) : tensor(r, begin + c); }
};

/// left right + bias
std::vector<double> multiplied(const ModelFile &file, const network::Matrix &matrix) {
    const Elements left(file, matrix.left), right(file, matrix.right);
    const Tensor *bias = matrix.bias.empty() ? nullptr : &file.tensors.at(matrix.bias);
    std::vector<double> out;
    out.reserve(static_cast<std::size_t>(matrix.rows) * matrix.columns);
    for (int r = 0; r < matrix.rows; ++r) {
        for (int c = 0; c < matrix.columns; ++c) {
            double sum = bias ? (*bias)(0, c) : 0.0;
            for (int k = 0; k < left.columns; ++k) {
                sum += left(r, k) * right(k, c);
            }
            out.push_back(sum);
        }
    }
    return out;
}

} // namespace

template <class T> PackedNetwork<T> packed_network(const ModelFile &file) {
    std::deque<std::vector<double>> products;
    std::vector<const double *> matrices;
    network::visit_matrices(file.sizes, [&](const network::Matrix &matrix) {
        matrices.push_back(matrix.right.name.empty() ? file.tensors.at(matrix.left.name).values.data()
                                                     : products.emplace_back(multiplied(file, matrix)).data());
    });
    PackedNetwork<T> packed;
    packed.pack(file.sizes, 0.1 * file.sizes.cutoff, matrices, Tabulated::all);
    return packed;
}

template PackedNetwork<float> packed_network(const ModelFile &);
template PackedNetwork<double> packed_network(const ModelFile &);

} // namespace tlmlp::engine
