#pragma once

// Work space of one thread.

#include "kernels/directional_backward.h"
#include "kernels/output.h"
#include "kernels/update.h"

namespace {

inline constexpr int tile_arrays = 8;

/// Hands out pieces of a buffer; with memory null it only counts.
template <class T> struct Pieces {
    T *memory;
    std::ptrdiff_t used = 0;
    T *operator()(std::ptrdiff_t n) {
        T *begin = memory ? memory + used : nullptr;
        used += (n + lane_pad + 15) / 16 * 16;
        return begin;
    }
};

/// What all passes need.
template <class T> struct Scratch {
    PrefetchQueue queue;                      ///< what the tile after this one will touch
    Lanes<T> tile[tile_arrays];               ///< max(embed_p, radial_p, directional_p) rows
    Lanes<T> spread;                          ///< embed_p rows, longer by a vector
    Lanes<T> y_bar, basis_bar, harmonics_bar; ///< lanes of a chunk: adjoints of one block
    T *products;                              ///< y R_l of one centre
    T *harmonics;                             ///< copy of one centre's
    T *centre;                                ///< of directional_backward
    T *output[2];                             ///< [output_p][chunk_atoms]

    static int channels(const Sizes &s) {
        const int most = s.embed_p > s.radial_p ? s.embed_p : s.radial_p;
        return most > s.directional_p ? most : s.directional_p;
    }

    void cut(Pieces<T> &take, const Sizes &s, int max_lanes, int max_edges_of_atom) {
        const std::ptrdiff_t rows = max_lanes + lane_pad, width = tile_width<T>;
        const std::ptrdiff_t edges = max_edges_of_atom + lane_pad;
        for (auto &array : tile) {
            array = {take(channels(s) * width), width};
        }
        spread = {take(s.embed_p * (width + lane_pad)), width + lane_pad};
        y_bar = {take(rows * s.directional_p), rows};
        basis_bar = {take(rows * s.basis), rows};
        harmonics_bar = {take(rows * s.harmonics), rows};
        products = take(edges * s.spherical * row_pad);
        harmonics = take(std::ptrdiff_t(s.harmonics) * edge_block);
        centre = take(centre_scratch<T>(s));
        for (auto &array : output) {
            array = take(std::ptrdiff_t(s.output_p) * chunk_atoms);
        }
    }
};

} // namespace
