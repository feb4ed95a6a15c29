#pragma once

// DimeNet++ once more, slow and in float64, from the formulas of the paper with an explicit loop over triplets; shares
// nothing with the engine (Bessel functions and Legendre polynomials are the standard library's).

#include <algorithm>
#include <cmath>
#include <vector>

#include "random_model.h"

struct System {
    int n_atoms = 0;
    std::vector<std::int32_t> species;
    std::vector<std::int64_t> source, target;
    std::vector<double> vector; ///< Angstrom

    tlmlp::EdgeList edges() const {
        return {n_atoms,       species.data(), static_cast<std::int64_t>(source.size()),
                source.data(), target.data(),  vector.data()};
    }
};

/// All pairs within the cutoff over the images of the cell (rows), found by brute force.
inline System make_system(const std::vector<double> &positions, const std::vector<double> &cell, bool periodic,
                          double cutoff, int n_species, int images = 2) {
    System s;
    s.n_atoms = static_cast<int>(positions.size() / 3);
    const int reach = periodic ? images : 0;
    for (int i = 0; i < s.n_atoms; ++i) {
        s.species.push_back(i % n_species);
        for (int j = 0; j < s.n_atoms; ++j) {
            for (int a = -reach; a <= reach; ++a) {
                for (int b = -reach; b <= reach; ++b) {
                    for (int c = -reach; c <= reach; ++c) {
                        double v[3], square = 0.0;
                        for (int k = 0; k < 3; ++k) {
                            v[k] = positions[3 * j + k] - positions[3 * i + k];
                            if (periodic) {
                                v[k] += a * cell[k] + b * cell[3 + k] + c * cell[6 + k];
                            }
                            square += v[k] * v[k];
                        }
                        if (square < cutoff * cutoff && (i != j || a || b || c)) {
                            s.source.push_back(j);
                            s.target.push_back(i);
                            s.vector.insert(s.vector.end(), v, v + 3);
                        }
                    }
                }
            }
        }
    }
    return s;
}

class Reference {
  public:
    Reference(const ModelSizes &sizes, const Weights &weights) : m_(sizes), w_(weights) {
        for (int l = 0; l < m_.num_spherical; ++l) {
            double x = l == 0 ? 1.0 : l + 0.5;
            for (int n = 0; n < m_.num_radial; ++n) {
                const double step = 0.05;
                while ((std::sph_bessel(l, x) > 0) == (std::sph_bessel(l, x + step) > 0)) {
                    x += step;
                }
                double low = x, high = x + step;
                for (int k = 0; k < 60; ++k) {
                    const double middle = 0.5 * (low + high);
                    ((std::sph_bessel(l, low) > 0) == (std::sph_bessel(l, middle) > 0) ? low : high) = middle;
                }
                zeros_.push_back(0.5 * (low + high));
                x += step;
            }
        }
    }

    /// Atomic energies in eV, the shifts of header_json included.
    std::vector<double> atomic_energies(const System &s) const {
        const int n_edges = static_cast<int>(s.source.size());
        std::vector<Vec> rbf(n_edges), m(n_edges);
        std::vector<double> distance(n_edges);
        const double c = 0.1 * m_.cutoff;
        for (int e = 0; e < n_edges; ++e) {
            const double *v = &s.vector[3 * e];
            distance[e] = 0.1 * std::sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
            for (int n = 0; n < m_.num_radial; ++n) {
                rbf[e].push_back(std::sqrt(2.0 / c) * std::sin(w_.at("frequencies").values[n] * distance[e] / c) /
                                 distance[e] * envelope(distance[e] / c));
            }
            const Vec r = linear("embedding.rbf", rbf[e]);
            Vec in = species_row(s.species[s.target[e]]);
            const Vec source = species_row(s.species[s.source[e]]);
            in.insert(in.end(), source.begin(), source.end());
            in.insert(in.end(), r.begin(), r.end());
            m[e] = dense("embedding.dense", in);
        }
        std::vector<double> energy(s.n_atoms, 0.0);
        output(0, s, rbf, m, energy);
        for (int b = 0; b < m_.n_blocks; ++b) {
            m = interaction(b, s, rbf, distance, m);
            output(b + 1, s, rbf, m, energy);
        }
        for (int i = 0; i < s.n_atoms; ++i) {
            energy[i] = energy[i] / 96.48533212331001 - 1.0 - s.species[i];
        }
        return energy;
    }

    double energy(const System &s) const {
        double sum = 0.0;
        for (const double e : atomic_energies(s)) {
            sum += e;
        }
        return sum;
    }

  private:
    using Vec = std::vector<double>;

