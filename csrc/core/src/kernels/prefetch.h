#pragma once

// Prefetching. Every pass streams a few kilobytes per edge through the cores, more lines per tile than the processor
// predicts; and all at once they would only queue up. So each tile lists what the next one will touch, and the layers ask
// for it line by line between their multiply-adds. The engine in double precision does without these steps, which cost
// its long activations more than they save: there each tile asks for all at its beginning. Training keeps more arrays.

#include "simd.h"

namespace {

/// Lines to ask for with every vector of a layer's results.
inline constexpr int lines_queued = 3;

#ifdef TLMLP_TRAINING_SWEEPS
template <class T> inline constexpr bool asks_at_once = false;
#else
template <class T> inline constexpr bool asks_at_once = sizeof(T) == 8;
#endif

struct PrefetchQueue {
    static constexpr int line = 64, most = 40;
    const char *at = nullptr, *end = nullptr;
    int used = 0, count = 0;
    const char *begins[most], *ends[most];

    void clear() {
        at = end = nullptr;
        used = count = 0;
    }
    void add(const void *from, std::size_t bytes) {
        if (bytes > 0 && count < most) {
            begins[count] = static_cast<const char *>(from);
            ends[count++] = static_cast<const char *>(from) + bytes;
        }
    }
    /// With a vector of a layer's results.
    template <class T> TLMLP_INLINE void step_in_layer() {
        if constexpr (!asks_at_once<T>) {
            step<lines_queued>();
        }
    }
    /// Asks for all that is left.
    void drain() {
        while (at < end || used < count) {
            step<lines_queued>();
        }
    }
    /// Asks for the next `lines` lines, up to lines - 1 of them behind the end of a stretch.
    template <int lines> TLMLP_INLINE void step() {
        if (at >= end) {
            if (used == count) {
                return;
            }
            at = begins[used];
            end = ends[used++];
        }
#pragma GCC unroll 4
        for (int k = 0; k < lines; ++k) {
            __builtin_prefetch(at + k * line, 0, 2);
        }
        at += lines * line;
    }
};

} // namespace
