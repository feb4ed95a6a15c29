#pragma once

/// Energy, forces and virial of a DimeNet++ potential, without torch.
///
///     tlmlp::Engine engine("ge.pt", {.precision = tlmlp::Precision::float32, .threads = 2});
///     tlmlp::Result result = engine.energy_forces_virial(structure);   // positions, cell, pbc
///
/// Units are eV and Angstrom throughout. An Engine keeps its work space: the second call on a system of the same size
/// allocates nothing. One Engine serves one caller at a time; make one per concurrent caller.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tlmlp/error.h"

namespace tlmlp {

namespace engine {
struct ModelFile;
}

enum class Precision { float32, float64 };

struct EngineOptions {
    /// Arithmetic of the network. Displacements and sums of energies and forces are float64 in both.
    Precision precision = Precision::float32;
    /// OpenMP threads, from 1 to 1024. Results do not depend on it. A process made by fork, whose parent has computed with
    /// several, computes with one: OpenMP's threads do not live on there.
    int threads = 1;
    /// "avx512", "avx2" or "portable"; empty takes the environment variable TLMLP_SIMD, else the best of the machine.
    std::string level = {};
    /// Angstrom by which the neighbour list of a Structure reaches beyond the cutoff: with a skin it is kept between calls
    /// and made anew only when a pair may have come within the cutoff. 0: anew at every call.
    double skin = 0.0;
    /// "" or "cpu"; "cuda" or "cuda:N" for the N-th GPU; "cuda-on-cpu" runs the GPU's kernels on the CPU, slowly, for
    /// tests. The last three need a program that links the device's part. Devices serve one process, without Exchange.
    std::string device = {};
    /// Slopes of activations that may be kept for the reverse pass, 4 or 8 bytes each by the precision. A system that has
    /// more computes them again, which is faster than fetching them from memory. Results are the same bit for bit.
    std::size_t kept_slopes = std::size_t(24) << 20;
};

/// What a model file says about itself.
struct ModelInfo {
    std::vector<std::string> species; ///< chemical symbols; the index in this list is the species number
    std::vector<int> atomic_numbers;  ///< the same as atomic numbers
    std::vector<std::string> heads; ///< names of the numbers that the model gives for each atom: atomic_energies first
    double cutoff = 0.0;            ///< Angstrom: radius within which atoms are neighbours
    double min_distance = 0.0;      ///< Angstrom: smallest distance seen in training, 0 where unknown
    bool zbl = false;               ///< whether the model has a ZBL repulsion of its own
    std::string dtype;              ///< precision of the stored weights
    std::size_t parameters = 0;     ///< trained numbers
    std::string sha256;             ///< of the whole file, 64 hexadecimal digits
};

/// Directed edges j -> i in any order: every pair, over all periodic images, closer than the cutoff, in both directions.
/// Longer edges are allowed and ignored. Where a system is spread over processes, the last `n_foreign` atoms belong
/// to others. Every pair with at least one atom of this process is then listed, in both directions; pairs of two
/// foreign atoms are not. An Exchange is needed.
struct EdgeList {
    std::int64_t n_atoms = 0;
    const std::int32_t *species = nullptr; ///< [n_atoms] species numbers
    std::int64_t n_edges = 0;
    const std::int64_t *source = nullptr; ///< [n_edges] j
    const std::int64_t *target = nullptr; ///< [n_edges] i
    const double *vector = nullptr;       ///< [n_edges][3] r_j - r_i + S cell
    std::int64_t n_foreign = 0;           ///< atoms of other processes, the last of the n_atoms
};

/// Atoms in a cell; neighbours are found by the vesin library.
struct Structure {
    std::int64_t n_atoms = 0;
    const std::int32_t *species = nullptr; ///< [n_atoms] species numbers
    const double *positions = nullptr;     ///< [n_atoms][3]
    std::array<double, 9> cell{};          ///< rows are the lattice vectors; unused where not periodic
    std::array<bool, 3> pbc{};             ///< periodic along each lattice vector
};

/// Two atoms, the lower index first.
struct Pair {
    std::int64_t first = -1; ///< -1 where no two atoms are within the cutoff, or nobody asked
    std::int64_t second = -1;
    double distance = 0.0; ///< Angstrom
};

/// Valid until the next call on the same Engine. Of a system spread over processes each has its share: energy and virial
/// add up, the forces of foreign atoms are to be added to those of their owners, their energies are zero.
struct Result {
    double energy = 0.0;                     ///< E, the species' energy shifts included
    std::span<const double> atomic_energies; ///< [n_atoms], sum to E
    std::span<const double> forces;          ///< [n_atoms * 3] F = -dE/dr
    std::array<double, 9> virial{};          ///< -dE/dstrain = -sum over edges of (dE/dv)_a v_b
    /// [n_edges * 3] dE/dv of each edge vector v, in the caller's order (zero for ignored edges), for hosts that need
    /// virials per atom; filled by energy_forces_virial(EdgeList) when asked for.
    std::span<const double> edge_gradients;
    /// [n_edges * 9] of each edge vector v, in the caller's order and row by row: sum_k (r_k - r_i)_a dE_k/dv_b, eV.
    /// Here i is the edge's target and E_k the energy of atom k. The vector r_k - r_i runs along the edges through
    /// which E_k depends on v, so that periodic images are right. For the heat flux; filled by
    /// energy_forces_virial(EdgeList) when asked for.
    std::span<const double> edge_moments;
    /// [heads * n_atoms] the numbers of each atom by ModelInfo::heads, one head after the other: atomic_energies first.
    std::span<const double> head_values;
    /// The closest pair of a Structure, for hosts that warn below ModelInfo::min_distance; when asked for.
    Pair closest_pair{};
};

/// An array of the engine with one row of numbers per atom, this process's atoms first.
struct AtomRows {
    void *data = nullptr;             ///< [n_atoms][size], float or double as the engine's precision
    std::ptrdiff_t size = 0;          ///< numbers per atom
    bool float64 = false;             ///< double rather than float
    unsigned char *touched = nullptr; ///< [n_atoms] `reverse` sets 1 for each row that it adds to; may be null
};

/// What one process needs of the others when a system is spread over several: one array per block and direction, with
/// a halo of one cutoff. Both calls are collective: the engine makes the same sequence of them on every process, with
/// or without atoms, from the thread that called it. They may not throw.
class Exchange {
  public:
    virtual ~Exchange() = default;
    /// The rows of foreign atoms become copies of the rows that their owners have.
    virtual void forward(const AtomRows &rows) = 0;
    /// The rows of foreign atoms are added to the rows that their owners have.
    virtual void reverse(const AtomRows &rows) = 0;
};

struct ComputeOptions {
    bool forces = true;           ///< forces and virial; without them the reverse pass is skipped
    bool edge_gradients = false;  ///< fill Result::edge_gradients
    Exchange *exchange = nullptr; ///< of a system spread over processes
    bool edge_moments = false;    ///< fill Result::edge_moments: three further reverse passes; on the CPU
    bool closest_pair = false;    ///< fill Result::closest_pair, of a Structure
};

class Engine {
  public:
    /// Reads a file written by `tlmlp export`; throws Error with the reason if it cannot be used.
    explicit Engine(const std::string &path, const EngineOptions &options = {});

