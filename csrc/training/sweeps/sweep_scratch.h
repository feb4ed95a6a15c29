#pragma once

// Work space of one thread.

#include "kernels/scratch.h"
#include "sweeps/directional_sweeps.h"
#include "sweeps/sweep_layers.h"

namespace {

namespace training = tlmlp::training;

template <class T> struct SweepScratch : Scratch<T> {
    Lanes<T> spread2;                 ///< embed_p rows, longer by a vector
    T *rows, *rows_dot;               ///< [tile_width][widest row]: inputs of a layer, transposed
    T *radial_rows, *radial_rows_dot; ///< [tile_width][radial row]
    T *y_bar2;                        ///< rows of a chunk
    T *jets;                          ///< of directional_sweeps.h
    T *sums_bar2;                     ///< [heads][embed_p][chunk_atoms]
    T *output2[3];                    ///< [output_p][chunk_atoms]
    T *output_rows, *output_rows_dot; ///< [chunk_atoms][widest row]

    /// Cuts `memory`; with memory null only counts. Returns the numbers of T needed.
    std::ptrdiff_t cut(T *memory, const Sizes &s, int max_lanes, int max_edges_of_atom) {
        Pieces<T> take{memory};
        Scratch<T>::cut(take, s, max_lanes, max_edges_of_atom);
        const std::ptrdiff_t width = tile_width<T>;
        const int row = pad_to(this->channels(s), row_pad), radial_row = pad_to(s.radial_p, row_pad);
        const std::ptrdiff_t tangent = tangent_scratch<T>(s, max_edges_of_atom),
                             second = second_scratch<T>(s, max_edges_of_atom);
        spread2 = {take(s.embed_p * (width + lane_pad)), width + lane_pad};
        rows = take(width * row);
        rows_dot = take(width * row);
        radial_rows = take(width * radial_row);
        radial_rows_dot = take(width * radial_row);
        y_bar2 = take(std::ptrdiff_t(max_lanes + lane_pad) * s.directional_p);
        jets = take(tangent > second ? tangent : second);
        sums_bar2 = take(s.heads() * s.embed_p * chunk_atoms);
        for (auto &array : output2) {
            array = take(std::ptrdiff_t(s.output_p) * chunk_atoms);
        }
        const int output_row = pad_to(s.output_p > s.embed_p ? s.output_p : s.embed_p, row_pad);
        output_rows = take(std::ptrdiff_t(chunk_atoms) * output_row);
        output_rows_dot = take(std::ptrdiff_t(chunk_atoms) * output_row);
        return take.used;
    }
};

} // namespace
