#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tlmlp/engine.h"

namespace tlmlp::cuda {

/// Systems that move side by side; Angstrom, fs, amu, K. Cells stay as they are.
struct ReplicaSystems {
    std::vector<std::int64_t> first_atoms;             ///< [systems + 1]
    std::vector<std::int32_t> species;                 ///< [atoms] species numbers
    std::vector<double> positions, velocities, masses; ///< [atoms * 3], [atoms * 3], [atoms]
    std::vector<double> cells;                         ///< [systems * 9] rows are lattice vectors
    std::vector<std::int32_t> periodic;                ///< [systems * 3]
    std::vector<double> temperatures;                  ///< [systems]
    std::vector<std::uint64_t> seeds;                  ///< [systems]
};

struct ReplicaState {
    std::vector<double> positions, velocities, forces, energies; ///< energies [systems], eV
    std::int64_t steps = 0;
};

/// Dynamics that stays on the device: neighbour lists, network and integrator of all systems in the same launches, see
/// kernels/motion.h for the integrator and kernels/lists.h for the lists. A system's path does not depend on the others.
class Replicas {
  public:
    /// `options.device` and `options.precision` count.
    Replicas(const std::string &path, const EngineOptions &options, const ReplicaSystems &systems, double time_step,
             double friction);
    ~Replicas();

    /// Throws Error when a system's atoms crowd until the lists outgrow the device's memory.
    void run(std::int64_t steps);
    ReplicaState state() const;
    /// [systems] steps after which a system was found lost, -1 for the others: an atom's position or velocity is not
    /// finite, or it has left the rest by hundreds of cells. Its numbers mean nothing then; the other systems continue.
    const std::vector<std::int64_t> &lost() const;
    /// Neighbours in all systems at most so far.
    std::int64_t edges() const;

    class Impl;

  private:
    std::unique_ptr<Impl> impl_;
};

} // namespace tlmlp::cuda
