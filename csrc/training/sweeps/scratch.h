#pragma once

// Work space of one thread.

#include "sweeps/directional_derivatives.h"
#include "sweeps/sweep_layers.h"
#include "kernels/gather.h"
#include "kernels/output.h"
#include "kernels/update.h"

namespace {

namespace training = tlmlp::training;

inline constexpr int tile_arrays = 8;

template <class T> struct Work {
    PrefetchQueue queue;                      ///< what the tile after this one will touch
    Lanes<T> tile[tile_arrays];               ///< max(embed_p, radial_p, directional_p) rows
    Lanes<T> spread, spread2;                 ///< embed_p rows, longer by a vector
    T *rows, *rows_dot;                       ///< [tile_width][widest row]: inputs of a layer, transposed
    T *radial_rows, *radial_rows_dot;         ///< [tile_width][radial row]
    T *y_bar2;                                ///< rows of a chunk
    Lanes<T> y_bar, basis_bar, harmonics_bar; ///< lanes of a chunk
    T *z_bar, *z_bar2;                        ///< rows of one centre, gathered
    T *products, *harmonics, *centre;         ///< of the engine's directional kernels
    T *jets;                                  ///< of this folder's
    T *sums, *sums2;                          ///< [embed_p][chunk_atoms]
    T *output[5];                             ///< [output_p][chunk_atoms]
    T *output_rows, *output_rows_dot;         ///< [chunk_atoms][widest row]

    /// Cuts `memory`; with memory null only counts. Returns the numbers of T needed.
    std::ptrdiff_t cut(T *memory, const Sizes &s, int max_lanes, int max_edges_of_atom) {
        std::ptrdiff_t used = 0;
        const auto take = [&](std::ptrdiff_t n) {
            T *begin = memory ? memory + used : nullptr;
            used += (n + lane_pad + 15) / 16 * 16;
            return begin;
        };
        const std::ptrdiff_t lanes_of_chunk = max_lanes + lane_pad, width = tile_width<T>;
        const std::ptrdiff_t edges = max_edges_of_atom + lane_pad, radial_row = pad_to(s.radial_p, row_pad);
        const auto larger = [](std::ptrdiff_t a, std::ptrdiff_t b) { return a > b ? a : b; };
        const std::ptrdiff_t channels = larger(larger(s.embed_p, s.radial_p), s.directional_p);
        for (auto &array : tile) {
            array = {take(channels * width), width};
        }
        spread = {take(s.embed_p * (width + lane_pad)), width + lane_pad};
        spread2 = {take(s.embed_p * (width + lane_pad)), width + lane_pad};
        rows = take(width * pad_to(int(channels), row_pad));
        rows_dot = take(width * pad_to(int(channels), row_pad));
        radial_rows = take(width * radial_row);
        radial_rows_dot = take(width * radial_row);
        y_bar2 = take(lanes_of_chunk * s.directional_p);
        y_bar = {take(lanes_of_chunk * s.directional_p), lanes_of_chunk};
        basis_bar = {take(lanes_of_chunk * s.basis), lanes_of_chunk};
        harmonics_bar = {take(lanes_of_chunk * s.harmonics), lanes_of_chunk};
        z_bar = take(edges * s.directional_p);
        z_bar2 = take(edges * s.directional_p);
        products = take(edges * s.spherical * row_pad);
        harmonics = take(std::ptrdiff_t(s.harmonics) * edge_block);
        centre = take(centre_scratch<T>(s));
        jets = take(larger(tangent_scratch<T>(s, max_edges_of_atom), second_scratch<T>(s, max_edges_of_atom)));
        sums = take(s.embed_p * chunk_atoms);
        sums2 = take(s.embed_p * chunk_atoms);
        for (auto &array : output) {
            array = take(std::ptrdiff_t(s.output_p) * chunk_atoms);
        }
        const int output_row = pad_to(s.output_p > s.embed_p ? s.output_p : s.embed_p, row_pad);
        output_rows = take(std::ptrdiff_t(chunk_atoms) * output_row);
        output_rows_dot = take(std::ptrdiff_t(chunk_atoms) * output_row);
        return used;
    }
};

} // namespace
