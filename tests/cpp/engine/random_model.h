#pragma once

// Models with random weights, and the bytes of an exported file that holds one.

#include <cstring>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "checksum.h"
#include "model_file.h"
#include "tlmlp/math/activation.h"
#include "tlmlp/network.h"

using tlmlp::engine::ModelSizes;
using tlmlp::engine::Tensor;
using Weights = std::map<std::string, Tensor>;

inline ModelSizes usual_sizes(int n_species = 1) { return {n_species, 32, 64, 16, 8, 16, 4, 7, 6, 6, 1, 2, 3, 4.3}; }

inline ModelSizes odd_sizes() { return {3, 12, 10, 5, 3, 7, 2, 4, 5, 4, 2, 1, 2, 3.9}; }

/// Shapes of all weights, and random values of the size that trained ones have.
inline Weights random_weights(const ModelSizes &m, unsigned seed) {
    std::mt19937_64 random(seed);
    std::normal_distribution<double> normal;
    Weights w;
    const auto add = [&](const std::string &name, int rows, int columns, double scale = 1.0) {
        Tensor t{rows, columns, {}};
        for (int k = 0; k < rows * columns; ++k) {
            t.values.push_back(static_cast<float>(scale * normal(random) / std::sqrt(double(columns))));
        }
        w[name] = t;
    };
    const auto layer = [&](const std::string &name, int out, int in) {
        add(name + ".weight", out, in);
        add(name + ".bias", 1, out);
    };
    const int e = m.embed_size, o = m.out_size, i = m.int_emb_size, b = m.basis_emb_size, t = m.atom_emb_size;
    w["frequencies"] = {1, m.num_radial, {}};
    for (int n = 1; n <= m.num_radial; ++n) {
        w["frequencies"].values.push_back(static_cast<float>(n * M_PI + 0.1 * normal(random)));
    }
    add("embedding.species.weight", m.n_species, t, 3.0);
    add("embedding.rbf.weight", e, m.num_radial);
    layer("embedding.dense", e, 2 * t + e);
    for (int k = 0; k < m.n_blocks; ++k) {
        const std::string name = "interaction." + std::to_string(k) + ".";
        layer(name + "kj", e, e);
        layer(name + "ji", e, e);
        layer(name + "final", e, e);
        add(name + "rbf1.weight", b, m.num_radial);
        add(name + "rbf2.weight", e, b);
        add(name + "sbf1.weight", b, m.num_spherical * m.num_radial);
        add(name + "sbf2.weight", i, b);
        add(name + "down.weight", i, e);
        add(name + "up.weight", e, i);
        for (int r = 0; r < m.n_residual_before; ++r) {
            layer(name + "before." + std::to_string(r) + ".0", e, e);
            layer(name + "before." + std::to_string(r) + ".1", e, e);
        }
        for (int r = 0; r < m.n_residual_after; ++r) {
            layer(name + "after." + std::to_string(r) + ".0", e, e);
            layer(name + "after." + std::to_string(r) + ".1", e, e);
        }
    }
    for (int k = 0; k <= m.n_blocks; ++k) {
        const std::string name = "output." + std::to_string(k) + ".";
        add(name + "rbf.weight", e, m.num_radial);
        add(name + "up.weight", o, e);
        for (int d = 0; d < m.n_dense_output; ++d) {
            layer(name + "dense." + std::to_string(d), o, o);
        }
        add(name + "final.weight", 1, o, 0.3);
    }
    return w;
}

inline std::string little_endian(std::uint64_t value, int bytes) {
    std::string out;
    for (int k = 0; k < bytes; ++k) {
        out += static_cast<char>(value >> 8 * k);
    }
    return out;
}

/// A safetensors file in float64.
inline std::string safetensors_bytes(const Weights &weights) {
    std::ostringstream header;
    std::string data;
    header << "{\"__metadata__\":{\"format\":\"pt\"}";
    for (const auto &[name, tensor] : weights) {
        const std::size_t begin = data.size();
        data.append(reinterpret_cast<const char *>(tensor.values.data()), tensor.values.size() * sizeof(double));
        const bool vector = name.ends_with(".bias") || name == "frequencies";
        header << ",\"" << name << "\":{\"dtype\":\"F64\",\"shape\":[";
        header << (vector ? "" : std::to_string(tensor.rows) + ",") << tensor.columns << "],\"data_offsets\":[" << begin
               << "," << data.size() << "]}";
    }
    header << "}";
    return little_endian(header.str().size(), 8) + header.str() + data;
}

