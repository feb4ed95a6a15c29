#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <set>

#include "json.h"
#include "model_file.h"
#include "words.h"

namespace tlmlp::engine {

static_assert(std::endian::native == std::endian::little, "model files are little-endian");

namespace {

constexpr std::int64_t max_dimension = std::int64_t(1) << 31;
constexpr std::size_t max_header = std::size_t(16) << 20;

/// Where the numbers of a tensor lie among the data.
struct Slice {
    std::string name;
    std::size_t begin = 0, end = 0;
};

template <class T> void convert(std::string_view bytes, std::vector<double> &out) {
    for (std::size_t k = 0; k < out.size(); ++k) {
        T value;
        std::memcpy(&value, bytes.data() + k * sizeof(T), sizeof(T));
        out[k] = static_cast<double>(value);
    }
}

std::string shape_text(const std::vector<std::int64_t> &shape) {
    std::string text = "(";
    for (std::size_t k = 0; k < shape.size(); ++k) {
        text += (k ? ", " : "") + std::to_string(shape[k]);
    }
    return text + ")";
}

/// Checks an entry of the table against the shape that the sizes ask for.
Slice check_entry(const std::string &key, const Json &entry, const Shape &expected, const std::string &dtype,
                  std::size_t data_size) {
    std::vector<std::int64_t> shape;
    for (const Json &size : entry.at("shape").array()) {
        shape.push_back(size.integer(0, max_dimension));
    }
    std::vector<std::int64_t> wanted = {expected.rows, expected.columns};
    if (expected.vector) {
        wanted.erase(wanted.begin());
    }
    if (shape != wanted) {
        throw Error("the weights " + in_quotes(key) + " must have shape " + shape_text(wanted) + ", got " +
                    shape_text(shape));
    }
    const std::string file_dtype = dtype == "float64" ? "F64" : "F32";
    if (entry.at("dtype").string() != file_dtype) {
        throw Error(entry.path() + " has dtype " + in_quotes(entry.at("dtype").string()) + ", the description says " +
                    dtype);
    }
    const auto &offsets = entry.at("data_offsets").array();
    if (offsets.size() != 2) {
        throw Error(entry.path() + ".data_offsets must be two numbers");
    }
    const auto size = static_cast<std::int64_t>(data_size);
    const std::int64_t begin = offsets[0].integer(0, size), end = offsets[1].integer(begin, size);
    const std::size_t bytes = static_cast<std::size_t>(expected.rows) * static_cast<std::size_t>(expected.columns) *
                              (dtype == "float64" ? 8 : 4);
    if (static_cast<std::size_t>(end - begin) != bytes) {
        throw Error(entry.path() + " takes " + std::to_string(end - begin) + " bytes, its shape needs " +
                    std::to_string(bytes));
    }
    return {key, static_cast<std::size_t>(begin), static_cast<std::size_t>(end)};
}

/// The tensors must cover the data, each byte once.
void check_cover(std::vector<Slice> slices, std::size_t data_size, const std::string &name) {
    std::sort(slices.begin(), slices.end(), [](const Slice &a, const Slice &b) { return a.begin < b.begin; });
    std::size_t at = 0;
    for (const Slice &slice : slices) {
        if (slice.begin != at) {
            throw Error(name + ": the weights " + in_quotes(slice.name) + " begin at byte " +
                        std::to_string(slice.begin) + ", where those before end at " + std::to_string(at) +
                        "; they must neither overlap nor leave gaps");
        }
        at = slice.end;
    }
    if (at != data_size) {
        throw Error(name + " holds " + std::to_string(data_size - at) + " bytes that belong to no weights");
    }
}

} // namespace

std::map<std::string, Shape> expected_shapes(const ModelSizes &sizes) {
    std::map<std::string, Shape> shapes;
    network::visit_parameters(sizes, [&](const network::Parameter &parameter) {
        shapes[parameter.name] = {parameter.rows, parameter.columns, parameter.vector};
    });
    return shapes;
}

std::map<std::string, Tensor> read_safetensors(std::string_view bytes, const std::map<std::string, Shape> &expected,
                                               const std::string &dtype, const std::string &name) {
    constexpr std::size_t prefix = 8;
    std::uint64_t header = 0;
    if (bytes.size() >= prefix) {
        std::memcpy(&header, bytes.data(), prefix);
    }
    if (bytes.size() < prefix || header > bytes.size() - prefix) {
        throw Error(name + " is not a safetensors file, or it is truncated: its header claims " +
                    std::to_string(header) + " of " + std::to_string(bytes.size()) + " bytes");
    }
    // An entry has eight values: the object, dtype, two lists and four numbers.
    const Json json = Json::parse(bytes.substr(prefix, header), name, {max_header, 16 * expected.size() + 1000, {}});
    const std::string_view data = bytes.substr(prefix + header);
    std::vector<Slice> slices;
    for (const auto &[key, entry] : json.object()) {
        if (key == "__metadata__") {
            for (const auto &[word, value] : entry.object()) {
                value.string();
            }
            continue;
        }
        const auto shape = expected.find(key);
        if (shape == expected.end()) {
            throw Error(name + " has the unknown weights " + in_quotes(key));
        }
        slices.push_back(check_entry(key, entry, shape->second, dtype, data.size()));
    }
    std::set<std::string_view> found;
    for (const Slice &slice : slices) {
        found.insert(slice.name);
    }
    for (const auto &[key, shape] : expected) {
        if (!found.contains(key)) {
            throw Error(name + " has no weights named '" + key + "'");
        }
    }
    check_cover(slices, data.size(), name);

    std::map<std::string, Tensor> tensors;
    for (const Slice &slice : slices) {
        const Shape &shape = expected.at(slice.name);
        Tensor tensor{shape.rows, shape.columns, {}};
        tensor.values.resize(static_cast<std::size_t>(shape.rows) * static_cast<std::size_t>(shape.columns));
        const std::string_view part = data.substr(slice.begin, slice.end - slice.begin);
        dtype == "float64" ? convert<double>(part, tensor.values) : convert<float>(part, tensor.values);
        for (const double value : tensor.values) {
            if (!std::isfinite(value)) {
                throw Error("the weights " + in_quotes(slice.name) + " hold NaN or infinity");
            }
        }
        tensors.emplace(slice.name, std::move(tensor));
    }
    return tensors;
}

} // namespace tlmlp::engine
