// What must hold whatever the weights: all levels agree, threads and repetition change nothing, atoms may be renumbered
// and edges listed in any order, energy and forces are continuous at the cutoff, bad input is refused.
#include <limits>

#include "reference.h"
#include "check.h"

namespace {

using tlmlp::Engine;
using tlmlp::Error;
using tlmlp::Precision;

std::vector<double> random_positions(int n, double box, double closest, unsigned seed) {
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> uniform(0.0, box);
    std::vector<double> positions;
    while (static_cast<int>(positions.size()) < 3 * n) {
        const double p[3] = {uniform(random), uniform(random), uniform(random)};
        bool free = true;
        for (std::size_t i = 0; i < positions.size() && free; i += 3) {
            double square = 0.0;
            for (int k = 0; k < 3; ++k) {
                double d = positions[i + k] - p[k];
                d -= box * std::round(d / box);
                square += d * d;
            }
            free = square > closest * closest;
        }
        if (free) {
            positions.insert(positions.end(), p, p + 3);
        }
    }
    return positions;
}

const double box = 11.0;
const std::vector<double> cell = {box, 0, 0, 0, box, 0, 0, 0, box};

System liquid(const ModelSizes &sizes) {
    return make_system(random_positions(60, box, 1.9, 3), cell, true, sizes.cutoff, sizes.n_species, 1);
}

/// A model of the usual sizes and 60 atoms.
struct Liquid {
    const ModelSizes sizes = usual_sizes();
    const std::string bytes = model_bytes(sizes, random_weights(sizes, 11));
    const System system = liquid(sizes);
};

TEST_CASE_FIXTURE(Liquid, "threads and repetition change no bit") {
    Engine engine = Engine::from_bytes(bytes, {Precision::float32, 1, {}});
    auto result = engine.energy_forces_virial(system.edges());
    const double energy = result.energy;
    const std::vector<double> forces(result.forces.begin(), result.forces.end());
    const std::size_t memory = engine.memory();
    for (const int threads : {1, 2, 3, 1}) {
        engine.set_threads(threads);
        result = engine.energy_forces_virial(system.edges());
        CHECK_SAME(result.energy, energy, threads, " threads");
        CHECK_SAME(result.forces, forces, threads, " threads");
    }
    engine.set_threads(1);
    CHECK_MESSAGE(engine.memory() < 3 * memory, "work space is kept, not piled up");
    // A smaller system in between must not disturb.
    const System dimer = make_system({0, 0, 0, 2.2, 0, 0}, {}, false, 4.0, 1);
    engine.energy_forces_virial(dimer.edges());
    result = engine.energy_forces_virial(system.edges());
    CHECK_SAME(result.energy, energy, "after another system");
    CHECK_CLOSE(engine.energy_forces_virial(system.edges(), {false, false}).energy, energy, 1e-6 * std::abs(energy),
                "the same without forces");
}

TEST_CASE_FIXTURE(Liquid, "kept slopes change no bit") {
    for (const Precision precision : {Precision::float32, Precision::float64}) {
        for (const std::string &level : tlmlp::simd_levels()) {
            Engine keeps = Engine::from_bytes(bytes, {.precision = precision, .level = level});
            Engine repeats = Engine::from_bytes(bytes, {.precision = precision, .level = level, .kept_slopes = 0});
            const auto a = keeps.energy_forces_virial(system.edges()), b = repeats.energy_forces_virial(system.edges());
            CHECK_SAME(a.energy, b.energy, level);
            CHECK_SAME(a.virial, b.virial, level);
            CHECK_SAME(a.forces, b.forces, level);
            CHECK_MESSAGE(repeats.memory() < keeps.memory(), "less memory where nothing is kept");
        }
    }
}

void test_levels_agree(const std::string &bytes, const System &system) {
    for (const Precision precision : {Precision::float32, Precision::float64}) {
        const double relative = precision == Precision::float32 ? 5e-5 : 1e-12;
        std::vector<double> first;
        for (const std::string &level : tlmlp::simd_levels()) {
            Engine engine = Engine::from_bytes(bytes, {precision, 1, level});
            CHECK(engine.level() == level);
            const auto forces = engine.energy_forces_virial(system.edges()).forces;
            double total = 0.0, largest = 0.0;
            for (const double force : forces) {
                largest = std::max(largest, std::abs(force));
                total += force;
            }
            CHECK_MESSAGE(largest > 0.1, "forces that are worth comparing");
            CHECK_CLOSE(total, 0.0, 1e-12 * largest, "total force");
            if (first.empty()) {
                first.assign(forces.begin(), forces.end());
            }
            for (std::size_t k = 0; k < forces.size(); ++k) {
                CHECK_CLOSE(forces[k], first[k], relative * largest, "force, ", level);
            }
        }
    }
}

std::vector<std::size_t> shuffled(std::size_t n) {
    std::vector<std::size_t> order(n);
    for (std::size_t k = 0; k < n; ++k) {
        order[k] = k;
    }
    std::shuffle(order.begin(), order.end(), std::mt19937_64(5));
    return order;
}

/// Other numbers for the atoms, edges listed in another order: the same bits for each atom, on every level.
TEST_CASE_FIXTURE(Liquid, "the order of atoms and edges changes no bit") {
    const std::vector<std::size_t> order = shuffled(system.source.size()), atoms = shuffled(system.species.size());
    System other = system;
    for (std::size_t i = 0; i < atoms.size(); ++i) {
        other.species[atoms[i]] = system.species[i];
    }
    for (std::size_t k = 0; k < order.size(); ++k) {
        other.source[k] = static_cast<std::int64_t>(atoms[system.source[order[k]]]);
        other.target[k] = static_cast<std::int64_t>(atoms[system.target[order[k]]]);
        std::copy_n(&system.vector[3 * order[k]], 3, &other.vector[3 * k]);
    }
    for (const Precision precision : {Precision::float32, Precision::float64}) {
        for (const std::string &level : tlmlp::simd_levels()) {
            Engine engine = Engine::from_bytes(bytes, {precision, 1, level}),
                   again = Engine::from_bytes(bytes, {precision, 1, level});
            const auto a = engine.energy_forces_virial(system.edges()), b = again.energy_forces_virial(other.edges());
            CHECK_CLOSE(b.energy, a.energy, 1e-13 * std::abs(a.energy), "energy, atoms in another order");
            for (std::size_t i = 0; i < atoms.size(); ++i) {
                CHECK_SAME(b.atomic_energies[atoms[i]], a.atomic_energies[i], "atom ", i, ", ", level);
                for (std::size_t k = 0; k < 3; ++k) {
                    CHECK_SAME(b.forces[3 * atoms[i] + k], a.forces[3 * i + k], "atom ", i, ", ", level);
                }
            }
        }
    }
}

/// A dimer that crosses the cutoff of another: nothing jumps.
TEST_CASE_FIXTURE(Liquid, "energy and force are continuous at the cutoff") {
    Engine engine = Engine::from_bytes(bytes, {Precision::float64, 1, {}});
    const auto dimers = [&](double distance) {
        return make_system({0, 0, 0, -2.0, 0.3, 0, distance, 0, 0, distance + 2.0, 0.2, 0}, {}, false,
                           sizes.cutoff + 0.5, 1);
    };
    const auto at = [&](double distance) {
        const System s = dimers(distance);
        const auto result = engine.energy_forces_virial(s.edges());
        return std::pair<double, double>(result.energy, result.forces[0]);
    };
    const auto inside = at(sizes.cutoff - 1e-5), outside = at(sizes.cutoff + 1e-5);
    CHECK_CLOSE(inside.first, outside.first, 1e-8, "energy across the cutoff");
    CHECK_CLOSE(inside.second, outside.second, 1e-6, "force across the cutoff");
    // Rounding may leave one direction of a pair at the cutoff inside and the other outside.
    System one_sided = dimers(sizes.cutoff - 1e-7);
    one_sided.source.erase(one_sided.source.begin() + 1);
    one_sided.target.erase(one_sided.target.begin() + 1);
    one_sided.vector.erase(one_sided.vector.begin() + 3, one_sided.vector.begin() + 6);
    CHECK_CLOSE(engine.energy_forces_virial(one_sided.edges()).energy, outside.first, 1e-8, "one direction only");
}

TEST_CASE_FIXTURE(Liquid, "no atoms and atoms alone") {
    Engine engine = Engine::from_bytes(bytes);
    CHECK_SAME(engine.energy_forces_virial(tlmlp::EdgeList{}).energy, 0.0, "no atoms");
    const std::int32_t species[2] = {0, 0};
    const auto result = engine.energy_forces_virial(tlmlp::EdgeList{2, species, 0, nullptr, nullptr, nullptr});
    CHECK_SAME(result.atomic_energies[0], result.atomic_energies[1], "two atoms alone");
    CHECK(std::isfinite(result.energy));
    CHECK_SAME(result.forces[0], 0.0, "an atom alone");
    CHECK_SAME(result.virial[0], 0.0, "an atom alone");
}

TEST_CASE_FIXTURE(Liquid, "bad input is refused") {
    Engine engine = Engine::from_bytes(bytes);
    const auto refuse = [&](const System &wrong, const char *words) {
        CHECK_ERROR(engine.energy_forces_virial(wrong.edges()), words, Error);
    };
    System bad = system;
    bad.vector[4] = std::numeric_limits<double>::quiet_NaN();
    refuse(bad, "not finite");
    bad = system;
    bad.vector[0] = bad.vector[1] = bad.vector[2] = 0.0;
    refuse(bad, "same place");
    bad = system;
    bad.species[2] = 1;
    refuse(bad, "species number 1");
    bad = system;
    bad.source[7] = 60;
    refuse(bad, "there are 60 atoms");
    bad = system;
    bad.source.pop_back();
    bad.target.pop_back();
    refuse(bad, "no reverse edge");
    CHECK_ERROR(engine.set_threads(0), "threads must be", Error);
    CHECK_ERROR((Engine::from_bytes(bytes, {Precision::float32, 1, "mmx"})), "no SIMD level 'mmx'", Error);
    CHECK_ERROR(engine.species_of(92), "atomic number 92", Error);
    CHECK_SAME(engine.energy_forces_virial(system.edges()).energy,
               Engine::from_bytes(bytes).energy_forces_virial(system.edges()).energy, "after errors");
}

} // namespace

TEST_CASE_FIXTURE(Liquid, "all instruction levels agree, usual sizes") { test_levels_agree(bytes, system); }

TEST_CASE_FIXTURE(Liquid, "all instruction levels agree, the paper's sizes") {
    const ModelSizes original{1, 128, 256, 64, 8, 128, 4, 7, 6, 6, 1, 2, 3, 4.3};
    test_levels_agree(model_bytes(original, random_weights(original, 12)), system);
}
