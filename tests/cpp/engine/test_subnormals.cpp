// The engine computes with subnormal numbers as zero, in every thread, and its host does not notice: the control
// register of every thread is afterwards what it was before, to the bit, also where a call throws and in an exchange.
#include <omp.h>

#include "flush_subnormals.h"
#include "reference.h"
#include "check.h"

namespace {

using tlmlp::engine::FlushSubnormals;

constexpr int threads = 2;

/// The registers of the threads that the engine shares with its host.
std::vector<FlushSubnormals::State> states() {
    std::vector<FlushSubnormals::State> all(threads);
#pragma omp parallel num_threads(threads)
    all[omp_get_thread_num()] = FlushSubnormals::state();
    return all;
}

/// Whether the calling thread halves the smallest normal number.
bool keeps_subnormals() {
    volatile float smallest = 1.17549435e-38f;
    return smallest * 0.5f != 0.0f;
}

struct Exchange final : tlmlp::Exchange {
    FlushSubnormals::State expected = 0;
    int calls = 0;
    void look() {
        ++calls;
        CHECK(FlushSubnormals::state() == expected);
    }
    void forward(const tlmlp::AtomRows &) override { look(); }
    void reverse(const tlmlp::AtomRows &) override { look(); }
};

/// Biases are zero and the output networks shrink their inputs to 1e-42 before the last row brings them back to 1e-2
/// or so: in float32 something is left of the energy only where subnormal numbers count.
Weights shrinking_weights(const ModelSizes &m) {
    Weights weights = random_weights(m, 7);
    for (auto &[name, tensor] : weights) {
        const bool output = name.starts_with("output.");
        double factor = 1.0;
        if (output && name.ends_with(".bias")) {
            factor = 0.0;
        } else if (output && name.ends_with(".up.weight")) {
            factor = 1e-30;
        } else if (output && name.ends_with(".dense.0.weight")) {
            factor = 1e-12;
        } else if (output && name.ends_with(".final.weight")) {
            factor = 1e30;
        }
        for (double &value : tensor.values) {
            value *= factor;
        }
    }
    return weights;
}

System small_crystal(const ModelSizes &m) {
    const double a = 5.43;
    std::vector<double> positions, cell{a, 0, 0, 0, a, 0, 0, 0, a};
    for (const std::array<double, 3> &p : {std::array{0.0, 0.0, 0.0},
                                           {0.0, 0.5, 0.5},
                                           {0.5, 0.0, 0.5},
                                           {0.5, 0.5, 0.0},
                                           {0.26, 0.25, 0.25},
                                           {0.25, 0.75, 0.75},
                                           {0.75, 0.25, 0.75},
                                           {0.75, 0.75, 0.25}}) {
        for (const double x : p) {
            positions.push_back(a * x);
        }
    }
    return make_system(positions, cell, true, m.cutoff, m.n_species);
}

TEST_CASE("the guard sets the state of a thread and brings it back" * doctest::skip(FlushSubnormals::flush == 0)) {
    CHECK_MESSAGE(keeps_subnormals(),
                  "a thread keeps subnormal numbers by itself"); // raises the flags for the rest, too
    const FlushSubnormals::State before = FlushSubnormals::state();
    try {
        FlushSubnormals flush;
        CHECK_MESSAGE(!keeps_subnormals(), "the guard makes zero of them");
        flush.for_host([] { CHECK_MESSAGE(keeps_subnormals(), "code of the host keeps them"); });
        CHECK_MESSAGE(!keeps_subnormals(), "after the host's code they are zero again");
        throw 1;
    } catch (int) {
    }
    CHECK_MESSAGE(FlushSubnormals::state() == before, "an exception brings the host's state back");
}

TEST_CASE("the engine takes subnormal numbers as zero, and its host does not" *
          doctest::skip(FlushSubnormals::flush == 0)) {
    keeps_subnormals(); // raises the flags, as the code of a host may have done
    const ModelSizes m = usual_sizes();
    const std::string model = model_bytes(m, shrinking_weights(m));
    const System system = small_crystal(m);
    const auto engine_of = [&](tlmlp::Precision precision) {
        return tlmlp::Engine::from_bytes(model, {.precision = precision, .threads = threads});
    };
    tlmlp::Engine engine = engine_of(tlmlp::Precision::float32), exact = engine_of(tlmlp::Precision::float64);
    const auto energy_alone = [&](tlmlp::Engine &of) {
        return of.energy_forces_virial(system.edges()).energy + system.n_atoms; // the shift is -1 eV
    };
    const auto before = states();
    CHECK_MESSAGE(std::abs(energy_alone(exact)) > 1e-16, "the energy is not zero in double precision");
    CHECK_SAME(energy_alone(engine), 0.0, "subnormal numbers count as zero in every thread");
    CHECK_MESSAGE(states() == before, "the threads' states after a call are those before it");

    Exchange exchange;
    exchange.expected = FlushSubnormals::state();
    engine.energy_forces_virial(system.edges(), {.exchange = &exchange});
    CHECK_MESSAGE(exchange.calls == 2 * m.n_blocks, "one exchange a block and direction");
    CHECK_MESSAGE(states() == before, "the same with an exchange");

    System broken = system;
    broken.vector[0] = NAN;
    CHECK_ERROR(engine.energy_forces_virial(broken.edges()), "", tlmlp::Error);
    CHECK_MESSAGE(states() == before, "the same where a call throws");
}

} // namespace
