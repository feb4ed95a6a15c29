#pragma once

/// The network, described once: its sizes, its parameters as the model file has them, and the matrices that
/// evaluators multiply by. The layers of an update and of an output block stand in the order in which they act. The
/// engine, the training sweeps, the GPU's kernels, the readers of model files and Python are users of this file.

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "tlmlp/math/macros.h"

namespace tlmlp::network {

/// The envelope of the radial and spherical functions (math/envelope.h), its parameter is `envelope_exponent`.
inline constexpr const char *envelope_name = "polynomial";

/// Sizes of a network; the defaults are a quarter of the original one.
struct Sizes {
    int n_species = 1, embed_size = 32, out_size = 64, int_emb_size = 16, basis_emb_size = 8, atom_emb_size = 16;
    int n_blocks = 4, num_spherical = 7, num_radial = 6, envelope_exponent = 6;
    int n_residual_before = 1, n_residual_after = 2, n_dense_output = 3;
    double cutoff = 0.0; ///< Angstrom
};

/// Largest orders that kernels keep in registers and on the stack.
inline constexpr int max_spherical = 12;
/// Angstrom, exclusive.
inline constexpr double max_cutoff = 1000.0;
/// Trained frequencies stay near those that the network starts with, pi n: below 202 for the largest number of them.
inline constexpr double max_frequency = 500.0;

/// A whole number among the sizes and what it may be.
struct Size {
    const char *name;
    int Sizes::*value;
    int low, high;
    const char *meaning;
};

inline constexpr Size whole_sizes[] = {
    {"n_species", &Sizes::n_species, 1, 256, "rows of the species embedding"},
    {"embed_size", &Sizes::embed_size, 2, 4096, "message width E"},
    {"out_size", &Sizes::out_size, 1, 4096, "width O of the output blocks"},
    {"int_emb_size", &Sizes::int_emb_size, 2, 4096, "width I of the directional messages"},
    {"basis_emb_size", &Sizes::basis_emb_size, 1, 4096, "width B of the embedded bases"},
    {"atom_emb_size", &Sizes::atom_emb_size, 1, 4096, "width T of the species embedding"},
    {"n_blocks", &Sizes::n_blocks, 0, 64, "interaction blocks"},
    {"num_spherical", &Sizes::num_spherical, 1, max_spherical, "orders L of the spherical basis"},
    {"num_radial", &Sizes::num_radial, 1, 64, "radial functions N"},
    {"envelope_exponent", &Sizes::envelope_exponent, 2, 64, "p of the envelope"},
    {"n_residual_before", &Sizes::n_residual_before, 0, 64, "residual layers before the skip connection"},
    {"n_residual_after", &Sizes::n_residual_after, 0, 64, "residual layers after it"},
    {"n_dense_output", &Sizes::n_dense_output, 0, 64, "dense layers of an output block"},
};

/// What a parameter is for.
enum class Role {
    frequencies, ///< of the radial functions
    table,       ///< a row for each species
    basis,       ///< embeds a basis: no activation follows
    edge,        ///< a layer on messages
    atom,        ///< a layer of an output block, on atoms
    last,        ///< the row that makes an energy
};

inline const char *name_of(Role role) {
    constexpr const char *names[] = {"frequencies", "table", "basis", "edge", "atom", "last"};
    return names[static_cast<int>(role)];
}

inline std::string in_block(const char *kind, int block, const std::string &name) {
    return std::string(kind) + "." + std::to_string(block) + "." + name;
}

/// A number of each atom that the network makes of its messages: a sum of output blocks, one for each message m_b.
struct Head {
    const char *blocks; ///< the parameters of a block are called `blocks`.b.NAME
    const char *values; ///< what hosts call the numbers
};

/// The heads of a network. The first is the energy; all derivatives are those of its sum over the atoms.
inline std::vector<Head> heads(const Sizes &) { return {{"output", "atomic_energies"}}; }

/// visit(at) for each output block of all heads, where at(name) is a parameter's full name.
template <class Visit> void visit_output_blocks(const Sizes &s, Visit &&visit) {
    for (const Head &head : heads(s)) {
        for (int n = 0; n <= s.n_blocks; ++n) {
            visit([&](const std::string &name) { return in_block(head.blocks, n, name); });
        }
    }
}

/// A parameter of the model file: a matrix (out, in), or a vector with one row here.
struct Parameter {
    std::string name;
    int rows, columns;
    bool vector;
    Role role;
};

/// Names of the layers of an update in their order, without what stands before: up, ji, before, final, after.
template <class Visit> void visit_update_names(const Sizes &s, Visit &&visit) {
    const auto residuals = [&](const char *place, int count) {
        for (int k = 0; k < count; ++k) {
            for (const char *which : {".0", ".1"}) {
                visit(std::string(place) + "." + std::to_string(k) + which);
            }
        }
    };
    visit(std::string("up"));
    visit(std::string("ji"));
    residuals("before", s.n_residual_before);
    visit(std::string("final"));
    residuals("after", s.n_residual_after);
}

/// visit(parameter) for all of them.
template <class Visit> void visit_parameters(const Sizes &s, Visit &&visit) {
    const int e = s.embed_size, o = s.out_size, i = s.int_emb_size, b = s.basis_emb_size, t = s.atom_emb_size;
    const auto matrix = [&](const std::string &name, int out, int in, Role role) {
        visit(Parameter{name + ".weight", out, in, false, role});
    };
    const auto layer = [&](const std::string &name, int out, int in, Role role) {
        matrix(name, out, in, role);
        visit(Parameter{name + ".bias", 1, out, true, role});
    };
    visit(Parameter{"frequencies", 1, s.num_radial, true, Role::frequencies});
    matrix("embedding.species", s.n_species, t, Role::table);
    matrix("embedding.rbf", e, s.num_radial, Role::basis);
    layer("embedding.dense", e, 2 * t + e, Role::edge);
    for (int n = 0; n < s.n_blocks; ++n) {
        const auto at = [n](const std::string &name) { return in_block("interaction", n, name); };
        for (const char *name : {"kj", "ji", "final"}) {
            layer(at(name), e, e, Role::edge);
        }
        matrix(at("rbf1"), b, s.num_radial, Role::basis);
        matrix(at("rbf2"), e, b, Role::basis);
        matrix(at("sbf1"), b, s.num_spherical * s.num_radial, Role::basis);
        matrix(at("sbf2"), i, b, Role::basis);
        matrix(at("down"), i, e, Role::edge);
        matrix(at("up"), e, i, Role::edge);
        visit_update_names(s, [&](const std::string &name) {
            if (name != "up" && name != "ji" && name != "final") {
                layer(at(name), e, e, Role::edge);
            }
        });
    }
    visit_output_blocks(s, [&](const auto &at) {
        matrix(at("rbf"), e, s.num_radial, Role::basis);
        matrix(at("up"), o, e, Role::atom);
        for (int k = 0; k < s.n_dense_output; ++k) {
            layer(at("dense." + std::to_string(k)), o, o, Role::atom);
        }
        matrix(at("final"), 1, o, Role::last);
    });
}

/// A parameter, or some of its columns (all where `count` is 0), perhaps transposed.
struct Factor {
    std::string name;
    int begin = 0, count = 0;
    bool transposed = false;
};

/// A matrix as evaluators take it: left, or left right where a second parameter follows without an activation in
/// between; then `bias` is added to each row. A name that is empty stands for nothing.
struct Matrix {
    int rows, columns;
    Factor left, right;
    std::string bias;
};

/// visit(matrix) for all of them, in the order of `PackedNetwork` and of the operator of a training step:
///     frequencies (1, N); embedding: radial (E, N), target and source tables (S, E), the bias in the former;
///     per interaction: kj weight (E, E) and bias (1, E), gate (E, N), down (I, E), radial weights (I, L * N), and the
///     layers of the update, up without and the others with a bias;
///     per output block: gate (E, N), up (O, E), weight and bias of the dense layers, the last row (1, O).
template <class Visit> void visit_matrices(const Sizes &s, Visit &&visit) {
    const int e = s.embed_size, o = s.out_size, i = s.int_emb_size, t = s.atom_emb_size,
              basis = s.num_spherical * s.num_radial;
    const auto one = [&](const std::string &name, int rows, int columns) {
        visit(Matrix{rows, columns, {name}, {}, {}});
    };
    const auto product = [&](const std::string &left, const std::string &right, int rows, int columns) {
        visit(Matrix{rows, columns, {left}, {right}, {}});
    };
    const auto layer = [&](const std::string &name, int out, int in) {
        one(name + ".weight", out, in);
        one(name + ".bias", 1, out);
    };
    const std::string dense = "embedding.dense.weight", species = "embedding.species.weight";
    one("frequencies", 1, s.num_radial);
    visit(Matrix{e, s.num_radial, {dense, 2 * t, e}, {"embedding.rbf.weight"}, {}});
    visit(Matrix{s.n_species, e, {species}, {dense, 0, t, true}, "embedding.dense.bias"});
    visit(Matrix{s.n_species, e, {species}, {dense, t, t, true}, {}});
    for (int n = 0; n < s.n_blocks; ++n) {
        const auto at = [n](const std::string &name) { return in_block("interaction", n, name); };
        layer(at("kj"), e, e);
        product(at("rbf2.weight"), at("rbf1.weight"), e, s.num_radial);
        one(at("down.weight"), i, e);
        product(at("sbf2.weight"), at("sbf1.weight"), i, basis);
        visit_update_names(s, [&](const std::string &name) {
            if (name == "up") {
                one(at("up.weight"), e, i);
            } else {
                layer(at(name), e, e);
            }
        });
    }
    visit_output_blocks(s, [&](const auto &at) {
        one(at("rbf.weight"), e, s.num_radial);
        one(at("up.weight"), o, e);
        for (int k = 0; k < s.n_dense_output; ++k) {
            layer(at("dense." + std::to_string(k)), o, o);
        }
        one(at("final.weight"), 1, o);
    });
}

// ---- The update of an interaction: from the message m and the directional sum z of an edge to the new message m',
//     h = act(W_up z);  h = act(W_ji m + b) + h;  residual layers on h;  m' = act(W_final h + b) + m;  residual layers on m',
// where a residual layer is x += act(W' act(W x + b) + b'). Its layers are numbered in this order.

/// What the layers read and make; `inner` is between the two layers of a residual one.
enum class Node { none = -1, z, message, h, inner, next };
inline constexpr int nodes = 5;

/// One layer: to = act(W from + b) [+ add]. Where `from` also goes around the layer to the result of a later one, `around`
/// is that one's number, else -1: on the way back the adjoint of that result is added to what comes through W.
struct Step {
    int layer;
    Node from, add, to;
    int around;
};

/// Numbers of the layers.
struct UpdateOrder {
    int before = 0, after = 0; ///< residual layers
    static constexpr int up = 0, ji = 1, first_before = 2;
    TLMLP_HD int final_layer() const { return first_before + 2 * before; }
    TLMLP_HD int first_after() const { return final_layer() + 1; }
    TLMLP_HD int count() const { return first_after() + 2 * after; }
};

/// visit(step) for each layer in order.
template <class Visit> TLMLP_HD inline void walk_update(UpdateOrder order, Visit &&visit) {
    visit(Step{order.up, Node::z, Node::none, Node::h, -1});
    visit(Step{order.ji, Node::message, Node::h, Node::h, order.final_layer()});
    for (int k = order.first_before; k < order.final_layer(); k += 2) {
        visit(Step{k, Node::h, Node::none, Node::inner, k + 1});
        visit(Step{k + 1, Node::inner, Node::h, Node::h, -1});
    }
    visit(Step{order.final_layer(), Node::h, Node::message, Node::next, -1});
    for (int k = order.first_after(); k < order.count(); k += 2) {
        visit(Step{k, Node::next, Node::none, Node::inner, k + 1});
        visit(Step{k + 1, Node::inner, Node::next, Node::next, -1});
    }
}

/// The same from the last to the first. `from` was made by the layer before the step's, but for ji and up, which read
/// what comes from outside.
template <class Visit> TLMLP_HD inline void walk_update_back(UpdateOrder order, Visit &&visit) {
    for (int k = order.count() - 2; k >= order.first_after(); k -= 2) {
        visit(Step{k + 1, Node::inner, Node::next, Node::next, -1});
        visit(Step{k, Node::next, Node::none, Node::inner, k + 1});
    }
    visit(Step{order.final_layer(), Node::h, Node::message, Node::next, -1});
    for (int k = order.final_layer() - 2; k >= order.first_before; k -= 2) {
        visit(Step{k + 1, Node::inner, Node::h, Node::h, -1});
        visit(Step{k, Node::h, Node::none, Node::inner, k + 1});
    }
    visit(Step{order.ji, Node::message, Node::h, Node::h, order.final_layer()});
    visit(Step{order.up, Node::z, Node::none, Node::h, -1});
}

// ---- An output block on the gated sums s_i of an atom's messages: x = W_up s, then x = act(W x + b) for each dense
// layer, and the head's number w . x. Its layers are up, which has no activation, and the dense ones.

struct OutputOrder {
    int dense = 0;
    static constexpr int up = 0;
    TLMLP_HD int count() const { return 1 + dense; }
    TLMLP_HD static bool activated(int layer) { return layer != up; }
};

/// visit(layer) for each layer in order.
template <class Visit> TLMLP_HD inline void walk_output(OutputOrder order, Visit &&visit) {
    for (int k = 0; k < order.count(); ++k) {
        visit(k);
    }
}

/// The same from the last to the first.
template <class Visit> TLMLP_HD inline void walk_output_back(OutputOrder order, Visit &&visit) {
    for (int k = order.count() - 1; k >= 0; --k) {
        visit(k);
    }
}

} // namespace tlmlp::network
