// The kernels for devices, run on the CPU: each system of a batch against explicit triplets and against the CPU's
// engine; the same bits alone and in any company.
#include "batch.h"
#include "check.h"

namespace {

template <class T> void test_batch(const ModelSizes &sizes, unsigned seed, double tolerance) {
    const auto device = tlmlp::cuda::make_host_device();
    const tlmlp::engine::ModelFile file = model_file(sizes, seed);
    const Weights weights = random_weights(sizes, seed);
    const Reference reference(sizes, weights);
    tlmlp::Engine engine = tlmlp::Engine::from_bytes(model_bytes(sizes, weights), {tlmlp::Precision::float64, 1, {}});
    const std::vector<System> systems = varied_systems(sizes);
    const std::vector<SystemResult> together = evaluate_batch<T>(*device, file, systems);
    for (std::size_t s = 0; s < systems.size(); ++s) {
        const std::string name = "system " + std::to_string(s) + (sizeof(T) == 4 ? ", float32" : ", float64");
        const std::vector<double> expected = reference.atomic_energies(systems[s]);
        double scale = 1.0;
        for (int i = 0; i < systems[s].n_atoms; ++i) {
            scale = std::max(scale, std::abs(expected[i]));
            CHECK_CLOSE(together[s].atomic_energies[i], expected[i], scale * tolerance, "atom ", i, ", ", name);
        }
        const auto whole = engine.energy_forces_virial(systems[s].edges());
        CHECK_CLOSE(together[s].energy, whole.energy, scale * tolerance * 10, name);
        for (std::size_t k = 0; k < whole.forces.size(); ++k) {
            CHECK_CLOSE(together[s].forces[k], whole.forces[k], scale * tolerance * 100, "number ", k, ", ", name);
        }
        for (std::size_t k = 0; k < 9; ++k) {
            CHECK_CLOSE(together[s].virial[k], whole.virial[k], scale * tolerance * 1000, "number ", k, ", ", name);
        }
        const SystemResult alone = evaluate_batch<T>(*device, file, {systems[s]})[0];
        CHECK_SAME(alone.energy, together[s].energy, "alone and in a batch, ", name);
        CHECK_SAME(alone.forces, together[s].forces, "alone and in a batch, ", name);
        CHECK_SAME(alone.virial, together[s].virial, "alone and in a batch, ", name);
        CHECK_SAME(alone.atomic_energies, together[s].atomic_energies, "alone and in a batch, ", name);
    }
    CHECK_MESSAGE(evaluate_batch<T>(*device, file, {}).empty(), "no systems");
}

} // namespace

ModelSizes bare_sizes(int blocks) {
    ModelSizes bare = odd_sizes();
    bare.n_residual_before = bare.n_residual_after = bare.n_dense_output = 0;
    bare.num_spherical = 1;
    bare.n_blocks = blocks;
    return bare;
}

TEST_CASE("a batch, usual sizes, float64") { test_batch<double>(usual_sizes(2), 31, 1e-12); }

TEST_CASE("a batch, usual sizes, float32") { test_batch<float>(usual_sizes(2), 31, 4e-6); }

TEST_CASE("a batch, odd sizes, float64") { test_batch<double>(odd_sizes(), 32, 1e-12); }

TEST_CASE("a batch, odd sizes, float32") { test_batch<float>(odd_sizes(), 32, 4e-6); }

TEST_CASE("a batch, bare sizes") { test_batch<double>(bare_sizes(odd_sizes().n_blocks), 33, 1e-12); }

TEST_CASE("a batch, no blocks") { test_batch<double>(bare_sizes(0), 34, 1e-12); }
