// The part of the engine that finds neighbours itself, on the vesin library. Apart from engine.cpp, so that hosts with
// neighbour lists of their own link neither.
#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include <vesin.h>

#include "engine_impl.h"

namespace tlmlp {

namespace {

std::array<double, 3> cross(const double *a, const double *b) {
    return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

void set_normalised(double *row, const std::array<double, 3> &v) {
    const double length = std::sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
    for (std::size_t k = 0; k < 3; ++k) {
        row[k] = length > 0.0 ? v[k] / length : 0.0;
    }
}

/// Rows that are not periodic mean nothing; unit vectors across the periodic ones take their place.
std::array<double, 9> complete_cell(std::array<double, 9> cell, const std::array<bool, 3> &pbc) {
    const int periodic = pbc[0] + pbc[1] + pbc[2];
    for (int i = 0; i < 3; ++i) {
        double *a = &cell[3 * i], *b = &cell[3 * ((i + 1) % 3)], *c = &cell[3 * ((i + 2) % 3)];
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
    return cell;
}

} // namespace

class NeighbourFinder {
  public:
    NeighbourFinder() = default;
    NeighbourFinder(const NeighbourFinder &) = delete;
    NeighbourFinder &operator=(const NeighbourFinder &) = delete;
    ~NeighbourFinder() { vesin_free(&list_); }

    EdgeList find(const Structure &structure, double cutoff, int threads);

  private:
    VesinNeighborList list_;
    std::vector<std::int64_t> source_, target_;
};

EdgeList NeighbourFinder::find(const Structure &structure, double cutoff, int threads) {
    EdgeList edges;
    edges.n_atoms = structure.n_atoms;
    edges.species = structure.species;
    if (structure.n_atoms == 0) {
        return edges;
    }
    for (std::int64_t k = 0; k < 3 * structure.n_atoms; ++k) {
        if (!std::isfinite(structure.positions[k])) {
            throw Error("the position of atom " + std::to_string(k / 3) + " is not finite");
        }
    }
    const bool periodic = structure.pbc[0] || structure.pbc[1] || structure.pbc[2];
    const std::array<double, 9> h = complete_cell(structure.cell, structure.pbc);
    const double volume = h[0] * (h[4] * h[8] - h[5] * h[7]) - h[1] * (h[3] * h[8] - h[5] * h[6]) +
                          h[2] * (h[3] * h[7] - h[4] * h[6]);
    if (periodic && !(std::abs(volume) > 1e-6 && std::isfinite(volume))) {
        throw Error("the cell of a periodic structure must have a volume, got " + std::to_string(volume) +
                    " Angstrom^3");
    }
    VesinOptions options{};
    options.cutoff = cutoff;
    options.full = true;
    options.algorithm = VesinAutoAlgorithm;
    options.n_threads = threads;
    options.return_vectors = true;
    const char *message = nullptr;
    const int status = vesin_neighbors(reinterpret_cast<const double(*)[3]>(structure.positions),
                                       static_cast<std::size_t>(structure.n_atoms),
                                       reinterpret_cast<const double(*)[3]>(h.data()), structure.pbc.data(),
                                       VesinDevice{VesinCPU, 0}, options, &list_, &message);
    if (status != 0) {
        throw Error(std::string("the neighbour list failed: ") + (message ? message : "unknown reason"));
    }
    source_.resize(list_.length);
    target_.resize(list_.length);
    // vesin's pair (a, b) has the vector r_b - r_a + S cell: a is the target.
    for (std::size_t e = 0; e < list_.length; ++e) {
        target_[e] = static_cast<std::int64_t>(list_.pairs[e][0]);
        source_[e] = static_cast<std::int64_t>(list_.pairs[e][1]);
    }
    edges.n_edges = static_cast<std::int64_t>(list_.length);
    edges.source = source_.data();
    edges.target = target_.data();
    edges.vector = list_.vectors[0];
    return edges;
}

Result Engine::energy_forces_virial(const Structure &structure, const ComputeOptions &options) {
    if (!impl_->neighbours) {
        impl_->neighbours = std::make_shared<NeighbourFinder>();
    }
    const EdgeList edges = impl_->neighbours->find(structure, impl_->file.sizes.cutoff, impl_->options.threads);
    return energy_forces_virial(edges, options);
}

Engine::SelfCheck Engine::self_check() {
    SelfCheck check;
    for (const engine::GoldenStructure &golden : impl_->file.golden) {
        const auto n = static_cast<std::int64_t>(golden.species.size());
        const Result result = energy_forces_virial(
            Structure{n, golden.species.data(), golden.positions.data(), golden.cell, golden.pbc});
        ++check.structures;
        const double atoms = static_cast<double>(std::max<std::int64_t>(n, 1));
        check.energy = std::max(check.energy, std::abs(result.energy - golden.energy) / atoms);
        for (std::size_t k = 0; k < golden.forces.size(); ++k) {
            check.forces = std::max(check.forces, std::abs(result.forces[k] - golden.forces[k]));
        }
        for (std::size_t k = 0; k < 9; ++k) {
            check.virial = std::max(check.virial, std::abs(result.virial[k] - golden.virial[k]));
        }
    }
    return check;
}

} // namespace tlmlp