inline std::size_t count_parameters(const ModelSizes &m) {
    std::size_t count = 0;
    for (const auto &[name, shape] : tlmlp::engine::expected_shapes(m)) {
        count += static_cast<std::size_t>(shape.rows) * shape.columns;
    }
    return count;
}

inline std::string header_json(const ModelSizes &m, const std::string &weights, const std::string &version = "1.1") {
    static const char *const symbols[] = {"Si", "Ge", "C"};
    static const int numbers[] = {14, 32, 6};
    std::ostringstream out;
    out.precision(17);
    out << R"({"format":"tlmlp-model","format_version":")" << version
        << R"(","model":{"type":"DimeNetPP","activation":")" << tlmlp::math::activation_name << R"(","envelope":")"
        << tlmlp::network::envelope_name << R"(","n_species":)" << m.n_species << ",\"embed_size\":" << m.embed_size
        << ",\"out_size\":" << m.out_size << ",\"int_emb_size\":" << m.int_emb_size
        << ",\"basis_emb_size\":" << m.basis_emb_size << ",\"atom_emb_size\":" << m.atom_emb_size
        << ",\"n_blocks\":" << m.n_blocks << ",\"num_spherical\":" << m.num_spherical
        << ",\"num_radial\":" << m.num_radial << ",\"envelope_exponent\":" << m.envelope_exponent
        << ",\"n_residual_before\":" << m.n_residual_before << ",\"n_residual_after\":" << m.n_residual_after
        << ",\"n_dense_output\":" << m.n_dense_output << ",\"cutoff\":" << m.cutoff << "},\"species\":[";
    for (int s = 0; s < m.n_species; ++s) {
        out << (s ? "," : "") << '"' << symbols[s] << '"';
    }
    out << "],\"atomic_numbers\":[";
    for (int s = 0; s < m.n_species; ++s) {
        out << (s ? "," : "") << numbers[s];
    }
    out << "],\"energy_shift\":{";
    for (int s = 0; s < m.n_species; ++s) {
        out << (s ? "," : "") << '"' << symbols[s] << "\":" << -1.0 - s;
    }
    out << R"(},"units":{"length":"angstrom","energy":"eV","network_length":"nm","network_energy":"kJ/mol"},)"
        << R"("cutoff":)" << m.cutoff
        << R"(,"dtype":"float64","min_distance":2.1,"zbl":null,"golden":[],"provenance":{},"weights":)"
        << R"({"file":"weights.safetensors","sha256":")" << tlmlp::engine::sha256(weights)
        << "\",\"parameters\":" << count_parameters(m) << "}}";
    return out.str();
}

/// An uncompressed zip archive.
inline std::string zip_bytes(const std::vector<std::pair<std::string, std::string>> &entries) {
    std::string out, directory;
    for (const auto &[name, data] : entries) {
        const std::string sizes = little_endian(tlmlp::engine::crc32(data), 4) + little_endian(data.size(), 4) +
                                  little_endian(data.size(), 4) + little_endian(name.size(), 2) + little_endian(0, 2);
        directory += little_endian(0x02014b50, 4) + std::string(12, '\0') + sizes + std::string(10, '\0') +
                     little_endian(out.size(), 4) + name;
        out += little_endian(0x04034b50, 4) + std::string(10, '\0') + sizes + name + data;
    }
    const std::size_t start = out.size();
    return out + directory + little_endian(0x06054b50, 4) + std::string(4, '\0') + little_endian(entries.size(), 2) +
           little_endian(entries.size(), 2) + little_endian(directory.size(), 4) + little_endian(start, 4) +
           std::string(2, '\0');
}

inline std::string model_bytes(const ModelSizes &m, const Weights &w) {
    const std::string weights = safetensors_bytes(w);
    return zip_bytes({{"stem/data.pkl", "pickled"},
                      {"stem/extra/tlmlp.json", header_json(m, weights)},
                      {"stem/extra/weights.safetensors", weights}});
}
