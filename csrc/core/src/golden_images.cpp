#include <algorithm>
#include <cmath>

#include "model_file.h"

namespace tlmlp::engine {

namespace {

constexpr double most_distances = 2e7, smallest_volume = 1e-6;

double dot(const double *a, const double *b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

} // namespace

std::array<double, 3> golden_reach(const GoldenStructure &s, double cutoff) {
    std::array<double, 3> out{};
    for (std::size_t k = 0; k < 3; ++k) {
        const double *a = &s.cell[3 * ((k + 1) % 3)], *b = &s.cell[3 * ((k + 2) % 3)], *c = &s.cell[3 * k];
        const double normal[3] = {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
        const double volume = std::abs(dot(c, normal));
        if (!s.pbc[k] || !(volume > 0.0)) {
            continue;
        }
        double low = 0.0, high = 0.0;
        for (std::size_t i = 0; i < s.positions.size(); i += 3) {
            const double height = dot(&s.positions[i], normal) / volume;
            low = i ? std::min(low, height) : height;
            high = i ? std::max(high, height) : height;
        }
        out[k] = std::ceil(cutoff * std::sqrt(dot(normal, normal)) / volume + high - low);
    }
    return out;
}

void check_golden_images(const GoldenStructure &s, double cutoff, const std::string &path) {
    if (!(s.pbc[0] || s.pbc[1] || s.pbc[2])) {
        return;
    }
    const double *a = &s.cell[0], *b = &s.cell[3], *c = &s.cell[6];
    const double normal[3] = {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
    const double volume = std::abs(dot(c, normal));
    if (!(volume > smallest_volume && std::isfinite(volume))) {
        throw Error(path + " has a periodic structure whose cell has no volume");
    }
    const double n = static_cast<double>(s.species.size());
    double distances = n * n;
    for (const double images : golden_reach(s, cutoff)) {
        distances *= 2.0 * images + 1.0;
    }
    if (!(distances <= most_distances)) {
        throw Error(path + " has a structure whose cell is too thin, or whose atoms lie too far apart, to be checked");
    }
}

} // namespace tlmlp::engine
