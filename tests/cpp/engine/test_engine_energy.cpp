// The engine's atomic energies against explicit triplets, on every SIMD level and precision, for the usual network and
// one whose sizes fit no vector; forces, virial and edge gradients against finite differences of the reference.
#include "reference.h"
#include "check.h"

namespace {

using tlmlp::Engine;
using tlmlp::Precision;

/// Atoms on a skewed lattice, displaced, with distances that no two pairs share.
System crystal(int n, double spacing, double cutoff, int n_species, unsigned seed, int images = 2) {
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> shift(-0.15, 0.15);
    const std::vector<double> cell = {n * spacing, 0, 0, 0.4, n * spacing, 0, -0.3, 0.5, n * spacing};
    std::vector<double> positions;
    for (int a = 0; a < n; ++a) {
        for (int b = 0; b < n; ++b) {
            for (int c = 0; c < n; ++c) {
                for (int k = 0; k < 3; ++k) {
                    positions.push_back((a * cell[k] + b * cell[3 + k] + c * cell[6 + k]) / n + shift(random));
                }
            }
        }
    }
    return make_system(positions, cell, true, cutoff, n_species, images);
}

std::vector<System> systems(double cutoff, int n_species) {
    return {
        crystal(2, 2.6, cutoff, n_species, 1), // images of the same pair
        crystal(1, 2.9, cutoff, 1, 2),         // an atom and its own images
        crystal(1, 1.55, cutoff, 1, 3, 4),     // more than 64 neighbours
        make_system({0, 0, 0, 2.3, 0, 0, 4.6, 0, 0, 6.9, 0, 0}, {}, false, cutoff, n_species), // 180 degrees exactly
        make_system({0, 0, 0, 0.1, 2.2, 0.3}, {}, false, cutoff, n_species),                   // a dimer
        make_system({0, 0, 0, 50, 0, 0, 50, 2.4, 0}, {}, false, cutoff, n_species),            // an atom alone
    };
}

void test_energies(const ModelSizes &sizes, unsigned seed) {
    const Weights weights = random_weights(sizes, seed);
    const Reference reference(sizes, weights);
    const std::string bytes = model_bytes(sizes, weights);
    int number = 0;
    for (const System &system : systems(sizes.cutoff, sizes.n_species)) {
        const std::vector<double> expected = reference.atomic_energies(system);
        for (const std::string &level : tlmlp::simd_levels()) {
            for (const Precision precision : {Precision::float32, Precision::float64}) {
                Engine engine = Engine::from_bytes(bytes, {precision, 1, level});
                const auto result = engine.energy_forces_virial(system.edges());
                const bool single = precision == Precision::float32;
                CHECK(engine.model().heads == std::vector<std::string>{"atomic_energies"});
                CHECK_SAME(result.head_values, result.atomic_energies, level);
                for (int i = 0; i < system.n_atoms; ++i) {
                    const double scale = std::max(1.0, std::abs(expected[i]));
                    CHECK_CLOSE(result.atomic_energies[i], expected[i], scale * (single ? 4e-6 : 1e-12),
                                "energy of atom ", i, " of system ", number, ", ", level,
                                single ? ", float32" : ", float64");
                }
            }
        }
        ++number;
    }
}

/// Central differences of the reference's energy in edge vectors (both directions of a pair move together in a real
/// structure, but the energy is a function of each edge vector alone).
void test_gradients(const ModelSizes &sizes, unsigned seed) {
    const Weights weights = random_weights(sizes, seed);
    const Reference reference(sizes, weights);
    Engine engine = Engine::from_bytes(model_bytes(sizes, weights), {Precision::float64, 1, {}});
    System system = make_system({0, 0, 0, 2.3, 0.1, 0, 0.4, 2.1, 0.2, 2.5, 2.2, 1.9, -1.0, 0.9, 2.0}, {}, false,
                                sizes.cutoff, sizes.n_species);
    const auto result = engine.energy_forces_virial(system.edges(), {true, true});
    const std::vector<double> forces(result.forces.begin(), result.forces.end());
    const auto virial = result.virial;
    const double h = 2e-5;
    // Moving atom i moves every edge that starts or ends there; the engine must see the same energy.
    const auto energy_at = [&](int atom, int axis, double step) {
        System moved = system;
        for (std::size_t e = 0; e < system.source.size(); ++e) {
            moved.vector[3 * e + axis] += step * ((system.source[e] == atom) - (system.target[e] == atom));
        }
        return reference.energy(moved);
    };
    for (int atom = 0; atom < system.n_atoms; ++atom) {
        for (int axis = 0; axis < 3; ++axis) {
            const double slope = (8.0 * (energy_at(atom, axis, h) - energy_at(atom, axis, -h)) -
                                  (energy_at(atom, axis, 2 * h) - energy_at(atom, axis, -2 * h))) /
                                 (12.0 * h);
            CHECK_CLOSE(forces[3 * atom + axis], -slope, 1e-7, "force on atom ", atom);
        }
    }
    for (int a = 0; a < 3; ++a) {
        for (int b = 0; b < 3; ++b) {
            const auto strained = [&](double strain) {
                System moved = system;
                for (std::size_t e = 0; e < system.source.size(); ++e) {
                    moved.vector[3 * e + a] += strain * system.vector[3 * e + b];
                }
                return reference.energy(moved);
            };
            const double slope =
                (8.0 * (strained(h) - strained(-h)) - (strained(2 * h) - strained(-2 * h))) / (12.0 * h);
            CHECK_CLOSE(virial[3 * a + b], -slope, 1e-6 + 1e-8 * std::abs(slope), "virial");
        }
    }
    double sum = 0.0;
    for (std::size_t e = 0; e < system.source.size(); ++e) {
        sum -= result.edge_gradients[3 * e] * system.vector[3 * e + 1];
    }
    CHECK_CLOSE(sum, virial[1], 1e-10, "virial from edge gradients");
}

} // namespace

ModelSizes bare_sizes() {
    ModelSizes bare = odd_sizes();
    bare.n_residual_before = bare.n_residual_after = bare.n_dense_output = 0;
    bare.num_spherical = 1;
    return bare;
}

ModelSizes no_blocks() {
    ModelSizes none = bare_sizes();
    none.n_blocks = 0;
    return none;
}

TEST_CASE("energies, usual sizes") { test_energies(usual_sizes(), 1); }

TEST_CASE("energies, odd sizes") { test_energies(odd_sizes(), 2); }

TEST_CASE("energies, bare sizes") { test_energies(bare_sizes(), 3); }

TEST_CASE("energies, no blocks") { test_energies(no_blocks(), 4); }

TEST_CASE("forces and virial, usual sizes") { test_gradients(usual_sizes(), 5); }

TEST_CASE("forces and virial, odd sizes") { test_gradients(odd_sizes(), 6); }

TEST_CASE("forces and virial, no blocks") { test_gradients(no_blocks(), 7); }
