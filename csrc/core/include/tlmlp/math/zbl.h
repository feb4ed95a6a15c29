#pragma once

#include <cmath>

#include "tlmlp/math/macros.h"

namespace tlmlp::math {

/// Repulsion of Ziegler, Biersack & Littmark (1985) between two atoms, brought to zero between two radii with a
/// continuous second derivative as LAMMPS' `pair_style zbl inner outer` does it:
///     E(r) = q/r phi(r/a) + S(r),  phi(x) = sum_k c_k exp(-d_k x),  q = Z_i Z_j e^2/(4 pi eps0),
///     a = 0.4685 Angstrom / (Z_i^0.23 + Z_j^0.23),
///     S(r) = C below `inner`, C + A/3 (r - inner)^3 + B/4 (r - inner)^4 up to `outer`, where E, E' and E'' become zero.
/// Angstrom and eV.
struct ZblPair {
    double inner = 0.0, outer = 0.0, charge = 0.0, inverse_length = 0.0, a = 0.0, b = 0.0, c = 0.0;

    TLMLP_HD Jet<double> screened(double r) const {
        constexpr double weights[4] = {0.02817, 0.28022, 0.50986, 0.18175};
        constexpr double rates[4] = {0.20162, 0.40290, 0.94229, 3.19980};
        Jet<double> phi{0.0, 0.0, 0.0};
        for (int k = 0; k < 4; ++k) {
            const double rate = rates[k] * inverse_length, term = weights[k] * std::exp(-rate * r);
            phi.value += term;
            phi.first -= rate * term;
            phi.second += rate * rate * term;
        }
        const double x = 1.0 / r;
        return Jet<double>{charge * x, -charge * x * x, 2.0 * charge * x * x * x} * phi;
    }

    /// E and dE/dr for 0 < r < outer.
    TLMLP_HD Jet<double> energy(double r) const {
        Jet<double> e = screened(r);
        const double t = r - inner;
        e.value += c;
        if (t > 0.0) {
            e.value += t * t * t * (a / 3.0 + b / 4.0 * t);
            e.first += t * t * (a + b * t);
            e.second += t * (2.0 * a + 3.0 * b * t);
        }
        return e;
    }
};

inline ZblPair zbl_pair(double z_i, double z_j, double inner, double outer) {
    constexpr double coulomb = 14.399645478425667; // e^2/(4 pi eps0), eV Angstrom, CODATA 2018
    ZblPair pair;
    pair.inner = inner;
    pair.outer = outer;
    pair.charge = coulomb * z_i * z_j;
    pair.inverse_length = (std::pow(z_i, 0.23) + std::pow(z_j, 0.23)) / 0.4685;
    const Jet<double> e = pair.screened(outer);
    const double t = outer - inner;
    pair.a = (-3.0 * e.first + t * e.second) / (t * t);
    pair.b = (2.0 * e.first - t * e.second) / (t * t * t);
    pair.c = -e.value + 0.5 * t * e.first - t * t * e.second / 12.0;
    return pair;
}

} // namespace tlmlp::math
