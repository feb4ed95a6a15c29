#pragma once

// Plain structs of pointers through which the engine and the kernels of each instruction level share memory.
//
//   slot    position of a directed edge j -> i in all per-edge arrays; edges of one target lie side by side
//   chunk   up to `chunk_atoms` consecutive target atoms with all edges that end at them: the unit of work of a thread
//   lane    position of an edge inside its chunk
//   stride  lanes of a chunk, padded with dummy edges without effect to `lane_pad`, plus `lane_pad` lanes of slack, so that
//           a vector that starts at any edge stays inside its row
//   tile    a few vectors of neighbouring lanes, small enough that all layers of a block run in the first-level cache
//
// There are three kinds of arrays of C channels per edge:
//   lane arrays   C rows of `stride` lanes for each chunk, index C * chunk.slot + c * stride + lane
//   tile arrays   C rows per tile, one tile after the other
//   row arrays    one row of channels per slot, index slot * row + c, where the channels of one edge are used together
// Widths are padded with zeros: lane arrays to 8 rows, rows to 16 channels.

#include <cstddef>
#include <cstdint>

#include "level_choice.h"
#include "tlmlp/network.h"

namespace tlmlp::engine {

inline constexpr int chunk_atoms = 16;
inline constexpr int foreign_chunk_atoms = 128; ///< foreign atoms have few edges
inline constexpr int chunk_edges = 512;         ///< a chunk takes no further atom beyond this many edges
inline constexpr int lane_pad = 16;
inline constexpr int row_pad = 16;
inline constexpr int output_group = 8;

constexpr int pad_to(int n, int unit) { return (n + unit - 1) / unit * unit; }

/// A bias's gradient is kept as one partial sum per SIMD lane; no level has more lanes.
inline constexpr int bias_lanes = 16;

/// Sizes of the network as the kernels need them; `_p` are padded.
struct Sizes {
    int species = 0;
    int embed = 0, embed_p = 0;             ///< E, width of a message
    int directional = 0, directional_p = 0; ///< I, width of the directional sum (padded to row_pad)
    int output = 0, output_p = 0;           ///< O
    int radial = 0, radial_p = 0;           ///< radial basis functions
    int spherical = 0;                      ///< orders l of the spherical basis
    int basis = 0;                          ///< spherical * radial
    int harmonics = 0;                      ///< spherical^2
    int blocks = 0, before = 0, after = 0, dense = 0;
    int outputs = 0; ///< output blocks: blocks + 1 of each head, one head after the other

    static Sizes of(const network::Sizes &sizes);

