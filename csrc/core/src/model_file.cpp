#include "model_file.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "checksum.h"
#include "json.h"
#include "tlmlp/archive.h"
#include "tlmlp/math/activation.h"
#include "words.h"
#include "zip.h"

namespace tlmlp::engine {

namespace {

constexpr int max_atomic_number = 118;
constexpr std::size_t max_golden = 16, max_golden_atoms = 1000;
constexpr std::uintmax_t max_file = std::uintmax_t(4) << 30;

void expect(const Json &value, const std::string &text) {
    if (value.string() != text) {
        throw Error(value.path() + " must be '" + text + "', got " + in_quotes(value.string()));
    }
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

void check_version(const Json &header) {
    expect(header.at("format"), "tlmlp-model");
    const std::string &version = header.at("format_version").string();
    if (!version.starts_with("1.") || version.size() < 3 ||
        !std::all_of(version.begin() + 2, version.end(), is_digit)) {
        throw Error(header.path() + " has format version " + in_quotes(version) +
                    ", this program reads version 1; use a newer tlmlp, or export the model again");
    }
}

double positive(const Json &value) {
    if (!(value.number() > 0.0)) {
        throw Error(value.path() + " must be positive, got " + std::to_string(value.number()));
    }
    return value.number();
}

/// The name of a formula, which has to be the one that this program computes. Files of format 1.0 lack these keys and mean
/// `of_1_0`.
void check_formula(const Json &model, const char *key, const std::string &known, const std::string &of_1_0) {
    const Json *stated = model.find(key);
    const std::string &name = stated ? stated->string() : of_1_0;
    if (name != known) {
        throw Error(model.path() + "." + key + " is " + in_quotes(name) + ", this program computes with '" + known +
                    "' alone; use a newer tlmlp");
    }
}

ModelSizes read_sizes(const Json &model) {
    expect(model.at("type"), "DimeNetPP");
    check_formula(model, "activation", math::activation_name, "swish");
    check_formula(model, "envelope", network::envelope_name, "polynomial");
    ModelSizes s;
    for (const network::Size &size : network::whole_sizes) {
        s.*size.value = static_cast<int>(model.at(size.name).integer(size.low, size.high));
    }
    s.cutoff = model.at("cutoff").number();
    if (!(s.cutoff > 0.0 && s.cutoff < network::max_cutoff)) {
        throw Error(model.path() + ".cutoff must be a length in Angstrom, got " + std::to_string(s.cutoff));
    }
    return s;
}

/// `rows` lists of three numbers each.
std::vector<double> read_vectors(const Json &value, std::size_t rows) {
    std::vector<double> out;
    bool right = value.array().size() == rows;
    for (const Json &row : value.array()) {
        right = right && row.array().size() == 3;
        for (const Json &number : row.array()) {
            out.push_back(number.number());
        }
    }
    if (!right) {
        throw Error(value.path() + " must be a list of " + std::to_string(rows) + " lists of three numbers");
    }
    return out;
}

std::array<double, 9> read_matrix(const Json &value) {
    const std::vector<double> numbers = read_vectors(value, 3);
    std::array<double, 9> out{};
    std::copy(numbers.begin(), numbers.end(), out.begin());
    return out;
}

GoldenStructure read_golden(const Json &value, const ModelSizes &sizes) {
    GoldenStructure golden;
    value.at("name").string();
    if (value.at("species").array().size() > max_golden_atoms) {
        throw Error(value.path() + " has more than " + std::to_string(max_golden_atoms) + " atoms");
    }
    for (const Json &number : value.at("species").array()) {
        golden.species.push_back(static_cast<std::int32_t>(number.integer(0, sizes.n_species - 1)));
    }
    const std::size_t n = golden.species.size();
    golden.positions = read_vectors(value.at("positions"), n);
    golden.forces = read_vectors(value.at("forces"), n);
    golden.cell = read_matrix(value.at("cell"));
    golden.virial = read_matrix(value.at("virial"));
    golden.energy = value.at("energy").number();
    const auto &pbc = value.at("pbc").array();
    if (pbc.size() != 3) {
        throw Error(value.path() + ".pbc must be three truth values");
    }
    for (std::size_t k = 0; k < 3; ++k) {
        golden.pbc[k] = pbc[k].boolean();
    }
    check_golden_images(golden, sizes.cutoff, value.path());
    return golden;
}

bool is_symbol(const std::string &text) {
    return !text.empty() && text.size() <= 3 && text[0] >= 'A' && text[0] <= 'Z' &&
           std::all_of(text.begin() + 1, text.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

void read_species(const Json &header, ModelFile &file) {
    const auto n = static_cast<std::size_t>(file.sizes.n_species);
    const auto &symbols = header.at("species").array();
    const auto &numbers = header.at("atomic_numbers").array();
    const auto &shifts = header.at("energy_shift").object();
    if (symbols.size() != n || numbers.size() != n || shifts.size() != n) {
        throw Error(header.path() + " lists " + std::to_string(symbols.size()) + " species, " +
                    std::to_string(numbers.size()) + " atomic numbers and " + std::to_string(shifts.size()) +
                    " energy shifts for a network of " + std::to_string(n));
    }
    for (std::size_t k = 0; k < n; ++k) {
        const std::string &symbol = symbols[k].string();
        if (!is_symbol(symbol)) {
            throw Error(symbols[k].path() + " must be chemical symbols, got " + in_quotes(symbol));
        }
        if (std::find(file.info.species.begin(), file.info.species.end(), symbol) != file.info.species.end()) {
            throw Error(symbols[k].path() + " names " + symbol + " twice");
        }
        file.info.species.push_back(symbol);
        file.info.atomic_numbers.push_back(static_cast<int>(numbers[k].integer(1, max_atomic_number)));
        file.energy_shift.push_back(header.at("energy_shift").at(symbol).number());
    }
}

void read_terms(const Json &header, ModelFile &file) {
    if (const Json &distance = header.at("min_distance"); !distance.is_null()) {
        file.info.min_distance = positive(distance);
    }
    if (const Json &zbl = header.at("zbl"); !zbl.is_null()) {
        file.zbl = ZblRadii{zbl.at("inner").number(), zbl.at("outer").number()};
        file.info.zbl = true;
        if (!(file.zbl->inner > 0.0 && file.zbl->inner < file.zbl->outer && file.zbl->outer <= file.sizes.cutoff)) {
            throw Error(zbl.path() + ": the radii of the ZBL repulsion must rise from 0 < inner < outer <= cutoff");
        }
    }
}

void read_weights(const Json &header, std::string_view archive, const std::string &name, ModelFile &file) {
    const Json &weights = header.at("weights");
    const std::string weights_name = "weights.safetensors";
    expect(weights.at("file"), weights_name);
    const std::string_view data = zip_entry(archive, "/extra/" + weights_name, name);
    if (sha256(data) != weights.at("sha256").string()) {
        throw Error(name + " is damaged: the checksum of its weights is wrong; copy or export it again");
    }
    file.tensors = read_safetensors(data, expected_shapes(file.sizes), file.info.dtype, name + ": " + weights_name);
    for (const auto &[key, tensor] : file.tensors) {
        file.info.parameters += tensor.values.size();
    }
    const auto stated = weights.at("parameters").integer(0, std::int64_t(1) << 53);
    if (static_cast<std::size_t>(stated) != file.info.parameters) {
        throw Error(name + " has " + std::to_string(file.info.parameters) + " parameters, its description says " +
                    std::to_string(stated));
    }
    for (const double frequency : file.tensors.at("frequencies").values) {
        if (!(std::abs(frequency) <= network::max_frequency)) {
            throw Error("the weights 'frequencies' of " + name + " must lie between -500 and 500, got " +
                        std::to_string(frequency));
        }
    }
}

} // namespace

ModelFile ModelFile::from_bytes(std::string_view bytes, const std::string &name) {
    const std::string_view text = zip_entry(bytes, "/extra/tlmlp.json", name);
    Json::Limits limits;
    limits.known = {"format", "format_version", "model", "species",    "atomic_numbers", "cutoff",  "units",
                    "dtype",  "energy_shift",   "zbl",   "provenance", "min_distance",   "weights", "golden"};
    const Json header = Json::parse(text, name + ": tlmlp.json", limits);
    check_version(header);

    ModelFile file;
    file.sizes = read_sizes(header.at("model"));
    if (header.at("cutoff").number() != file.sizes.cutoff) {
        throw Error(header.path() + ": cutoff and model.cutoff differ");
    }
    const Json &units = header.at("units");
    expect(units.at("length"), "angstrom");
    expect(units.at("energy"), "eV");
    expect(units.at("network_length"), "nm");
    expect(units.at("network_energy"), "kJ/mol");
    read_species(header, file);
    file.info.cutoff = file.sizes.cutoff;
    file.info.sha256 = sha256(bytes);
    file.info.dtype = header.at("dtype").string();
    if (file.info.dtype != "float32" && file.info.dtype != "float64") {
        throw Error(header.path() + ".dtype must be float32 or float64, got " + in_quotes(file.info.dtype));
    }
    header.at("provenance").object();
    read_terms(header, file);
    const auto &golden = header.at("golden").array();
    if (golden.size() > max_golden) {
        throw Error(header.path() + ".golden has more than " + std::to_string(max_golden) + " structures");
    }
    for (const Json &structure : golden) {
        file.golden.push_back(read_golden(structure, file.sizes));
    }
    read_weights(header, bytes, name, file);
    return file;
}

ModelFile ModelFile::from_path(const std::string &path) {
    std::error_code problem;
    const std::string name = shown_path(path);
    // A pipe would wait, a device never end, and a path is read up to its first NUL.
    const bool regular = path.find('\0') == std::string::npos && std::filesystem::is_regular_file(path, problem);
    std::ifstream stream(path, std::ios::binary);
    if (!regular || !stream) {
        throw Error("cannot read the model file " + name + "; give the path of a file that `tlmlp export` wrote");
    }
    const std::uintmax_t size = std::filesystem::file_size(path, problem);
    if (problem || size > max_file) {
        throw Error("the model file " + name + " is larger than the " + std::to_string(max_file >> 30) +
                    " GiB allowed");
    }
    std::string bytes(static_cast<std::size_t>(size), '\0');
    stream.read(bytes.data(), static_cast<std::streamsize>(size));
    bytes.resize(static_cast<std::size_t>(stream.gcount()));
    return from_bytes(bytes, name);
}

} // namespace tlmlp::engine

tlmlp::ModelInfo tlmlp::read_model_info(std::string_view bytes, const std::string &name) {
    return engine::ModelFile::from_bytes(bytes, name).info;
}
