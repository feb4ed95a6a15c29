#include "network.h"

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <tuple>

#include "tlmlp/math/bessel.h"
#include "tlmlp/math/harmonics.h"
#include "tlmlp/math/piecewise.h"

namespace tlmlp::training {

namespace {

/// Intervals (for phases to 28, more for higher ones) and degree of the polynomials for the spherical basis: as in the
/// engine, largest errors relative to each function's largest value (slope) float32 1e-7 (3e-7), float64 3e-15 (8e-12).
template <class T> constexpr int table_intervals = sizeof(T) == 4 ? 64 : 96;
template <class T> constexpr int table_degree = sizeof(T) == 4 ? 6 : 11;
constexpr double table_phase = 28.0;

/// The table of one basis, made once.
template <class T> const math::PiecewisePolynomials<T> &basis_table(int spherical, int radial, int exponent) {
    static std::mutex mutex;
    static std::map<std::tuple<int, int, int>, std::unique_ptr<math::PiecewisePolynomials<T>>> tables;
    const std::lock_guard<std::mutex> lock(mutex);
    auto &table = tables[{spherical, radial, exponent}];
    if (!table) {
        const math::SphericalBesselBasis basis(spherical, radial, exponent);
        double phase = 0.0;
        for (const double z : basis.zeros) {
            phase = std::max(phase, z);
        }
        const int factor = std::max(1, static_cast<int>(phase / table_phase + 1.0 - 1e-9));
        table = std::make_unique<math::PiecewisePolynomials<T>>(math::PiecewisePolynomials<T>::fit(
            basis.size(), table_intervals<T> * factor, table_degree<T>, row_pad,
            [&](int k, double x) { return basis(k, x).value; }));
    }
    return *table;
}

Sizes sizes_of(const Shape &shape) {
    Sizes s;
    s.species = shape.species;
    s.embed = shape.embed;
    s.embed_p = pad_to(shape.embed, output_group);
    s.directional = shape.directional;
    s.directional_p = pad_to(shape.directional, row_pad);
    s.output = shape.output;
    s.output_p = pad_to(shape.output, output_group);
    s.radial = shape.radial;
    s.radial_p = pad_to(shape.radial, output_group);
    s.spherical = shape.spherical;
    s.basis = shape.spherical * shape.radial;
    s.harmonics = shape.spherical * shape.spherical;
    s.blocks = shape.blocks;
    s.before = shape.before;
    s.after = shape.after;
    s.dense = shape.dense;
    return s;
}

} // namespace

std::vector<TensorShape> tensor_shapes(const Shape &s) {
    std::vector<TensorShape> shapes{{1, s.radial}, {s.embed, s.radial}, {s.species, s.embed}, {s.species, s.embed}};
    const auto add = [&](std::int64_t rows, std::int64_t columns, bool biased) {
        shapes.push_back({rows, columns});
        if (biased) {
            shapes.push_back({1, rows});
        }
    };
    for (int b = 0; b < s.blocks; ++b) {
        add(s.embed, s.embed, true);
        add(s.embed, s.radial, false);
        add(s.directional, s.embed, false);
        add(s.directional, std::int64_t(s.spherical) * s.radial, false);
        add(s.embed, s.directional, false);
        for (int k = 0; k < 2 + 2 * (s.before + s.after); ++k) {
            add(s.embed, s.embed, true);
        }
    }
    for (int b = 0; b <= s.blocks; ++b) {
        add(s.embed, s.radial, false);
        add(s.output, s.embed, false);
        for (int k = 0; k < s.dense; ++k) {
            add(s.output, s.output, true);
        }
        add(1, s.output, false);
    }
    return shapes;
}

template <class T> std::ptrdiff_t PackedNetwork<T>::reserve(std::ptrdiff_t n) {
    const auto at = static_cast<std::ptrdiff_t>(gradient_size_);
    gradient_size_ += static_cast<std::size_t>(pad_to(static_cast<int>(n), row_pad));
    return at;
}

template <class T> T *PackedNetwork<T>::store(std::size_t n) {
    T *begin = counting_ ? nullptr : memory_.data() + used_;
    used_ += (n + row_pad - 1) / row_pad * row_pad;
    if (begin) {
        std::fill_n(begin, n, T(0));
    }
    return begin;
}

template <class T> const T *PackedNetwork<T>::groups(const T *w, int out, int in, bool transposed) {
    const int n = transposed ? in : out, inner = transposed ? out : in;
    T *packed = store(static_cast<std::size_t>(pad_to(n, output_group)) * inner);
    for (int o = 0; packed && o < n; ++o) {
        T *to = packed + (o / output_group) * std::ptrdiff_t(inner) * output_group + o % output_group;
        for (int k = 0; k < inner; ++k) {
            to[k * output_group] = transposed ? w[std::ptrdiff_t(k) * in + o] : w[std::ptrdiff_t(o) * in + k];
        }
    }
    return packed;
}

template <class T> const T *PackedNetwork<T>::rows(const T *w, int out, int in, bool transposed) {
    const int n = transposed ? in : out, inner = transposed ? out : in, row = pad_to(n, row_pad);
    T *packed = store(static_cast<std::size_t>(inner) * row);
    for (int k = 0; packed && k < inner; ++k) {
        for (int o = 0; o < n; ++o) {
            packed[std::ptrdiff_t(k) * row + o] = transposed ? w[std::ptrdiff_t(k) * in + o] : w[std::ptrdiff_t(o) * in + k];
        }
    }
    return packed;
}

template <class T> Dense<T> PackedNetwork<T>::matrix(const T *w, int out, int in, const T *bias) {
    T *b = store(static_cast<std::size_t>(pad_to(out, output_group)));
    if (b && bias) {
        std::copy_n(bias, out, b);
    }
    return {in, out, groups(w, out, in, false), groups(w, out, in, true), nullptr, nullptr, b};
}

template <class T> Layer<T> PackedNetwork<T>::layer(int out, int in, bool biased) {
    Layer<T> layer;
    const T *w = next(), *bias = biased ? next() : nullptr;
    layer.dense = matrix(w, out, in, bias);
    const int row = pad_to(in, row_pad), padded = pad_to(out, output_group);
    layer.gradient = reserve(std::ptrdiff_t(padded) * row);
    pieces_.push_back({out, in, layer.gradient, row, 1, 1, 0});
    if (biased) {
        const std::ptrdiff_t at = reserve(std::ptrdiff_t(padded) * bias_lanes);
        pieces_.push_back({1, out, at, 0, bias_lanes, bias_lanes, 0});
    }
    return layer;
}

template <class T> void PackedNetwork<T>::interaction(Interaction<T> &to, std::vector<Layer<T>> &layers) {
    const Sizes &s = network_.sizes;
    to.kj = layer(s.embed, s.embed, true);
    to.gate = layer(s.embed, s.radial, false);

    const T *down = next();
    to.down = matrix(down, s.directional, s.embed, nullptr);
    to.down.rows = rows(down, s.directional, s.embed, false);
    to.down_gradient = reserve(std::ptrdiff_t(s.embed_p) * s.directional_p);
    pieces_.push_back({s.directional, s.embed, to.down_gradient, 1, s.directional_p, 1, 0});

    const T *radial = next();
    T *packed = store(static_cast<std::size_t>(s.basis) * s.directional_p);
    for (int c = 0; packed && c < s.directional; ++c) {
        for (int k = 0; k < s.basis; ++k) {
            packed[(c / row_pad * s.basis + k) * row_pad + c % row_pad] = radial[c * s.basis + k];
        }
    }
    to.radial = packed;
    to.radial_gradient = reserve(std::ptrdiff_t(s.basis) * s.directional_p);
    pieces_.push_back({s.directional, s.basis, to.radial_gradient, 1, row_pad, 1, std::int64_t(s.basis) * row_pad});

    layers.clear();
    const T *up = (*weights_)[at_];
    layers.push_back(layer(s.embed, s.directional, false));
    layers.back().dense.rows_back = rows(up, s.embed, s.directional, true);
    for (int k = 1; k < layer_count(s); ++k) {
        layers.push_back(layer(s.embed, s.embed, true));
    }
    to.update = layers.data();
}

template <class T> void PackedNetwork<T>::output(Output<T> &to, std::vector<Layer<T>> &layers) {
    const Sizes &s = network_.sizes;
    to.gate = layer(s.embed, s.radial, false);
    to.up = layer(s.output, s.embed, false);
    layers.clear();
    for (int k = 0; k < s.dense; ++k) {
        layers.push_back(layer(s.output, s.output, true));
    }
    to.dense = layers.data();
    const T *last = next();
    T *row = store(static_cast<std::size_t>(s.output_p));
    if (row) {
        std::copy_n(last, s.output, row);
    }
    to.last = row;
    to.last_gradient = reserve(s.output_p);
    pieces_.push_back({1, s.output, to.last_gradient, 0, 1, 1, 0});
}

template <class T> void PackedNetwork<T>::basis(const Shape &shape) {
    const auto &table = basis_table<T>(shape.spherical, shape.radial, shape.exponent);
    network_.table = table.coefficients.data();
    network_.intervals = table.intervals;
    network_.degree = table.degree;
    network_.table_stride = table.stride;
    const std::vector<double> norms = math::harmonics_norms(shape.spherical - 1);
    norms_.assign(norms.begin(), norms.end());
    legendre_.clear();
    for (int l = 0; l < shape.spherical; ++l) {
        legendre_.push_back(T(math::legendre_norm(l)));
    }
    network_.harmonic_norms = norms_.data();
    network_.legendre = legendre_.data();
    network_.cutoff = shape.cutoff;
    network_.exponent = shape.exponent;
}

template <class T> void PackedNetwork<T>::pack(const Shape &shape, const std::vector<const T *> &weights) {
    network_.sizes = sizes_of(shape);
    const Sizes &s = network_.sizes;
    basis(shape);
    weights_ = &weights;
    interactions_.resize(static_cast<std::size_t>(s.blocks));
    outputs_.resize(static_cast<std::size_t>(s.blocks) + 1);
    update_layers_.resize(interactions_.size());
    output_layers_.resize(outputs_.size());
    for (const bool counting : {true, false}) {
        if (!counting) {
            memory_.resize(used_);
        }
        counting_ = counting;
        at_ = used_ = gradient_size_ = 0;
        pieces_.clear();
        const auto table = [&](const T *from) {
            const int row = pad_to(s.embed, row_pad);
            T *copy = store(static_cast<std::size_t>(s.species) * s.embed_p);
            for (int k = 0; copy && k < s.species; ++k) {
                std::copy_n(from + std::ptrdiff_t(k) * s.embed, s.embed, copy + std::ptrdiff_t(k) * s.embed_p);
            }
            const std::ptrdiff_t at = reserve(std::ptrdiff_t(s.species) * row);
            pieces_.push_back({s.species, s.embed, at, row, 1, 1, 0});
            return std::pair<const T *, std::ptrdiff_t>(copy, at);
        };
        const T *frequencies = next();
        T *copy = store(static_cast<std::size_t>(s.radial));
        if (copy) {
            std::copy_n(frequencies, s.radial, copy);
        }
        network_.frequencies = copy;
        network_.frequency_gradient = reserve(std::ptrdiff_t(s.radial_p) * bias_lanes);
        pieces_.push_back({1, s.radial, network_.frequency_gradient, 0, bias_lanes, bias_lanes, 0});
        network_.embed = layer(s.embed, s.radial, false);
        std::tie(network_.target, network_.target_gradient) = table(next());
        std::tie(network_.source, network_.source_gradient) = table(next());
        for (int b = 0; b < s.blocks; ++b) {
            interaction(interactions_[b], update_layers_[b]);
        }
        for (int b = 0; b <= s.blocks; ++b) {
            output(outputs_[b], output_layers_[b]);
        }
    }
    network_.interactions = interactions_.data();
    network_.outputs = outputs_.data();
    weights_ = nullptr;
}

template <class T> void PackedNetwork<T>::unpack(const double *sum, const std::vector<T *> &gradients) const {
    for (std::size_t i = 0; i < pieces_.size(); ++i) {
        const Piece &p = pieces_[i];
        T *to = gradients[i];
        for (std::int64_t r = 0; to && r < p.rows; ++r) {
            const std::int64_t row = p.block ? r / row_pad * p.block + r % row_pad : r * p.row;
            for (std::int64_t c = 0; c < p.columns; ++c) {
                const double *from = sum + p.begin + row + c * p.column;
                double total = from[0];
                for (int lane = 1; lane < p.lanes; ++lane) {
                    total += from[lane];
                }
                to[r * p.columns + c] = T(total);
            }
        }
    }
}

template class PackedNetwork<float>;
template class PackedNetwork<double>;

} // namespace tlmlp::training