    TLMLP_HD network::UpdateOrder update() const { return {before, after}; }
    TLMLP_HD network::OutputOrder output_order() const { return {dense}; }
    TLMLP_HD int heads() const { return outputs / (blocks + 1); }
    TLMLP_HD int head_of(int output) const { return output / (blocks + 1); }
    /// visit(k) for the output blocks of message b, one of each head.
    template <class Visit> TLMLP_HD void each_output(int b, Visit &&visit) const {
        for (int k = b; k < outputs; k += blocks + 1) {
            visit(k);
        }
    }
    /// Activations of width `embed` in an update.
    TLMLP_HD int slopes() const { return update().count(); }
};

/// y = W x + b in the packings that the kernels read; absent ones are null.
template <class T> struct Dense {
    int in = 0, out = 0;
    const T *forward = nullptr;   ///< [out_p / 8][in][8]
    const T *backward = nullptr;  ///< [in_p / 8][out][8], the transpose
    const T *rows = nullptr;      ///< [in][out padded to row_pad], outputs in SIMD lanes
    const T *rows_back = nullptr; ///< [out][in padded to row_pad], the transpose
    const T *bias = nullptr;      ///< [out_p], zeros where the layer has none

    /// Where its gradient lies in a gradient array: [out_p][in padded to row_pad] for W, then [out_p][bias_lanes] for b.
    std::ptrdiff_t gradient = 0;
    std::ptrdiff_t bias_gradient() const {
        return gradient + std::ptrdiff_t(pad_to(out, output_group)) * pad_to(in, row_pad);
    }
};

template <class T> struct Interaction {
    Dense<T> kj, gate;
    Dense<T> down;                    ///< its gradient is that of the transpose, [in_p][out padded to row_pad]
    const Dense<T> *update = nullptr; ///< in the order of network::UpdateOrder
    const T *radial = nullptr; ///< [directional_p / row_pad][spherical][radial][row_pad]: R_l[c] = sum_n w_lnc b_ln
    std::ptrdiff_t radial_gradient = 0; ///< the same
};

template <class T> struct OutputBlock {
    Dense<T> gate;
    const Dense<T> *layers = nullptr; ///< in the order of network::OutputOrder
    const T *last = nullptr;          ///< [output_p]
    std::ptrdiff_t last_gradient = 0; ///< the same
    bool of_energy = false;           ///< whether its number is a part of the energy, which alone has derivatives
};

/// Piecewise polynomials of functions of the distance, see math/piecewise.h: radial basis, unless the table is one of
/// training, then spherical one.
template <class T> struct Table {
    int intervals = 0, degree = 0, stride = 0;
    const T *coefficients = nullptr;
};

template <class T> struct Network {
    Sizes sizes;
    double cutoff = 0, inverse_cutoff = 0; ///< nm, 1/nm
    int exponent = 0;                      ///< of the envelope
    const T *frequencies = nullptr;        ///< [radial_p]
    std::ptrdiff_t frequency_gradient = 0; ///< [radial_p][bias_lanes]
    Table<T> table;
    const T *harmonic_norms = nullptr; ///< F_lm of math/harmonics.h
    const T *legendre = nullptr;       ///< N_l
    Dense<T> embed_radial;             ///< radial basis -> E, both layers of the embedding multiplied out
    const T *embed_target = nullptr;   ///< [species][embed_p], bias included
    const T *embed_source = nullptr;   ///< [species][embed_p]
    std::ptrdiff_t target_gradient = 0, source_gradient = 0; ///< [species][embed padded to row_pad]
    const Interaction<T> *interactions = nullptr;
    const OutputBlock<T> *outputs = nullptr; ///< [outputs]
};

struct Chunk {
    std::int64_t slot;
    std::int32_t atom, atoms;
    std::int32_t edges, lanes, stride; ///< real edges; padded to lane_pad; row length
    bool foreign;                      ///< atoms of other processes
};

/// One evaluation: the graph and every array that outlives a chunk. Energies in kJ/mol, lengths in nm. Training adds
/// the arrays of its sweeps (training/sweeps_job.h).
template <class T> struct Job {
    const Network<T> *network = nullptr;
    const Chunk *chunks = nullptr;
    const std::int32_t *first = nullptr;   ///< [atoms] lane of an atom's first edge in its chunk
    const std::int32_t *count = nullptr;   ///< [atoms] edges that end there
    const std::int32_t *reverse = nullptr; ///< [slots] slot of i -> j; of dummies: their own
    const std::int32_t *species = nullptr; ///< [atoms]
    const std::int32_t *source = nullptr;  ///< [slots]
    const double *vector = nullptr;        ///< [slots][3] r_j - r_i in nm
    std::int64_t slots = 0, atoms = 0, n_chunks = 0;
    bool gradient = false;

    T *unit = nullptr;                ///< lanes, 3 rows: vector / d
    T *position = nullptr;            ///< lanes, 1 row: local variable t of the table
    std::int32_t *interval = nullptr; ///< lanes, 1 row
    T *radial = nullptr;              ///< tiles, radial_p rows
    T *basis = nullptr;               ///< lanes, basis rows
    T *harmonics = nullptr;           ///< lanes, harmonics rows
    T *message = nullptr;             ///< [blocks] tiles, embed_p rows: m_b, input of block b; [blocks + 1] in training
    T *z = nullptr;                   ///< [blocks][slots][directional_p]: z of the reverse edge
    T *A = nullptr;                   ///< [blocks][atoms][directional_p / row_pad][harmonics][row_pad]: A_j / N_l
    T *sums_bar = nullptr;            ///< [outputs][chunks][embed_p][chunk_atoms]: dE/ds_i of each output block
    double *head_value = nullptr;     ///< [heads][atoms]: energies first

    T *radial_bar = nullptr;      ///< tiles, radial_p rows
    T *geometry_bar = nullptr;    ///< lanes, 4 rows: dE/dd (of the spherical basis alone), dE/du
    double *vector_bar = nullptr; ///< [slots][3]: dE/dvector in kJ/mol/nm

    // Of the engine alone.
    T *slopes = nullptr; ///< [blocks - 1] tiles, slopes() * embed_p rows: of all activations but the last block's; null
                         ///< where they are computed again on the way back
    T *message_bar = nullptr;      ///< tiles, embed_p rows: dE/dm
    const T *z_bar = nullptr;      ///< [slots][directional_p]: dE/dz of the block that a reverse pass starts from, each
                                   ///< row in the place of its z
    T *z_bar_next = nullptr;       ///< the same of the block before, which it writes; overwrites z, tile by tile, where
                                   ///< no moments are wanted
    const T *energy_bar = nullptr; ///< [slots][directional_p] in reverse passes of a moment: dE/dz as the passes of the
                                   ///< energy had it; null in those
    int axis = 0;                  ///< component of the positions that the moment is taken with
    T *A_bar = nullptr; ///< [atoms][as A] dE/dA_j N_l that comes from other processes; null without exchange.
                        ///< Of foreign atoms what goes there. All zero but between send and backward.
    unsigned char *touched = nullptr; ///< [atoms] rows of A_bar that are not zero
};

/// The kernels of one instruction level and precision.
template <class T> struct Kernels {
    const char *level;
    int width; ///< SIMD lanes
    /// Work space of a thread in numbers of T.
    std::ptrdiff_t (*scratch)(const Sizes &sizes, int max_lanes, int max_edges_of_atom);
    void (*forward)(const Job<T> &job, const Chunk &chunk, int pass, T *scratch, int max_lanes, int max_edges);
    void (*reverse)(const Job<T> &job, const Chunk &chunk, int pass, T *scratch, int max_lanes, int max_edges);
    /// Around the exchanges, for foreign chunks: z from the received centres; A_bar.
    void (*receive)(const Job<T> &job, const Chunk &chunk, int pass, T *scratch, int max_lanes, int max_edges);
    void (*send)(const Job<T> &job, const Chunk &chunk, int pass, T *scratch, int max_lanes, int max_edges);

    static const Kernels &avx512();
    static const Kernels &avx2();
    static const Kernels &portable();
};
TLMLP_LEVEL_TABLES(Kernels, float);
TLMLP_LEVEL_TABLES(Kernels, double);

} // namespace tlmlp::engine
