#pragma once

// Every kernel by its number: its function, how many blocks and threads it is launched with, and its shared memory.

#include "cuda/kernels/atoms.h"
#include "cuda/kernels/cuda_directional.h"
#include "cuda/kernels/edges.h"
#include "cuda/kernels/cuda_geometry.h"

namespace tlmlp::cuda {

template <Kernel K, class T, class Block>
TLMLP_HD inline void run_kernel(const Block &block, const Job<T> &job, int b) {
    if constexpr (K == Kernel::geometry) {
        geometry(block, job, b);
    } else if constexpr (K == Kernel::edges_forward) {
        edges_forward(block, job, b);
    } else if constexpr (K == Kernel::centres_forward) {
        centres_forward(block, job, b);
    } else if constexpr (K == Kernel::outputs) {
        outputs(block, job, b);
    } else if constexpr (K == Kernel::edges_backward) {
        edges_backward(block, job, b);
    } else if constexpr (K == Kernel::centres_backward) {
        centres_backward(block, job, b);
    } else if constexpr (K == Kernel::geometry_backward) {
        geometry_backward(block, job, b);
    } else if constexpr (K == Kernel::forces) {
        forces(block, job, b);
    } else if constexpr (K == Kernel::segments) {
        segments(block, job, b);
    } else {
        systems(block, job, b);
    }
}

inline const char *name_of(Kernel kernel) {
    constexpr const char *names[] = {"geometry",       "edges_forward",    "centres_forward",   "outputs",
                                     "edges_backward", "centres_backward", "geometry_backward", "forces",
                                     "segments",       "systems"};
    return names[static_cast<int>(kernel)];
}

struct Shape {
    std::int64_t blocks;
    int threads;
    std::size_t shared; ///< bytes
};

template <class T> inline Shape shape_of(Kernel kernel, const Job<T> &job) {
    const Sizes &s = job.network.sizes;
    const auto parts = [](std::int64_t n, std::int64_t size) { return (n + size - 1) / size; };
    const std::int64_t tiles = parts(job.capacity, tile_lanes<T>);
    constexpr int tile_threads = tile_lanes<T> * 2; // items of a layer with 32 outputs
    switch (kernel) {
    case Kernel::geometry:
        return {tiles, tile_threads, geometry_shared<T>(s) * sizeof(T)};
    case Kernel::edges_forward:
        return {tiles, tile_threads, edges_shared<T>(s, false) * sizeof(T)};
    case Kernel::edges_backward:
        return {tiles, tile_threads, edges_shared<T>(s, true) * sizeof(T)};
    case Kernel::geometry_backward:
        return {tiles, tile_lanes<T>, 0};
    case Kernel::centres_forward:
        return {job.atoms, 64, centres_shared<T>(s, false) * sizeof(T)};
    case Kernel::centres_backward:
        return {job.atoms, 64, centres_shared<T>(s, true) * sizeof(T)};
    case Kernel::outputs:
        return {parts(job.atoms, atom_lanes) * s.outputs, 64, outputs_shared<T>(s) * sizeof(T)};
    case Kernel::forces:
        return {parts(job.atoms, 64), 64, 0};
    case Kernel::segments:
        return {job.segments, 160, 16 * 10 * sizeof(double)};
    default:
        return {job.systems, 32, 0};
    }
}

/// The launches of one evaluation, in order: launch(kernel, pass).
template <class Launch> inline void each_launch(int blocks, bool gradient, Launch &&launch) {
    launch(Kernel::geometry, 0);
    for (int b = 0; b <= blocks; ++b) {
        launch(Kernel::edges_forward, b);
        launch(Kernel::centres_forward, b);
    }
    launch(Kernel::outputs, 0);
    for (int b = blocks; gradient && b >= 0; --b) {
        if (b < blocks) {
            launch(Kernel::centres_backward, b);
        }
        launch(Kernel::edges_backward, b);
    }
    if (gradient) {
        launch(Kernel::geometry_backward, 0);
    }
    launch(Kernel::forces, 0);
    launch(Kernel::segments, 0);
    launch(Kernel::systems, 0);
}

} // namespace tlmlp::cuda
