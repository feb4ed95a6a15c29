#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tlmlp/engine.h"
#include "tlmlp/network.h"

namespace tlmlp::engine {

using ModelSizes = network::Sizes;

/// A matrix (rows, columns), or a vector with one row, in float64 whatever the file holds.
struct Tensor {
    int rows = 1, columns = 0;
    std::vector<double> values;
    double operator()(int row, int column) const { return values[static_cast<std::size_t>(row) * columns + column]; }
};

/// Shape of a parameter in the file; vectors have one dimension there and rows = 1 here.
struct Shape {
    int rows = 1, columns = 0;
    bool vector = false;
};

/// Name and shape of every parameter of a network with these sizes.
std::map<std::string, Shape> expected_shapes(const ModelSizes &sizes);

struct GoldenStructure {
    std::vector<std::int32_t> species;
    std::vector<double> positions, forces;
    std::array<double, 9> cell{}, virial{};
    std::array<bool, 3> pbc{};
    double energy = 0.0;
};

/// Images to try along each lattice vector to find all pairs within `cutoff`: cutoff over the distance of the lattice
/// planes, and as many cells as the positions span. Finite, but not bounded.
std::array<double, 3> golden_reach(const GoldenStructure &structure, double cutoff);

/// Throws Error when a periodic structure has no volume, or when atoms, squared, times images would be more than
/// twenty million; `path` is its place in the file.
void check_golden_images(const GoldenStructure &structure, double cutoff, const std::string &path);

/// Radii (Angstrom) between which the short-range repulsion goes to zero, see math/zbl.h.
struct ZblRadii {
    double inner = 0.0, outer = 0.0;
};

/// Everything the engine needs of an exported model: tlmlp.json and weights.safetensors, checked.
struct ModelFile {
    ModelInfo info;
    ModelSizes sizes;
    std::vector<double> energy_shift; ///< eV per species
    std::optional<ZblRadii> zbl;
    std::map<std::string, Tensor> tensors;
    std::vector<GoldenStructure> golden;

    /// `name` is the file's name in error messages.
    static ModelFile from_bytes(std::string_view bytes, const std::string &name);
    static ModelFile from_path(const std::string &path);
};

/// The tensors of a safetensors file, which must be those of `expected`, in `dtype` (float32 or float64), next to each
/// other without gaps; nothing is read of a file that holds others. Throws Error.
std::map<std::string, Tensor> read_safetensors(std::string_view bytes, const std::map<std::string, Shape> &expected,
                                               const std::string &dtype, const std::string &name);

} // namespace tlmlp::engine
