#pragma once

// Work space of one thread, cut from one buffer: what lives during a chunk (chunk_*) or a tile.

#include "kernels/directional_backward.h"
#include "kernels/output.h"
#include "kernels/update.h"

namespace {

inline constexpr int tile_arrays = 6;

template <class T> struct Scratch {
    // chunk
    T *y;                              ///< rows [lanes][directional_p]
    T *y_slope;                        ///< rows, slopes of y's activation
    T *z_bar;                          ///< rows of one centre, gathered
    Lanes<T> y_bar;                    ///< directional rows
    Lanes<T> kj, kj_slope, gate;       ///< embed_p rows
    Lanes<T> basis_bar, harmonics_bar; ///< adjoints of one block
    T *slopes;                         ///< per tile, slopes() lane arrays
    T *products;                       ///< y R_l of one centre
    T *harmonics;                      ///< copy of one centre's
    T *centre;                         ///< of directional_backward
    T *sums, *s_bar;                   ///< [embed_p][chunk_atoms]
    T *output;                         ///< of output_network
    // tile
    Lanes<T> tile[tile_arrays]; ///< embed_p rows
    Lanes<T> z;                 ///< directional_p rows
    Lanes<T> spread;            ///< embed_p rows, longer by a vector

    /// Cuts `memory`; with memory null only counts. Returns the numbers of T needed.
    std::ptrdiff_t cut(T *memory, const Sizes &s, int max_lanes, int max_edges_of_atom) {
        std::ptrdiff_t used = 0;
        const auto take = [&](std::ptrdiff_t n) {
            T *begin = memory ? memory + used : nullptr;
            used += (n + lane_pad + 15) / 16 * 16;
            return begin;
        };
        const std::ptrdiff_t rows = max_lanes + lane_pad, width = tile_width<T>;
        const std::ptrdiff_t edges = max_edges_of_atom + lane_pad;
        y = take(rows * s.directional_p);
        y_slope = take(rows * s.directional_p);
        z_bar = take(edges * s.directional_p);
        y_bar = {take(rows * s.directional_p), rows};
        kj = {take(rows * s.embed_p), rows};
        kj_slope = {take(rows * s.embed_p), rows};
        gate = {take(rows * s.embed_p), rows};
        basis_bar = {take(rows * s.basis), rows};
        harmonics_bar = {take(rows * s.harmonics), rows};
        const std::ptrdiff_t tiles = (max_lanes + width - 1) / width;
        slopes = take(tiles * s.slopes() * s.embed_p * width);
        products = take(edges * s.spherical * row_pad);
        harmonics = take(std::ptrdiff_t(s.harmonics) * edge_block);
        centre = take(centre_scratch<T>(s));
        sums = take(s.embed_p * chunk_atoms);
        s_bar = take(s.embed_p * chunk_atoms);
        output = take(std::ptrdiff_t(2 + s.dense) * s.output_p * chunk_atoms);
        for (auto &array : tile) {
            array = {take(s.embed_p * width), width};
        }
        z = {take(s.directional_p * width), width};
        spread = {take(s.embed_p * (width + lane_pad)), width + lane_pad};
        return used;
    }
};

} // namespace
