#include "weights.h"

#include "tlmlp/math/bessel.h"
#include "tlmlp/math/harmonics.h"
#include "tlmlp/math/piecewise.h"
#include "tlmlp/math/radial.h"

namespace tlmlp::engine {

namespace {

/// a b
Tensor product(const Tensor &a, const Tensor &b) {
    Tensor out{a.rows, b.columns, std::vector<double>(static_cast<std::size_t>(a.rows) * b.columns)};
    for (int r = 0; r < a.rows; ++r) {
        for (int k = 0; k < a.columns; ++k) {
            for (int c = 0; c < b.columns; ++c) {
                out.values[static_cast<std::size_t>(r) * b.columns + c] += a(r, k) * b(k, c);
            }
        }
    }
    return out;
}

Tensor columns(const Tensor &a, int begin, int count) {
    Tensor out{a.rows, count, {}};
    for (int r = 0; r < a.rows; ++r) {
        for (int c = begin; c < begin + count; ++c) {
            out.values.push_back(a(r, c));
        }
    }
    return out;
}

/// Intervals and degree of the polynomials for the functions of the distance. Largest errors for the usual basis (phases
/// to 27.5), relative to each function's largest value (slope): float32 1e-7 (3e-7), float64 3e-15 (8e-12).
template <class T> constexpr int table_intervals = 64;
template <class T> constexpr int table_degree = sizeof(T) == 4 ? 5 : 10;
/// Phases up to here are covered by that many intervals; more functions take proportionally more.
constexpr double table_phase = 28.0;

} // namespace

template <class T> T *PackedNetwork<T>::store(std::size_t n) { return memory_.emplace_back(n).data(); }

template <class T> const T *PackedNetwork<T>::pack_groups(const Tensor &w, bool transposed) {
    const int out = transposed ? w.columns : w.rows, in = transposed ? w.rows : w.columns;
    T *packed = store(static_cast<std::size_t>(pad_to(out, output_group)) * in);
    for (int o = 0; o < out; ++o) {
        for (int k = 0; k < in; ++k) {
            packed[(static_cast<std::size_t>(o / output_group) * in + k) * output_group + o % output_group] =
                T(transposed ? w(k, o) : w(o, k));
        }
    }
    return packed;
}

template <class T> const T *PackedNetwork<T>::pack_rows(const Tensor &w, bool transposed) {
    const int out = transposed ? w.columns : w.rows, in = transposed ? w.rows : w.columns;
    const int row = pad_to(out, row_pad);
    T *packed = store(static_cast<std::size_t>(in) * row);
    for (int k = 0; k < in; ++k) {
        for (int o = 0; o < out; ++o) {
            packed[static_cast<std::size_t>(k) * row + o] = T(transposed ? w(k, o) : w(o, k));
        }
    }
    return packed;
}

template <class T> Dense<T> PackedNetwork<T>::dense(const Tensor &w, const Tensor *bias) {
    T *b = store(static_cast<std::size_t>(pad_to(w.rows, output_group)));
    for (int o = 0; bias && o < w.rows; ++o) {
        b[o] = T((*bias)(0, o));
    }
    return {w.columns, w.rows, pack_groups(w, false), pack_groups(w, true), nullptr, nullptr, b};
}

template <class T>
Dense<T> PackedNetwork<T>::biased(const ModelFile &file, const std::string &name, int out, int in) {
    return dense(file.tensor(name + ".weight", out, in), &file.tensor(name + ".bias", 1, out));
}

template <class T> void PackedNetwork<T>::fit_table(const ModelFile &file) {
    const ModelSizes &m = file.sizes;
    const Tensor &frequencies = file.tensor("frequencies", 1, m.num_radial);
    const double cutoff = 0.1 * m.cutoff;
    const math::SphericalBesselBasis basis(m.num_spherical, m.num_radial, m.envelope_exponent);
    double phase = 0.0;
    for (const double f : frequencies.values) {
        phase = std::max(phase, std::abs(f));
    }
    for (const double z : basis.zeros) {
        phase = std::max(phase, z);
    }
    const int factor = std::max(1, static_cast<int>(std::ceil(phase / table_phase)));
    const auto fitted = math::PiecewisePolynomials<T>::fit(
        m.num_radial + basis.size(), table_intervals<T> * factor, table_degree<T>, row_pad, [&](int k, double x) {
            return k < m.num_radial
                       ? math::radial_basis<double>(x * cutoff, frequencies(0, k), cutoff, m.envelope_exponent).value
                       : basis(k - m.num_radial, x).value;
        });
    T *copy = store(fitted.coefficients.size());
    std::copy(fitted.coefficients.begin(), fitted.coefficients.end(), copy);
    network_.table = {fitted.intervals, fitted.degree, fitted.stride, copy};
    network_.inverse_cutoff = 1.0 / cutoff;
}

template <class T> void PackedNetwork<T>::pack_embedding(const ModelFile &file) {
    const ModelSizes &m = file.sizes;
    const int e = m.embed_size, t = m.atom_emb_size, row = network_.sizes.embed_p;
    const Tensor &species = file.tensor("embedding.species.weight", m.n_species, t);
    const Tensor &w = file.tensor("embedding.dense.weight", e, 2 * t + e);
    const Tensor &bias = file.tensor("embedding.dense.bias", 1, e);
    T *target = store(static_cast<std::size_t>(m.n_species) * row);
    T *source = store(static_cast<std::size_t>(m.n_species) * row);
    for (int s = 0; s < m.n_species; ++s) {
        for (int o = 0; o < e; ++o) {
            double as_target = bias(0, o), as_source = 0.0;
            for (int k = 0; k < t; ++k) {
                as_target += w(o, k) * species(s, k);
                as_source += w(o, t + k) * species(s, k);
            }
            target[s * row + o] = T(as_target);
            source[s * row + o] = T(as_source);
        }
    }
    network_.embed_target = target;
    network_.embed_source = source;
    network_.embed_radial =
        dense(product(columns(w, 2 * t, e), file.tensor("embedding.rbf.weight", e, m.num_radial)), nullptr);
}

template <class T> Interaction<T> PackedNetwork<T>::interaction(const ModelFile &file, int block) {
    const ModelSizes &m = file.sizes;
    const Sizes &s = network_.sizes;
    const int e = m.embed_size, i = m.int_emb_size, b = m.basis_emb_size;
    const std::string name = "interaction." + std::to_string(block) + ".";
    Interaction<T> layer;
    layer.kj = biased(file, name + "kj", e, e);
    layer.gate = dense(product(file.tensor(name + "rbf2.weight", e, b), file.tensor(name + "rbf1.weight", b, m.num_radial)),
                       nullptr);
    const Tensor &down = file.tensor(name + "down.weight", i, e), &up = file.tensor(name + "up.weight", e, i);
    layer.down = dense(down, nullptr);
    layer.down.rows = pack_rows(down, false);
    layer.up = dense(up, nullptr);
    layer.up.rows_back = pack_rows(up, true);
    layer.ji = biased(file, name + "ji", e, e);
    layer.final = biased(file, name + "final", e, e);
    const auto residual = [&](const char *kind, int n) {
        auto &layers = layers_.emplace_back();
        for (int k = 0; k < n; ++k) {
            for (const char *which : {".0", ".1"}) {
                layers.push_back(biased(file, name + kind + "." + std::to_string(k) + which, e, e));
            }
        }
        return layers.data();
    };
    layer.before = residual("before", m.n_residual_before);
    layer.after = residual("after", m.n_residual_after);
    const Tensor radial =
        product(file.tensor(name + "sbf2.weight", i, b), file.tensor(name + "sbf1.weight", b, s.basis)); // (I, l n)
    T *packed = store(static_cast<std::size_t>(s.basis) * s.directional_p);
    for (int c = 0; c < i; ++c) {
        for (int k = 0; k < s.basis; ++k) {
            packed[(c / row_pad * s.basis + k) * row_pad + c % row_pad] = T(radial(c, k));
        }
    }
    layer.radial = packed;
    return layer;
}

template <class T> OutputBlock<T> PackedNetwork<T>::output(const ModelFile &file, int block) {
    const ModelSizes &m = file.sizes;
    const int e = m.embed_size, o = m.out_size;
    const std::string name = "output." + std::to_string(block) + ".";
    OutputBlock<T> out;
    out.gate = dense(file.tensor(name + "rbf.weight", e, m.num_radial), nullptr);
    out.up = dense(file.tensor(name + "up.weight", o, e), nullptr);
    auto &layers = layers_.emplace_back();
    for (int k = 0; k < m.n_dense_output; ++k) {
        layers.push_back(biased(file, name + "dense." + std::to_string(k), o, o));
    }
    out.dense = layers.data();
    const Tensor &last = file.tensor(name + "final.weight", 1, o);
    T *row = store(static_cast<std::size_t>(network_.sizes.output_p));
    for (int k = 0; k < o; ++k) {
        row[k] = T(last(0, k));
    }
    out.last = row;
    return out;
}

template <class T> PackedNetwork<T>::PackedNetwork(const ModelFile &file) {
    const ModelSizes &m = file.sizes;
    Sizes &s = network_.sizes;
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

    fit_table(file);
    const std::vector<double> norms = math::harmonics_norms(m.num_spherical - 1);
    T *harmonic_norms = store(norms.size());
    std::copy(norms.begin(), norms.end(), harmonic_norms);
    network_.harmonic_norms = harmonic_norms;
    T *legendre = store(static_cast<std::size_t>(m.num_spherical));
    for (int l = 0; l < m.num_spherical; ++l) {
        legendre[l] = T(math::legendre_norm(l));
    }
    network_.legendre = legendre;

    pack_embedding(file);
    for (int b = 0; b < m.n_blocks; ++b) {
        interactions_.push_back(interaction(file, b));
    }
    for (int b = 0; b <= m.n_blocks; ++b) {
        outputs_.push_back(output(file, b));
    }
    network_.interactions = interactions_.data();
    network_.outputs = outputs_.data();
}

template class PackedNetwork<float>;
template class PackedNetwork<double>;

} // namespace tlmlp::engine
