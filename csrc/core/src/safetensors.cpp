#include <bit>
#include <cmath>
#include <cstring>

#include "json.h"
#include "model_file.h"

namespace tlmlp::engine {

static_assert(std::endian::native == std::endian::little, "model files are little-endian");

namespace {

constexpr std::int64_t max_dimension = 1 << 20;

template <class T> void convert(std::string_view bytes, std::vector<double> &out) {
    for (std::size_t k = 0; k < out.size(); ++k) {
        T value;
        std::memcpy(&value, bytes.data() + k * sizeof(T), sizeof(T));
        out[k] = static_cast<double>(value);
    }
}

Tensor read_tensor(const Json &entry, std::string_view data) {
    Tensor tensor;
    const auto &shape = entry.at("shape").array();
    if (shape.empty() || shape.size() > 2) {
        throw Error(entry.path() + " must have one or two dimensions, got " + std::to_string(shape.size()));
    }
    if (shape.size() == 2) {
        tensor.rows = static_cast<int>(shape[0].integer(0, max_dimension));
    }
    tensor.columns = static_cast<int>(shape.back().integer(0, max_dimension));
    const std::string &dtype = entry.at("dtype").string();
    if (dtype != "F32" && dtype != "F64") {
        throw Error(entry.path() + " has dtype " + dtype + ", expected F32 or F64");
    }
    const std::size_t item = dtype == "F32" ? 4 : 8;
    const auto &offsets = entry.at("data_offsets").array();
    const auto size = static_cast<std::int64_t>(data.size());
    if (offsets.size() != 2) {
        throw Error(entry.path() + ".data_offsets must be two numbers");
    }
    const std::int64_t begin = offsets[0].integer(0, size), end = offsets[1].integer(begin, size);
    const std::size_t count = static_cast<std::size_t>(tensor.rows) * static_cast<std::size_t>(tensor.columns);
    if (static_cast<std::size_t>(end - begin) != count * item) {
        throw Error(entry.path() + " takes " + std::to_string(end - begin) + " bytes, its shape needs " +
                    std::to_string(count * item));
    }
    tensor.values.resize(count);
    const std::string_view bytes = data.substr(static_cast<std::size_t>(begin), count * item);
    item == 4 ? convert<float>(bytes, tensor.values) : convert<double>(bytes, tensor.values);
    for (const double value : tensor.values) {
        if (!std::isfinite(value)) {
            throw Error(entry.path() + " contains NaN or infinity");
        }
    }
    return tensor;
}

} // namespace

std::map<std::string, Tensor> read_safetensors(std::string_view bytes, const std::string &name) {
    constexpr std::size_t prefix = 8;
    std::uint64_t header = 0;
    if (bytes.size() >= prefix) {
        std::memcpy(&header, bytes.data(), prefix);
    }
    if (bytes.size() < prefix || header > bytes.size() - prefix) {
        throw Error(name + " is not a safetensors file, or it is truncated: its header claims " +
                    std::to_string(header) + " of " + std::to_string(bytes.size()) + " bytes");
    }
    const Json json = Json::parse(bytes.substr(prefix, header), name);
    const std::string_view data = bytes.substr(prefix + header);
    std::map<std::string, Tensor> tensors;
    for (const auto &[key, entry] : json.object()) {
        if (key != "__metadata__") {
            tensors.emplace(key, read_tensor(entry, data));
        }
    }
    return tensors;
}

} // namespace tlmlp::engine
