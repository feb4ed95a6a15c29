#pragma once

#include <array>
#include <mutex>
#include <utility>
#include <vector>

#include "one_at_a_time.h"
#include "tlmlp/engine.h"

namespace tlmlp {

/// A Result that owns its numbers.
struct OwnedResult {
    double energy = 0.0;
    std::vector<double> head_values;
    std::vector<double> forces;
    std::array<double, 9> virial{};
    std::vector<double> edge_gradients;
    Pair closest_pair;
};

/// An Engine that several threads may call: one call at a time, and results that no later call overwrites. A call waits
/// without the interpreter's lock, so the caller gives that up first.
class SharedEngine {
  public:
    explicit SharedEngine(Engine engine) : engine_(std::move(engine)) {}

    /// What does not change after construction needs no lock.
    const Engine &engine() const { return engine_; }

    /// Of a Structure or an EdgeList; `threads` is how many were asked for.
    template <class Input>
    OwnedResult compute(const Input &input, const ComputeOptions &options, int *threads = nullptr) {
        const std::lock_guard<OneAtATime> lock(one_at_a_time_);
        if (threads) {
            *threads = engine_.threads();
        }
        const Result result = engine_.energy_forces_virial(input, options);
        OwnedResult out;
        out.energy = result.energy;
        out.virial = result.virial;
        out.closest_pair = result.closest_pair;
        out.head_values.assign(result.head_values.begin(), result.head_values.end());
        if (options.forces) {
            out.forces.assign(result.forces.begin(), result.forces.end());
        }
        if (options.edge_gradients) {
            out.edge_gradients.assign(result.edge_gradients.begin(), result.edge_gradients.end());
        }
        return out;
    }

    /// Any other use: `call(engine)` while no other call runs.
    template <class Call> auto with(Call &&call) {
        const std::lock_guard<OneAtATime> lock(one_at_a_time_);
        return call(engine_);
    }

  private:
    Engine engine_;
    OneAtATime one_at_a_time_;
};

} // namespace tlmlp