    /// The same from the bytes of such a file; `name` stands for it in messages.
    static Engine from_bytes(std::string_view bytes, const EngineOptions &options = {},
                             const std::string &name = "the model file");

    /// The same from a description and parameters in memory (src/model_file.h), for parts of this project.
    static Engine from_model(engine::ModelFile model, const EngineOptions &options = {});

    Engine(Engine &&) noexcept;
    Engine &operator=(Engine &&) noexcept;
    ~Engine();

    const ModelInfo &model() const;
    Precision precision() const;
    /// The instruction level in use.
    std::string_view level() const;
    int threads() const;
    void set_threads(int threads);

    /// Species number of an atomic number; throws Error when the model does not know it.
    std::int32_t species_of(int atomic_number) const;

    Result energy_forces_virial(const EdgeList &edges, const ComputeOptions &options = {});
    Result energy_forces_virial(const Structure &structure, const ComputeOptions &options = {});

    /// How often the neighbour list of a Structure was made.
    std::int64_t neighbour_builds() const;

    /// Seconds spent on neighbours of a Structure so far: the check of the list, making it, and the edge vectors.
    double neighbour_seconds() const;

    /// Evaluates the structures stored in the file and compares with the stored numbers: largest differences.
    struct SelfCheck {
        std::size_t structures = 0;
        double energy = 0.0;        ///< eV per atom
        double forces = 0.0;        ///< eV/Angstrom
        double virial = 0.0;        ///< eV
        double largest_force = 0.0; ///< component among the stored numbers, eV/Angstrom
    };
    SelfCheck self_check();

    /// Numbers per atom of the arrays that an Exchange is given.
    std::ptrdiff_t exchange_size() const;

    /// Bytes of work space held now.
    std::size_t memory() const;

  private:
    struct Impl;
    explicit Engine(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

/// Whether this process was made by fork after its parent computed with several threads, so that every Engine computes
/// with one here.
bool threads_lost_by_fork();

/// Instruction levels that this machine can run, best first.
std::vector<std::string> simd_levels();

} // namespace tlmlp
