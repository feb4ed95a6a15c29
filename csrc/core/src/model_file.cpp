#include "model_file.h"

#include <cmath>
#include <fstream>
#include <sstream>

#include "checksum.h"
#include "json.h"
#include "zip.h"

namespace tlmlp::engine {

namespace {

constexpr int max_size = 4096, max_species = 256, max_layers = 64, max_order = 12;
constexpr double max_cutoff = 1000.0;

void expect(const Json &value, const std::string &text) {
    if (value.string() != text) {
        throw Error(value.path() + " must be '" + text + "', got '" + value.string() + "'");
    }
}

void check_version(const Json &header) {
    expect(header.at("format"), "tlmlp-model");
    const std::string &version = header.at("format_version").string();
    if (version.substr(0, version.find('.')) != "1") {
        throw Error(header.path() + " has format version '" + version +
                    "', this program reads version 1; use a newer tlmlp, or export the model again");
    }
}

ModelSizes read_sizes(const Json &model) {
    expect(model.at("type"), "DimeNetPP");
    const auto size = [&](const char *key, int low, int high) {
        return static_cast<int>(model.at(key).integer(low, high));
    };
    ModelSizes s;
    s.n_species = size("n_species", 1, max_species);
    s.embed_size = size("embed_size", 1, max_size);
    s.out_size = size("out_size", 1, max_size);
    s.int_emb_size = size("int_emb_size", 1, max_size);
    s.basis_emb_size = size("basis_emb_size", 1, max_size);
    s.atom_emb_size = size("atom_emb_size", 1, max_size);
    s.n_blocks = size("n_blocks", 0, max_layers);
    s.num_spherical = size("num_spherical", 1, max_order);
    s.num_radial = size("num_radial", 1, max_layers);
    s.envelope_exponent = size("envelope_exponent", 2, max_layers);
    s.n_residual_before = size("n_residual_before", 0, max_layers);
    s.n_residual_after = size("n_residual_after", 0, max_layers);
    s.n_dense_output = size("n_dense_output", 0, max_layers);
    s.cutoff = model.at("cutoff").number();
    if (!(s.cutoff > 0.0 && s.cutoff < max_cutoff)) {
        throw Error(model.path() + ".cutoff must be a length in Angstrom, got " + std::to_string(s.cutoff));
    }
    return s;
}

template <std::size_t n> std::array<double, n> read_matrix(const Json &value) {
    std::array<double, n> out{};
    std::size_t k = 0;
    for (const Json &row : value.array()) {
        for (const Json &number : row.array()) {
            if (k == n) {
                break;
            }
            out[k++] = number.number();
        }
    }
    if (k != n) {
        throw Error(value.path() + " must be a 3 x 3 matrix");
    }
    return out;
}

std::vector<double> read_vectors(const Json &value, std::size_t n) {
    std::vector<double> out;
    for (const Json &row : value.array()) {
        for (const Json &number : row.array()) {
            out.push_back(number.number());
        }
    }
    if (out.size() != 3 * n) {
        throw Error(value.path() + " must hold three numbers for each of " + std::to_string(n) + " atoms");
    }
    return out;
}

GoldenStructure read_golden(const Json &value, int n_species) {
    GoldenStructure golden;
    for (const Json &number : value.at("species").array()) {
        golden.species.push_back(static_cast<std::int32_t>(number.integer(0, n_species - 1)));
    }
    const std::size_t n = golden.species.size();
    golden.positions = read_vectors(value.at("positions"), n);
    golden.forces = read_vectors(value.at("forces"), n);
    golden.cell = read_matrix<9>(value.at("cell"));
    golden.virial = read_matrix<9>(value.at("virial"));
    golden.energy = value.at("energy").number();
    const auto &pbc = value.at("pbc").array();
    if (pbc.size() != 3) {
        throw Error(value.path() + ".pbc must be three truth values");
    }
    for (std::size_t k = 0; k < 3; ++k) {
        golden.pbc[k] = pbc[k].boolean();
    }
    return golden;
}

void read_species(const Json &header, ModelFile &file) {
    const auto n = static_cast<std::size_t>(file.sizes.n_species);
    const auto &symbols = header.at("species").array();
    const auto &numbers = header.at("atomic_numbers").array();
    if (symbols.size() != n || numbers.size() != n) {
        throw Error(header.path() + " lists " + std::to_string(symbols.size()) + " species and " +
                    std::to_string(numbers.size()) + " atomic numbers for a network of " + std::to_string(n));
    }
    for (std::size_t k = 0; k < n; ++k) {
        file.info.species.push_back(symbols[k].string());
        file.info.atomic_numbers.push_back(static_cast<int>(numbers[k].integer(1, 200)));
        file.energy_shift.push_back(header.at("energy_shift").at(symbols[k].string()).number());
    }
}

} // namespace

ModelFile ModelFile::from_bytes(std::string_view bytes, const std::string &name) {
    const std::string_view text = zip_entry(bytes, "/extra/tlmlp.json", name);
    const Json header = Json::parse(text, name + ": tlmlp.json");
    check_version(header);

    ModelFile file;
    file.sizes = read_sizes(header.at("model"));
    const Json &units = header.at("units");
    expect(units.at("length"), "angstrom");
    expect(units.at("energy"), "eV");
    expect(units.at("network_length"), "nm");
    expect(units.at("network_energy"), "kJ/mol");
    read_species(header, file);
    file.info.cutoff = file.sizes.cutoff;
    file.info.sha256 = sha256(bytes);
    file.info.dtype = header.at("dtype").string();
    if (const Json *distance = header.find("min_distance"); distance && !distance->is_null()) {
        file.info.min_distance = distance->number();
    }
    if (const Json *zbl = header.find("zbl"); zbl && !zbl->is_null()) {
        file.zbl = ZblRadii{zbl->at("inner").number(), zbl->at("outer").number()};
        file.info.zbl = true;
        if (!(file.zbl->inner > 0.0 && file.zbl->inner < file.zbl->outer && file.zbl->outer <= file.sizes.cutoff)) {
            throw Error(zbl->path() + ": the radii of the ZBL repulsion must rise from 0 < inner < outer <= cutoff");
        }
    }

    const Json &weights = header.at("weights");
    const std::string_view data = zip_entry(bytes, "/extra/" + weights.at("file").string(), name);
    if (sha256(data) != weights.at("sha256").string()) {
        throw Error(name + " is damaged: the checksum of its weights is wrong; copy or export it again");
    }
    file.tensors = read_safetensors(data, name + ": " + weights.at("file").string());
    for (const auto &[key, tensor] : file.tensors) {
        file.info.parameters += tensor.values.size();
    }
    if (const Json *golden = header.find("golden"); golden && !golden->is_null()) {
        for (const Json &structure : golden->array()) {
            file.golden.push_back(read_golden(structure, file.sizes.n_species));
        }
    }
    return file;
}

ModelFile ModelFile::from_path(const std::string &path) {
    std::ifstream stream(path, std::ios::binary);
    std::ostringstream bytes;
    if (!stream || !(bytes << stream.rdbuf())) {
        throw Error("cannot read the model file " + path + "; give the path of a file that `tlmlp export` wrote");
    }
    return from_bytes(bytes.view(), path);
}

const Tensor &ModelFile::tensor(const std::string &tensor_name, int rows, int columns) const {
    const auto found = tensors.find(tensor_name);
    if (found == tensors.end()) {
        throw Error("the model file has no weights named '" + tensor_name + "'");
    }
    const Tensor &tensor = found->second;
    if (tensor.rows != rows || tensor.columns != columns) {
        throw Error("the weights '" + tensor_name + "' must have shape (" + std::to_string(rows) + ", " +
                    std::to_string(columns) + "), got (" + std::to_string(tensor.rows) + ", " +
                    std::to_string(tensor.columns) + ")");
    }
    return tensor;
}

} // namespace tlmlp::engine
