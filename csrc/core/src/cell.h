#pragma once

#include <array>

namespace tlmlp {

/// Rows are the lattice vectors, [3][3].
using Matrix = std::array<double, 9>;

inline std::array<double, 3> cross(const double *a, const double *b) {
    return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

inline double dot(const double *a, const double *b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

inline double determinant(const Matrix &m) {
    const auto bc = cross(&m[3], &m[6]);
    return dot(&m[0], bc.data());
}

/// Rows along which the system is open mean nothing: unit vectors across the periodic ones take their place.
Matrix complete_cell(const Matrix &cell, const std::array<bool, 3> &pbc);

} // namespace tlmlp
