#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <memory>
#include <sstream>
#include <vector>

#include "checks.h"
#include "model_file.h"
#include "operators.h"
#include "pool.h"
#include "tlmlp/engine.h"

// The whole network without gradients: an engine (csrc/core) made of the parameters, and kept for the next call.
namespace tlmlp {

namespace {

using SizesByName = c10::Dict<std::string, std::int64_t>;

/// What a call says about the network, but for the numbers of the parameters.
struct Description {
    std::string names; ///< with blanks between
    std::vector<std::pair<std::string, std::int64_t>> sizes;
    double cutoff;
    std::vector<std::int64_t> atomic_numbers;
    std::vector<double> zbl; ///< inner and outer radius, or nothing

    bool operator==(const Description &) const = default;
};

Description describe(c10::string_view names, const SizesByName &sizes, double cutoff, at::IntArrayRef atomic_numbers,
                     at::ArrayRef<double> zbl) {
    Description description{std::string(names), {}, cutoff, atomic_numbers.vec(), zbl.vec()};
    for (const auto &entry : sizes) {
        description.sizes.emplace_back(entry.key(), entry.value());
    }
    return description;
}

std::vector<std::string> words(const std::string &text) {
    std::istringstream stream(text);
    return {std::istream_iterator<std::string>(stream), {}};
}

network::Sizes model_sizes(const Description &description) {
    network::Sizes s; // with defaults for sizes that are later than the script that calls
    for (const auto &[name, value] : description.sizes) {
        const auto *const size = std::find_if(std::begin(network::whole_sizes), std::end(network::whole_sizes),
                                              [&](const network::Size &entry) { return name == entry.name; });
        TORCH_CHECK_VALUE(size != std::end(network::whole_sizes), "`sizes` has ", name, ", which is none");
        TORCH_CHECK_VALUE(value >= size->low && value <= size->high, "`sizes` has ", name, " = ", value, ", outside ",
                          size->low, "..", size->high);
        s.*size->value = int(value);
    }
    check_basis(description.cutoff, s.envelope_exponent);
    s.cutoff = description.cutoff;
    return s;
}

template <class T> engine::Tensor as_doubles(const Tensor &t) {
    const T *from = t.const_data_ptr<T>();
    const bool vector = t.dim() == 1;
    return {vector ? 1 : int(t.size(0)), int(t.size(-1)), std::vector<double>(from, from + t.numel())};
}

engine::ModelFile model_of(const Description &description, const std::vector<Tensor> &parameters) {
    engine::ModelFile file;
    file.sizes = model_sizes(description);
    file.energy_shift.assign(static_cast<std::size_t>(file.sizes.n_species), 0.0);
    if (!description.zbl.empty()) {
        TORCH_CHECK_VALUE(description.zbl.size() == 2 && description.zbl[0] > 0 &&
                              description.zbl[0] < description.zbl[1],
                          "`zbl` must hold two radii, 0 < inner < outer");
        TORCH_CHECK_VALUE(std::int64_t(description.atomic_numbers.size()) == file.sizes.n_species,
                          "`atomic_numbers` must hold one number for each of the ", file.sizes.n_species,
                          " species, got ", description.atomic_numbers.size());
        file.zbl = engine::ZblRadii{description.zbl[0], description.zbl[1]};
        file.info.atomic_numbers.assign(description.atomic_numbers.begin(), description.atomic_numbers.end());
    }
    const std::vector<std::string> names = words(description.names);
    const auto expected = engine::expected_shapes(file.sizes);
    TORCH_CHECK_VALUE(parameters.size() == expected.size() && names.size() == expected.size(),
                      "`parameters` and `names` must hold ", expected.size(), " each, got ", parameters.size(), " and ",
                      names.size());
    for (std::size_t k = 0; k < parameters.size(); ++k) {
        const std::string &name = names[k];
        const auto shape = expected.find(name);
        TORCH_CHECK_VALUE(shape != expected.end(), "`names` holds ", name, ", which the network has not");
        if (shape->second.vector) {
            check_shape(parameters[k], name.c_str(), {shape->second.columns}, "that `sizes` gives it");
        } else {
            check_shape(parameters[k], name.c_str(), {shape->second.rows, shape->second.columns},
                        "that `sizes` gives it");
        }
        const bool single = parameters[k].scalar_type() == at::kFloat;
        file.tensors[name] = single ? as_doubles<float>(parameters[k]) : as_doubles<double>(parameters[k]);
    }
    return file;
}

/// An engine and what it was made of.
struct Made {
    Description description;
    at::ScalarType type;
    std::vector<char> numbers;                      ///< of all parameters, one behind the other
    c10::weak_intrusive_ptr<c10::TensorImpl> owner; ///< the first parameter: gone with the module it belongs to
    Engine engine;

