// Result::edge_moments. They belong to edges as the engine sees them; what has a meaning are the sums over the edges of an
// atom, W_i = sum_k (r_i - r_k) x dE_k/dr_i: in a cluster against finite differences of the reference's atomic energies,
// in a crystal against the middle of a cluster that is large enough.
#include "reference.h"
#include "check.h"

namespace {

using tlmlp::Engine;
using tlmlp::Precision;
using Tensors = std::vector<double>; ///< [atoms][3][3]

Tensors shares(const System &system, const tlmlp::Result &result) {
    Tensors sum(9 * system.n_atoms, 0.0);
    for (std::size_t e = 0; e < system.source.size(); ++e) {
        for (int k = 0; k < 9; ++k) {
            const double moment = result.edge_moments[9 * e + k];
            sum[9 * system.target[e] + k] += moment;
            sum[9 * system.source[e] + k] +=
                system.vector[3 * e + k / 3] * result.edge_gradients[3 * e + k % 3] - moment;
        }
    }
    return sum;
}

Tensors shares(Engine &engine, const System &system) {
    return shares(system, engine.energy_forces_virial(system.edges(), {true, true, nullptr, true}));
}

void same(const Tensors &got, const Tensors &wanted, double relative, const std::string &what) {
    double largest = 1e-3, worst = 0.0;
    for (std::size_t k = 0; k < wanted.size(); ++k) {
        largest = std::max(largest, std::abs(wanted[k]));
        worst = std::max(worst, std::abs(got[k] - wanted[k]));
    }
    CHECK_CLOSE(worst, 0.0, relative * largest, what);
}

void test_cluster(const ModelSizes &sizes, unsigned seed, const std::string &what) {
    const Weights weights = random_weights(sizes, seed);
    const Reference reference(sizes, weights);
    const std::vector<double> r = {0, 0, 0, 2.3, 0.1, 0, 0.4, 2.1, 0.2, 2.5, 2.2, 1.9, -1.0, 0.9, 2.0, 4.9, 2.0, 3.1};
    const System system = make_system(r, {}, false, sizes.cutoff, sizes.n_species);
    Tensors wanted(9 * system.n_atoms, 0.0);
    const double h = 2e-5;
    for (int i = 0; i < system.n_atoms; ++i) {
        for (int b = 0; b < 3; ++b) {
            const auto energies_at = [&](double step) {
                System moved = system;
                for (std::size_t e = 0; e < system.source.size(); ++e) {
                    moved.vector[3 * e + b] += step * ((system.source[e] == i) - (system.target[e] == i));
                }
                return reference.atomic_energies(moved);
            };
            const auto up = energies_at(h), down = energies_at(-h), up2 = energies_at(2 * h),
                       down2 = energies_at(-2 * h);
            for (int k = 0; k < system.n_atoms; ++k) {
                const double slope = (8.0 * (up[k] - down[k]) - (up2[k] - down2[k])) / (12.0 * h);
                for (int a = 0; a < 3; ++a) {
                    wanted[9 * i + 3 * a + b] += (r[3 * i + a] - r[3 * k + a]) * slope;
                }
            }
        }
    }
    const std::string bytes = model_bytes(sizes, weights);
    for (const std::string &level : tlmlp::simd_levels()) {
        for (const Precision precision : {Precision::float64, Precision::float32}) {
            for (const std::size_t kept : {std::size_t(0), std::size_t(96) << 20}) {
                Engine engine = Engine::from_bytes(bytes, {precision, 1, level, 0.0, {}, kept});
                const bool single = precision == Precision::float32;
                same(shares(engine, system), wanted, single ? 5e-5 : 1e-7,
                     what + ", " + level + (single ? ", float32" : ", float64"));
            }
        }
    }
}

/// One atom per cell, which is its own neighbour through images, and the middle atom of a cluster in which everything that
/// it acts on has all the neighbours that it has in the crystal.
void test_crystal(ModelSizes sizes, unsigned seed) {
    sizes.n_blocks = 1;
    sizes.n_species = 1;
    const Weights weights = random_weights(sizes, seed);
    Engine engine = Engine::from_bytes(model_bytes(sizes, weights), {Precision::float64, 2, {}});
    const std::vector<double> cell = {2.9, 0, 0, 0.5, 3.1, 0, -0.3, 0.6, 2.7};
    const Tensors crystal = shares(engine, make_system({0, 0, 0}, cell, true, sizes.cutoff, 1));
    std::vector<double> positions = {0, 0, 0};
    const int reach = 8;
    const double radius = 4.0 * sizes.cutoff;
    for (int a = -reach; a <= reach; ++a) {
        for (int b = -reach; b <= reach; ++b) {
            for (int c = -reach; c <= reach; ++c) {
                double r[3], square = 0.0;
                for (int k = 0; k < 3; ++k) {
                    r[k] = a * cell[k] + b * cell[3 + k] + c * cell[6 + k];
                    square += r[k] * r[k];
                }
                if (square > 0.0 && square < radius * radius) {
                    positions.insert(positions.end(), r, r + 3);
                }
            }
        }
    }
    Tensors cluster = shares(engine, make_system(positions, {}, false, sizes.cutoff, 1));
    cluster.resize(9);
    same(crystal, cluster, 1e-10, "an atom in a crystal");
}

TEST_CASE("moments come only if asked for, and change nothing") {
    const ModelSizes sizes = odd_sizes();
    Engine engine = Engine::from_bytes(model_bytes(sizes, random_weights(sizes, 4)), {Precision::float64, 2, {}});
    const System system = make_system({0, 0, 0, 2.3, 0.1, 0, 0.4, 2.1, 0.2}, {}, false, sizes.cutoff, sizes.n_species);
    const auto plain = engine.energy_forces_virial(system.edges(), {true, true});
    const std::vector<double> gradients(plain.edge_gradients.begin(), plain.edge_gradients.end());
    CHECK_MESSAGE(plain.edge_moments.empty(), "no moments unless asked for");
    const auto result = engine.energy_forces_virial(system.edges(), {true, true, nullptr, true});
    CHECK_SAME(result.edge_gradients, gradients, "moments leave the derivatives as they are");
    CHECK_MESSAGE(engine.energy_forces_virial(system.edges(), {false, false, nullptr, true}).edge_moments.empty(),
                  "no moments without forces");
}

} // namespace

TEST_CASE("sums of moments of a cluster, usual sizes") { test_cluster(usual_sizes(), 5, "usual sizes"); }

TEST_CASE("sums of moments of a cluster, odd sizes") { test_cluster(odd_sizes(), 6, "odd sizes"); }

TEST_CASE("sums of moments of a cluster, few blocks") {
    for (const int blocks : {0, 1}) {
        ModelSizes few = odd_sizes();
        few.n_blocks = blocks;
        test_cluster(few, 7, std::to_string(blocks) + " blocks");
    }
}

TEST_CASE("sums of moments of a crystal") { test_crystal(odd_sizes(), 8); }
