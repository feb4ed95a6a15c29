// Positions, cell and pbc in: the neighbours that vesin finds give what a brute-force list over images gives; the C
// interface gives the same numbers; bad structures are refused.
#include <fstream>
#include <limits>

#include "reference.h"
#include "check.h"
#include "tlmlp/engine_c.h"

namespace {

using tlmlp::Engine;
using tlmlp::Precision;
using tlmlp::Structure;

const std::vector<double> positions = {0, 0, 0, 1.4, 1.3, 1.5, 2.6, 2.8, 0.1, 3.1, 0.2, 2.7};
const std::array<double, 9> skewed = {4.1, 0.2, 0, 2.5, 4.0, 0.1, -1.9, 0.6, 4.3};

struct Model {
    const ModelSizes sizes = odd_sizes();
    const std::string bytes = model_bytes(sizes, random_weights(sizes, 21));
};

Structure structure_of(const std::vector<std::int32_t> &species, bool periodic) {
    return {4, species.data(), positions.data(), skewed, {periodic, periodic, periodic}};
}

TEST_CASE_FIXTURE(Model, "neighbours are those of a search over images") {
    Engine engine = Engine::from_bytes(bytes, {Precision::float64, 1, {}});
    for (const bool periodic : {true, false}) {
        const System system =
            make_system(positions, {skewed.begin(), skewed.end()}, periodic, sizes.cutoff, sizes.n_species, 4);
        const auto from_edges = engine.energy_forces_virial(system.edges());
        const double energy = from_edges.energy;
        const std::vector<double> forces(from_edges.forces.begin(), from_edges.forces.end());
        const auto virial = from_edges.virial;
        const auto result = engine.energy_forces_virial(structure_of(system.species, periodic));
        CHECK_CLOSE(result.energy, energy, 1e-10, "energy");
        for (std::size_t k = 0; k < forces.size(); ++k) {
            CHECK_CLOSE(result.forces[k], forces[k], 1e-9, "force");
        }
        for (std::size_t k = 0; k < 9; ++k) {
            CHECK_CLOSE(result.virial[k], virial[k], 1e-8, "virial");
        }
    }
}

/// A slab and a wire: rows of the cell that are not periodic mean nothing, whatever stands there.
TEST_CASE_FIXTURE(Model, "rows of the cell that are not periodic mean nothing") {
    Engine engine = Engine::from_bytes(bytes, {Precision::float64, 1, {}});
    for (int mask = 1; mask < 7; ++mask) {
        const std::array<bool, 3> pbc = {(mask & 1) != 0, (mask & 2) != 0, (mask & 4) != 0};
        std::vector<double> far(skewed.begin(), skewed.end());
        const std::vector<std::int32_t> species(4, 0);
        Structure structure = structure_of(species, true);
        structure.pbc = pbc;
        for (int row = 0; row < 3; ++row) {
            for (int k = 0; k < 3 && !pbc[row]; ++k) {
                structure.cell[3 * row + k] = 0.0;
                far[3 * row + k] = row == k ? 1000.0 : 0.0;
            }
        }
        System system = make_system(positions, far, true, sizes.cutoff, 1, 3);
        const double expected = engine.energy_forces_virial(system.edges()).energy;
        CHECK_CLOSE(engine.energy_forces_virial(structure).energy, expected, 1e-10, "periodic directions ", mask);
    }
}

TEST_CASE_FIXTURE(Model, "the C interface gives the same numbers") {
    const std::string path = "test_structures_model.pt";
    std::ofstream(path, std::ios::binary) << bytes;
    tlmlp_engine *engine = tlmlp_open(path.c_str(), 64, 1);
    CHECK(tlmlp_open("/nonexistent.pt", 64, 1) == nullptr);
    CHECK(std::string(tlmlp_last_error()).starts_with("cannot read"));
    CHECK(tlmlp_open(path.c_str(), 16, 1) == nullptr);
    CHECK(std::string(tlmlp_last_error()) == doctest::Contains("got 16"));
    REQUIRE(engine != nullptr);
    CHECK_SAME(tlmlp_cutoff(engine), sizes.cutoff, "cutoff");
    CHECK(tlmlp_species_of(engine, 14) == 0);
    CHECK(tlmlp_species_of(engine, 92) == -1);
    const System system =
        make_system(positions, {skewed.begin(), skewed.end()}, true, sizes.cutoff, sizes.n_species, 4);
    const int pbc[3] = {1, 1, 1};
    double energy[2], forces[2][12], virial[2][9], atomic[4];
    CHECK(tlmlp_compute(engine, 4, system.species.data(), positions.data(), skewed.data(), pbc, &energy[0], atomic,
                        forces[0], virial[0]) == 0);
    const auto edges = system.edges();
    CHECK(tlmlp_compute_edges(engine, 4, edges.species, edges.n_edges, edges.source, edges.target, edges.vector,
                              &energy[1], nullptr, forces[1], virial[1]) == 0);
    CHECK_CLOSE(energy[0], energy[1], 1e-10, "C energy");
    CHECK_CLOSE(atomic[0] + atomic[1] + atomic[2] + atomic[3], energy[0], 1e-10, "C atomic energies");
    for (int k = 0; k < 12; ++k) {
        CHECK_CLOSE(forces[0][k], forces[1][k], 1e-9, "C force");
    }
    const std::int32_t wrong[4] = {0, 0, 9, 0};
    CHECK(tlmlp_compute(engine, 4, wrong, positions.data(), skewed.data(), pbc, energy, nullptr, nullptr, nullptr) ==
          -1);
    tlmlp_close(engine);
    std::remove(path.c_str());
}

TEST_CASE_FIXTURE(Model, "bad structures are refused") {
    Engine engine = Engine::from_bytes(bytes);
    const std::vector<std::int32_t> species(4, 0);
    Structure bad = structure_of(species, true);
    bad.cell = {};
    CHECK_ERROR(engine.energy_forces_virial(bad), "must have a volume", tlmlp::Error);
    std::vector<double> moved = positions;
    moved[5] = std::numeric_limits<double>::infinity();
    bad = structure_of(species, true);
    bad.positions = moved.data();
    CHECK_ERROR(engine.energy_forces_virial(bad), "atom 1 is not finite", tlmlp::Error);
    CHECK_SAME(engine.energy_forces_virial(Structure{}).energy, 0.0, "an empty structure");
    CHECK_MESSAGE(engine.self_check().structures == 0, "nothing stored, nothing checked");
}

} // namespace
