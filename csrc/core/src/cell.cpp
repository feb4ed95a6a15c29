#include "cell.h"

#include <cmath>
#include <cstddef>

namespace tlmlp {

namespace {

void set_normalised(double *row, const std::array<double, 3> &v) {
    const double length = std::sqrt(dot(v.data(), v.data()));
    for (std::size_t k = 0; k < 3; ++k) {
        row[k] = length > 0.0 ? v[k] / length : 0.0;
    }
}

} // namespace

Matrix complete_cell(const Matrix &cell, const std::array<bool, 3> &pbc) {
    const int periodic = pbc[0] + pbc[1] + pbc[2];
    if (periodic == 0) {
        return {1, 0, 0, 0, 1, 0, 0, 0, 1};
    }
    Matrix out = cell;
    for (int i = 0; i < 3; ++i) {
        double *a = &out[3 * i], *b = &out[3 * ((i + 1) % 3)], *c = &out[3 * ((i + 2) % 3)];
        if (periodic == 2 && !pbc[i]) {
            set_normalised(a, cross(b, c));
        } else if (periodic == 1 && pbc[i]) {
            // Any vector that is not along a gives the first; the axis of a's smallest component is farthest from it.
            std::size_t smallest = 0;
            for (std::size_t k = 1; k < 3; ++k) {
                smallest = std::abs(a[k]) < std::abs(a[smallest]) ? k : smallest;
            }
            double axis[3] = {0.0, 0.0, 0.0};
            axis[smallest] = 1.0;
            set_normalised(b, cross(axis, a));
            set_normalised(c, cross(a, b));
        }
    }
    return out;
}

} // namespace tlmlp
