// The kernels for devices, run on the CPU: each system of a batch against explicit triplets and against the CPU's
// engine; the same bits alone and in any company.
#include "batch.h"
#include "support.h"

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
            expect_close(together[s].atomic_energies[i], expected[i], scale * tolerance, "energy of an atom, " + name);
        }
        const auto whole = engine.energy_forces_virial(systems[s].edges());
        expect_close(together[s].energy, whole.energy, scale * tolerance * 10, "energy, " + name);
        for (std::size_t k = 0; k < whole.forces.size(); ++k) {
            expect_close(together[s].forces[k], whole.forces[k], scale * tolerance * 100, "force, " + name);
        }
        for (std::size_t k = 0; k < 9; ++k) {
            expect_close(together[s].virial[k], whole.virial[k], scale * tolerance * 1000, "virial, " + name);
        }
        const SystemResult alone = evaluate_batch<T>(*device, file, {systems[s]})[0];
        expect(alone.energy == together[s].energy && alone.forces == together[s].forces &&
                   alone.virial == together[s].virial && alone.atomic_energies == together[s].atomic_energies,
               "the same bits alone and in a batch, " + name);
    }
    expect(evaluate_batch<T>(*device, file, {}).empty(), "no systems");
}

} // namespace

int main() {
    test_batch<double>(usual_sizes(2), 31, 1e-12);
    test_batch<float>(usual_sizes(2), 31, 4e-6);
    test_batch<double>(odd_sizes(), 32, 1e-12);
    test_batch<float>(odd_sizes(), 32, 4e-6);
    ModelSizes bare = odd_sizes();
    bare.n_residual_before = bare.n_residual_after = bare.n_dense_output = 0;
    bare.num_spherical = 1;
    test_batch<double>(bare, 33, 1e-12);
    bare.n_blocks = 0;
    test_batch<double>(bare, 34, 1e-12);
    return report("test_device");
}