    double envelope(double x) const {
        const int p = m_.envelope_exponent;
        return x >= 1.0 ? 0.0
                        : 1.0 - 0.5 * (p + 1) * (p + 2) * std::pow(x, p) + p * (p + 2.0) * std::pow(x, p + 1) -
                              0.5 * p * (p + 1) * std::pow(x, p + 2);
    }
    Vec species_row(int species) const {
        const Tensor &t = w_.at("embedding.species.weight");
        return Vec(t.values.begin() + species * t.columns, t.values.begin() + (species + 1) * t.columns);
    }
    Vec linear(const std::string &name, const Vec &x) const {
        const Tensor &t = w_.at(name + ".weight");
        Vec y(t.rows, 0.0);
        for (int r = 0; r < t.rows; ++r) {
            for (int c = 0; c < t.columns; ++c) {
                y[r] += t(r, c) * x[c];
            }
        }
        return y;
    }
    static Vec act(Vec x) {
        for (double &v : x) {
            v = v / (1.0 + std::exp(-v));
        }
        return x;
    }
    static Vec add(Vec a, const Vec &b) {
        std::transform(a.begin(), a.end(), b.begin(), a.begin(), std::plus<>());
        return a;
    }
    static Vec times(Vec a, const Vec &b) {
        std::transform(a.begin(), a.end(), b.begin(), a.begin(), std::multiplies<>());
        return a;
    }
    Vec dense(const std::string &name, const Vec &x) const {
        return act(add(linear(name, x), w_.at(name + ".bias").values));
    }
    Vec residual(const std::string &name, Vec h, int n) const {
        for (int k = 0; k < n; ++k) {
            const std::string layer = name + std::to_string(k);
            h = add(h, dense(layer + ".1", dense(layer + ".0", h)));
        }
        return h;
    }

    void output(int b, const System &s, const std::vector<Vec> &rbf, const std::vector<Vec> &m, Vec &energy) const {
        const std::string name = "output." + std::to_string(b) + ".";
        std::vector<Vec> sums(s.n_atoms, Vec(m_.embed_size, 0.0));
        for (std::size_t e = 0; e < m.size(); ++e) {
            sums[s.target[e]] = add(sums[s.target[e]], times(linear(name + "rbf", rbf[e]), m[e]));
        }
        for (int i = 0; i < s.n_atoms; ++i) {
            Vec x = linear(name + "up", sums[i]);
            for (int d = 0; d < m_.n_dense_output; ++d) {
                x = dense(name + "dense." + std::to_string(d), x);
            }
            energy[i] += linear(name + "final", x)[0];
        }
    }

    std::vector<Vec> interaction(int b, const System &s, const std::vector<Vec> &rbf, const Vec &distance,
                                 const std::vector<Vec> &m) const {
        const std::string name = "interaction." + std::to_string(b) + ".";
        const int n_edges = static_cast<int>(m.size());
        std::vector<Vec> y, out;
        for (int e = 0; e < n_edges; ++e) {
            const Vec gate = linear(name + "rbf2", linear(name + "rbf1", rbf[e]));
            y.push_back(act(linear(name + "down", times(dense(name + "kj", m[e]), gate))));
        }
        for (int e = 0; e < n_edges; ++e) { // e: j -> i
            Vec z(m_.int_emb_size, 0.0);
            const double *out_vector = &s.vector[3 * e];
            for (int k = 0; k < n_edges; ++k) { // k -> j
                if (s.target[k] != s.source[e]) {
                    continue;
                }
                const double *in_vector = &s.vector[3 * k];
                double dot = 0.0, sum = 0.0;
                for (int a = 0; a < 3; ++a) {
                    dot -= in_vector[a] * out_vector[a]; // from j: to k along in_vector, to i against out_vector
                    sum += std::pow(in_vector[a] + out_vector[a], 2);
                }
                if (s.source[k] == s.target[e] && sum < 1e-12) {
                    continue; // k is i in the same image
                }
                const double cosine = std::clamp(dot * 0.01 / (distance[k] * distance[e]), -1.0, 1.0);
                const double x = distance[k] / (0.1 * m_.cutoff);
                Vec basis;
                for (int l = 0; l < m_.num_spherical; ++l) {
                    for (int n = 0; n < m_.num_radial; ++n) {
                        const double zero = zeros_[l * m_.num_radial + n];
                        basis.push_back(envelope(x) * std::sqrt(2.0) / std::abs(std::sph_bessel(l + 1, zero)) *
                                        std::sph_bessel(l, zero * x) * std::sqrt((2 * l + 1) / (4 * M_PI)) *
                                        std::legendre(l, cosine));
                    }
                }
                z = add(z, times(y[k], linear(name + "sbf2", linear(name + "sbf1", basis))));
            }
            Vec h = add(dense(name + "ji", m[e]), act(linear(name + "up", z)));
            h = residual(name + "before.", h, m_.n_residual_before);
            out.push_back(residual(name + "after.", add(dense(name + "final", h), m[e]), m_.n_residual_after));
        }
        return out;
    }

    ModelSizes m_;
    Weights w_;
    Vec zeros_;
};
