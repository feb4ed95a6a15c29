#pragma once

// Who runs a kernel. A kernel is a function template over its Block. A Block says which block it is and how many
// there are, and has shared memory. `for_each(n, f)` spreads n independent items over the threads, and after `sync()`
// all threads see what any wrote. On a device a Block is a CUDA thread block; on a CPU it is one thread (for_each is
// a loop) or, to check that no barrier is missing, several threads with a real barrier.

#include <cmath>

#include "tlmlp/math/activation.h"

namespace tlmlp::cuda {

struct HostBlock {
    int index = 0, count = 1; ///< this block, number of blocks
    void *shared = nullptr;
    int thread = 0, threads = 1;
    void (*wait)(void *) = nullptr; ///< barrier of `threads` threads; null with one
    void *barrier = nullptr;

    template <class F> void for_each(int n, F &&f) const {
        for (int i = thread; i < n; i += threads) {
            f(i);
        }
    }
    void sync() const {
        if (wait) {
            wait(barrier);
        }
    }
};

#if defined(__CUDACC__)
struct DeviceBlock {
    int index, count;
    void *shared;

    // Host and device, since a kernel is; only the device part is ever run.
    template <class F> TLMLP_HD void for_each(int n, F &&f) const {
#if defined(__CUDA_ARCH__)
        for (int i = int(threadIdx.x); i < n; i += int(blockDim.x)) {
            f(i);
        }
#endif
    }
    TLMLP_HD void sync() const {
#if defined(__CUDA_ARCH__)
        __syncthreads();
#endif
    }
};
#endif

/// Four neighbouring numbers, moved as one or two 16-byte words on a device.
template <class T> struct alignas(16) Four {
    T v[4];
};

template <class T> TLMLP_HD inline Four<T> load4(const T *from) {
#if defined(__CUDA_ARCH__)
    return *reinterpret_cast<const Four<T> *>(from);
#else
    return {{from[0], from[1], from[2], from[3]}};
#endif
}

template <class T> TLMLP_HD inline void store4(T *to, const Four<T> &four) {
#if defined(__CUDA_ARCH__)
    *reinterpret_cast<Four<T> *>(to) = four;
#else
    for (int k = 0; k < 4; ++k) {
        to[k] = four.v[k];
    }
#endif
}

/// What the activation (tlmlp/math/activation.h) is made of here.
template <class T> struct Arithmetic {
    TLMLP_HD static T one() { return T(1); }
    TLMLP_HD static T exp_minus(T x) {
#if defined(__CUDA_ARCH__)
        return exp(-x); // for float that of single precision
#else
        return std::exp(-x);
#endif
    }
    TLMLP_HD static T reciprocal(T y) {
#if defined(__CUDA_ARCH__)
        if constexpr (sizeof(T) == 4) {
            return __fdividef(T(1), y); // 2 units in the last place; 0 where y is beyond 2^126
        }
#endif
        return T(1) / y;
    }
};

template <class T> TLMLP_HD inline T act(T x) { return math::activation(x, Arithmetic<T>()); }
template <class T> TLMLP_HD inline math::ActivationSlope<T> act_slope(T x) {
    return math::activation_slope(x, Arithmetic<T>());
}

} // namespace tlmlp::cuda
