#include "packing.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <mutex>
#include <tuple>

#include "tlmlp/math/bessel.h"
#include "tlmlp/math/harmonics.h"
#include "tlmlp/math/piecewise.h"
#include "tlmlp/math/radial.h"

namespace tlmlp::engine {

namespace {

/// Intervals and degree of the polynomials for the functions of the distance. Largest errors for the usual basis (phases
/// to 27.5), relative to each function's largest value (slope): float32 1e-7 (3e-7), float64 3e-15 (8e-12). Training,
/// which differentiates once more, takes the second numbers.
struct Resolution {
    int intervals, degree;
};
template <class T> constexpr Resolution resolution(Tabulated tabulated) {
    const bool single = sizeof(T) == 4, all = tabulated == Tabulated::all;
    return {single || all ? 64 : 96, (single ? 5 : 10) + (all ? 0 : 1)};
}
/// Phases up to here are covered by that many intervals; more functions take proportionally more.
constexpr double table_phase = 28.0;

/// The radial functions, where frequencies are given, and the spherical ones; x is the distance over the cutoff.
template <class T>
math::PiecewisePolynomials<T> fit_table(const network::Sizes &sizes, double cutoff, const double *frequencies) {
    const math::SphericalBesselBasis basis(sizes.num_spherical, sizes.num_radial, sizes.envelope_exponent);
    const int radial = frequencies ? sizes.num_radial : 0;
    double phase = 0.0;
    for (int k = 0; k < radial; ++k) {
        phase = std::max(phase, std::abs(frequencies[k]));
    }
    for (const double z : basis.zeros) {
        phase = std::max(phase, z);
    }
    const Resolution fine = resolution<T>(frequencies ? Tabulated::all : Tabulated::spherical);
    const int factor = std::max(1, static_cast<int>(std::ceil(phase / table_phase)));
    return math::PiecewisePolynomials<T>::fit(
        radial + basis.size(), fine.intervals * factor, fine.degree, row_pad, [&](int k, double x) {
            return k < radial
                       ? math::radial_basis<double>(x * cutoff, frequencies[k], cutoff, sizes.envelope_exponent).value
                       : basis(k - radial, x).value;
        });
}

/// The table of one spherical basis, made once.
template <class T> const math::PiecewisePolynomials<T> &spherical_table(const network::Sizes &sizes) {
    static std::mutex mutex;
    static std::map<std::tuple<int, int, int>, std::unique_ptr<math::PiecewisePolynomials<T>>> tables;
    const std::lock_guard<std::mutex> lock(mutex);
    auto &table = tables[{sizes.num_spherical, sizes.num_radial, sizes.envelope_exponent}];
    if (!table) {
        table = std::make_unique<math::PiecewisePolynomials<T>>(fit_table<T>(sizes, 1.0, nullptr));
    }
    return *table;
}

} // namespace

Sizes Sizes::of(const network::Sizes &m) {
    Sizes s;
    s.species = m.n_species;
    s.embed = m.embed_size;
    s.embed_p = pad_to(m.embed_size, output_group);
    s.directional = m.int_emb_size;
    s.directional_p = pad_to(m.int_emb_size, row_pad);
    s.output = m.out_size;
    s.output_p = pad_to(m.out_size, output_group);
    s.radial = m.num_radial;
    s.radial_p = pad_to(m.num_radial, output_group);
    s.spherical = m.num_spherical;
    s.basis = m.num_spherical * m.num_radial;
    s.harmonics = m.num_spherical * m.num_spherical;
    s.blocks = m.n_blocks;
    s.before = m.n_residual_before;
    s.after = m.n_residual_after;
    s.dense = m.n_dense_output;
    s.outputs = static_cast<int>(network::heads(m).size()) * (m.n_blocks + 1);
    return s;
}

/// One round through the matrices. The first, without memory, only finds out how much the packings take.
template <class T> template <class From> class PackedNetwork<T>::Packer {
  public:
    Packer(PackedNetwork &to, const std::vector<const From *> &matrices, T *memory)
        : to_(to), s_(to.network_.sizes), matrices_(matrices), memory_(memory) {
        to_.gradient_size_ = 0;
        to_.pieces_.clear();
        Network<T> &net = to_.network_;
        const From *frequencies = next();
        net.frequencies = vector(frequencies, s_.radial, s_.radial_p);
        net.frequency_gradient = reserve(std::ptrdiff_t(s_.radial_p) * bias_lanes);
        to_.pieces_.push_back({1, s_.radial, net.frequency_gradient, 0, bias_lanes, bias_lanes, 0});
        net.embed_radial = layer(s_.embed, s_.radial, false);
        net.embed_target = table(net.target_gradient);
        net.embed_source = table(net.source_gradient);
        for (int b = 0; b < s_.blocks; ++b) {
            interaction(to_.interactions_[b], to_.layers_[b]);
        }
        for (int k = 0; k < s_.outputs; ++k) {
            output(to_.outputs_[k], to_.layers_[s_.blocks + k]);
            to_.outputs_[k].of_energy = s_.head_of(k) == 0;
        }
    }

    std::size_t used() const { return used_; }

  private:
    const From *next() { return matrices_[at_++]; }

    std::ptrdiff_t reserve(std::ptrdiff_t n) {
        const auto at = static_cast<std::ptrdiff_t>(to_.gradient_size_);
        to_.gradient_size_ += static_cast<std::size_t>((n + row_pad - 1) / row_pad * row_pad);
        return at;
    }

    /// Room for n numbers, zero.
    T *store(std::size_t n) {
        T *begin = memory_ ? memory_ + used_ : nullptr;
        used_ += (n + row_pad - 1) / row_pad * row_pad;
        if (begin) {
            std::fill_n(begin, n, T(0));
        }
        return begin;
    }

    const T *vector(const From *from, int n, int padded) {
        T *packed = store(static_cast<std::size_t>(padded));
        for (int k = 0; packed && from && k < n; ++k) {
            packed[k] = T(from[k]);
        }
        return packed;
    }

    const T *groups(const From *w, int out, int in, bool transposed) {
        const int n = transposed ? in : out, inner = transposed ? out : in;
        T *packed = store(static_cast<std::size_t>(pad_to(n, output_group)) * inner);
        for (int o = 0; packed && o < n; ++o) {
            T *to = packed + (o / output_group) * std::ptrdiff_t(inner) * output_group + o % output_group;
            for (int k = 0; k < inner; ++k) {
                to[k * output_group] = T(transposed ? w[std::ptrdiff_t(k) * in + o] : w[std::ptrdiff_t(o) * in + k]);
            }
        }
        return packed;
    }

    const T *rows(const From *w, int out, int in, bool transposed) {
        const int n = transposed ? in : out, inner = transposed ? out : in, row = pad_to(n, row_pad);
        T *packed = store(static_cast<std::size_t>(inner) * row);
        for (int k = 0; packed && k < inner; ++k) {
            for (int o = 0; o < n; ++o) {
                packed[std::ptrdiff_t(k) * row + o] =
                    T(transposed ? w[std::ptrdiff_t(k) * in + o] : w[std::ptrdiff_t(o) * in + k]);
            }
        }
        return packed;
    }

    Dense<T> matrix(const From *w, int out, int in, const From *bias) {
        Dense<T> dense;
        dense.in = in;
        dense.out = out;
        dense.bias = vector(bias, out, pad_to(out, output_group));
        dense.forward = groups(w, out, in, false);
        dense.backward = groups(w, out, in, true);
        return dense;
    }

    Dense<T> layer(int out, int in, bool biased) {
        const From *w = next(), *bias = biased ? next() : nullptr;
        Dense<T> dense = matrix(w, out, in, bias);
        const int row = pad_to(in, row_pad), padded = pad_to(out, output_group);
        dense.gradient = reserve(std::ptrdiff_t(padded) * row);
        to_.pieces_.push_back({out, in, dense.gradient, row, 1, 1, 0});
        if (biased) {
            const std::ptrdiff_t at = reserve(std::ptrdiff_t(padded) * bias_lanes);
            to_.pieces_.push_back({1, out, at, 0, bias_lanes, bias_lanes, 0});
        }
        return dense;
    }

    const T *table(std::ptrdiff_t &gradient) {
        const From *from = next();
        T *packed = store(static_cast<std::size_t>(s_.species) * s_.embed_p);
        for (int s = 0; packed && s < s_.species; ++s) {
            for (int c = 0; c < s_.embed; ++c) {
                packed[std::ptrdiff_t(s) * s_.embed_p + c] = T(from[std::ptrdiff_t(s) * s_.embed + c]);
            }
        }
        const int row = pad_to(s_.embed, row_pad);
        gradient = reserve(std::ptrdiff_t(s_.species) * row);
        to_.pieces_.push_back({s_.species, s_.embed, gradient, row, 1, 1, 0});
        return packed;
    }

    void interaction(Interaction<T> &to, std::vector<Dense<T>> &layers) {
        to.kj = layer(s_.embed, s_.embed, true);
        to.gate = layer(s_.embed, s_.radial, false);

        const From *down = next();
        to.down = matrix(down, s_.directional, s_.embed, nullptr);
        to.down.rows = rows(down, s_.directional, s_.embed, false);
        to.down.gradient = reserve(std::ptrdiff_t(s_.embed_p) * s_.directional_p);
        to_.pieces_.push_back({s_.directional, s_.embed, to.down.gradient, 1, s_.directional_p, 1, 0});

        const From *radial = next();
        T *packed = store(static_cast<std::size_t>(s_.basis) * s_.directional_p);
        for (int c = 0; packed && c < s_.directional; ++c) {
            for (int k = 0; k < s_.basis; ++k) {
                packed[(c / row_pad * s_.basis + k) * row_pad + c % row_pad] =
                    T(radial[std::ptrdiff_t(c) * s_.basis + k]);
            }
        }
        to.radial = packed;
        to.radial_gradient = reserve(std::ptrdiff_t(s_.basis) * s_.directional_p);
        to_.pieces_.push_back(
            {s_.directional, s_.basis, to.radial_gradient, 1, row_pad, 1, std::int64_t(s_.basis) * row_pad});

        layers.clear();
        network::walk_update(s_.update(), [&](const network::Step &step) {
            const bool up = step.from == network::Node::z;
            const From *w = matrices_[at_];
            layers.push_back(layer(s_.embed, up ? s_.directional : s_.embed, !up));
            if (up) {
                layers.back().rows_back = rows(w, s_.embed, s_.directional, true);
            }
        });
        to.update = layers.data();
    }

    void output(OutputBlock<T> &to, std::vector<Dense<T>> &layers) {
        to.gate = layer(s_.embed, s_.radial, false);
        layers.clear();
        network::walk_output(s_.output_order(), [&](int k) {
            const bool dense = network::OutputOrder::activated(k);
            layers.push_back(layer(s_.output, dense ? s_.output : s_.embed, dense));
        });
        to.layers = layers.data();
        to.last = vector(next(), s_.output, s_.output_p);
        to.last_gradient = reserve(s_.output_p);
        to_.pieces_.push_back({1, s_.output, to.last_gradient, 0, 1, 1, 0});
    }

    PackedNetwork &to_;
    const Sizes &s_;
    const std::vector<const From *> &matrices_;
    T *memory_;
    std::size_t at_ = 0, used_ = 0;
};

template <class T> void PackedNetwork<T>::tabulate(const network::Sizes &sizes, const double *frequencies) {
    Table<T> &table = network_.table;
    if (frequencies) {
        const auto fitted = fit_table<T>(sizes, network_.cutoff, frequencies);
        std::copy(fitted.coefficients.begin(), fitted.coefficients.end(), table_.resize(fitted.coefficients.size()));
        table = {fitted.intervals, fitted.degree, fitted.stride, table_.data()};
    } else {
        const auto &fitted = spherical_table<T>(sizes);
        table = {fitted.intervals, fitted.degree, fitted.stride, fitted.coefficients.data()};
    }
    const std::vector<double> norms = math::harmonics_norms(sizes.num_spherical - 1);
    norms_.assign(norms.begin(), norms.end());
    legendre_.clear();
    for (int l = 0; l < sizes.num_spherical; ++l) {
        legendre_.push_back(T(math::legendre_norm(l)));
    }
    network_.harmonic_norms = norms_.data();
    network_.legendre = legendre_.data();
}

template <class T>
template <class From>
void PackedNetwork<T>::pack(const network::Sizes &sizes, double cutoff, const std::vector<const From *> &matrices,
                            Tabulated tabulated) {
    network_.sizes = Sizes::of(sizes);
    network_.cutoff = cutoff;
    network_.inverse_cutoff = 1.0 / cutoff;
    network_.exponent = sizes.envelope_exponent;
    const std::vector<double> frequencies(matrices[0], matrices[0] + sizes.num_radial);
    tabulate(sizes, tabulated == Tabulated::all ? frequencies.data() : nullptr);
    const auto blocks = static_cast<std::size_t>(sizes.n_blocks);
    const auto outputs = static_cast<std::size_t>(network_.sizes.outputs);
    interactions_.resize(blocks);
    outputs_.resize(outputs);
    layers_.resize(blocks + outputs);
    const std::size_t needed = Packer<From>(*this, matrices, nullptr).used();
    Packer<From>(*this, matrices, memory_.resize(needed));
    network_.interactions = interactions_.data();
    network_.outputs = outputs_.data();
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
template void PackedNetwork<float>::pack(const network::Sizes &, double, const std::vector<const float *> &, Tabulated);
template void PackedNetwork<float>::pack(const network::Sizes &, double, const std::vector<const double *> &,
                                         Tabulated);
template void PackedNetwork<double>::pack(const network::Sizes &, double, const std::vector<const double *> &,
                                          Tabulated);

} // namespace tlmlp::engine
