#include "model_file.h"

namespace tlmlp::engine {

std::map<std::string, Shape> expected_shapes(const ModelSizes &m) {
    std::map<std::string, Shape> shapes;
    const auto add = [&](const std::string &name, int out, int in, bool bias = false) {
        shapes[name + ".weight"] = {out, in, false};
        if (bias) {
            shapes[name + ".bias"] = {1, out, true};
        }
    };
    const int e = m.embed_size, o = m.out_size, i = m.int_emb_size, b = m.basis_emb_size, t = m.atom_emb_size;
    shapes["frequencies"] = {1, m.num_radial, true};
    add("embedding.species", m.n_species, t);
    add("embedding.rbf", e, m.num_radial);
    add("embedding.dense", e, 2 * t + e, true);
    for (int n = 0; n < m.n_blocks; ++n) {
        const std::string block = "interaction." + std::to_string(n) + ".";
        for (const char *name : {"kj", "ji", "final"}) {
            add(block + name, e, e, true);
        }
        add(block + "rbf1", b, m.num_radial);
        add(block + "rbf2", e, b);
        add(block + "sbf1", b, m.num_spherical * m.num_radial);
        add(block + "sbf2", i, b);
        add(block + "down", i, e);
        add(block + "up", e, i);
        const auto residuals = [&](const char *place, int count) {
            for (int k = 0; k < count; ++k) {
                add(block + place + "." + std::to_string(k) + ".0", e, e, true);
                add(block + place + "." + std::to_string(k) + ".1", e, e, true);
            }
        };
        residuals("before", m.n_residual_before);
        residuals("after", m.n_residual_after);
    }
    for (int n = 0; n <= m.n_blocks; ++n) {
        const std::string block = "output." + std::to_string(n) + ".";
        add(block + "rbf", e, m.num_radial);
        add(block + "up", o, e);
        for (int k = 0; k < m.n_dense_output; ++k) {
            add(block + "dense." + std::to_string(k), o, o, true);
        }
        add(block + "final", 1, o);
    }
    return shapes;
}

} // namespace tlmlp::engine