    Made(Description description_, const std::vector<Tensor> &parameters, const Tensor &first)
        : description(std::move(description_)), type(first.scalar_type()), owner(first.getIntrusivePtr()),
          engine(Engine::from_model(model_of(description, parameters),
                                    {.precision = type == at::kFloat ? Precision::float32 : Precision::float64})) {
        for (const Tensor &t : parameters) {
            const auto *from = static_cast<const char *>(t.const_data_ptr());
            numbers.insert(numbers.end(), from, from + t.nbytes());
        }
    }

    /// Whether it gives what an engine made of these would give.
    bool serves(const Description &wanted, const std::vector<Tensor> &parameters) const {
        if (parameters[0].scalar_type() != type || !(wanted == description)) {
            return false;
        }
        std::size_t at = 0;
        for (const Tensor &t : parameters) {
            if (t.nbytes() > numbers.size() - at ||
                std::memcmp(numbers.data() + at, t.const_data_ptr(), t.nbytes()) != 0) {
                return false;
            }
            at += t.nbytes();
        }
        return at == numbers.size();
    }
};

/// Enough for a committee of models. Parameters may be changed in place, by means that leave no trace, so their numbers are
/// compared: 0.05 ms for the default network.
using EnginePool = Pool<Made, 8>;

} // namespace

std::tuple<Tensor, Tensor> inference(at::TensorList parameters, c10::string_view names, const Tensor &species_,
                                     const Tensor &edge_index_, const Tensor &edge_vector_, const SizesByName &sizes,
                                     double cutoff, at::IntArrayRef atomic_numbers, at::ArrayRef<double> zbl) {
    TORCH_CHECK_VALUE(!parameters.empty(), "`parameters` is empty");
    check_float(parameters[0], "parameters[0]");
    std::vector<Tensor> dense;
    for (std::size_t k = 0; k < parameters.size(); ++k) {
        check_same_type(parameters[k], ("parameters[" + std::to_string(k) + "]").c_str(), parameters[0],
                        "parameters[0]");
        dense.push_back(parameters[k].contiguous());
    }
    check_shape(species_, "species", {-1}, "(n_atoms,)");
    check_index(species_, "species");
    check_shape(edge_index_, "edge_index", {2, -1}, "(2, n_edges)");
    check_index(edge_index_, "edge_index");
    check_float(edge_vector_, "edge_vector");
    check_shape(edge_vector_, "edge_vector", {edge_index_.size(1), 3}, "(n_edges, 3) with the edges of edge_index");

    const Tensor edge_index = edge_index_.contiguous(), vectors = edge_vector_.detach().to(at::kDouble).contiguous();
    const Tensor species = species_.to(at::kInt).contiguous();
    EdgeList edges;
    edges.n_atoms = species.size(0);
    edges.n_edges = edge_index.size(1);
    edges.species = species.const_data_ptr<std::int32_t>();
    edges.source = edge_index.const_data_ptr<std::int64_t>();
    edges.target = edges.source + edges.n_edges;
    edges.vector = vectors.const_data_ptr<double>();
    const auto doubles = vectors.options();
    try {
        Description description = describe(names, sizes, cutoff, atomic_numbers, zbl);
        EnginePool::Owner made = EnginePool::take([](const Made &entry) { return entry.owner.expired(); },
                                                  [&](const Made &entry) { return entry.serves(description, dense); });
        if (!made) {
            made = std::make_unique<Made>(std::move(description), dense, parameters[0]);
        }
        made->engine.set_threads(at::get_num_threads());
        const tlmlp::Result result = made->engine.energy_forces_virial(edges, {.edge_gradients = true});
        Tensor values = at::empty({std::int64_t(result.head_values.size())}, doubles),
               derivatives = at::empty({edges.n_edges, 3}, doubles);
        std::copy(result.head_values.begin(), result.head_values.end(), values.data_ptr<double>());
        std::copy(result.edge_gradients.begin(), result.edge_gradients.end(), derivatives.data_ptr<double>());
        EnginePool::give(std::move(made));
        return {values, derivatives.to(edge_vector_.scalar_type())};
    } catch (const Error &error) {
        TORCH_CHECK_VALUE(false, error.what());
    }
}

} // namespace tlmlp
