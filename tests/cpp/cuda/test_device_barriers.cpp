// Three threads play every block of the device's kernels: the same bits as with one, and under the thread sanitizer no
// race, so no barrier is missing.
#include "batch.h"
#include "check.h"

namespace {

template <class T> void test_threads(const ModelSizes &sizes, unsigned seed, std::size_t count) {
    const tlmlp::engine::ModelFile file = model_file(sizes, seed);
    std::vector<System> systems = varied_systems(sizes);
    systems.resize(count);
    const auto one = tlmlp::cuda::make_host_device(1), three = tlmlp::cuda::make_host_device(3);
    const auto expected = evaluate_batch<T>(*one, file, systems), result = evaluate_batch<T>(*three, file, systems);
    for (std::size_t s = 0; s < systems.size(); ++s) {
        CHECK_SAME(result[s].energy, expected[s].energy, "system ", s);
        CHECK_SAME(result[s].forces, expected[s].forces, "system ", s);
        CHECK_SAME(result[s].virial, expected[s].virial, "system ", s);
    }
}

} // namespace

TEST_CASE("three threads to a block, usual sizes, float32") {
    ModelSizes small = usual_sizes(2);
    small.n_blocks = 2;
    test_threads<float>(small, 41, 1);
}

TEST_CASE("three threads to a block, odd sizes, float64") { test_threads<double>(odd_sizes(), 42, 4); }
