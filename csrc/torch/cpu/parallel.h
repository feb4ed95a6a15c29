#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cstdint>

namespace tlmlp::cpu {

/// Work split into chunks whose bounds depend on the size alone, never on the number of threads, so that sums over
/// chunks, added in order, give the same bits on one thread and on many.
struct Chunks {
    std::int64_t total, step, count;

    Chunks(std::int64_t n, std::int64_t smallest, std::int64_t multiple = 1) : total(n) {
        const std::int64_t share = (n + 63) / 64;
        step = std::max(smallest, (share + multiple - 1) / multiple * multiple);
        count = (n + step - 1) / step;
    }

    std::int64_t first(std::int64_t chunk) const { return chunk * step; }
    std::int64_t last(std::int64_t chunk) const { return std::min(total, (chunk + 1) * step); }
};

/// Chunks of rows of a dense layer, in whole tiles of 48 rows (kernels/dense.h).
inline Chunks row_chunks(const at::Tensor &x) { return Chunks(x.size(0), 480, 48); }

/// body(chunk, first, last) for every chunk, in parallel.
template <class Body> void over_chunks(const Chunks &chunks, Body &&body) {
    at::parallel_for(0, chunks.count, 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t chunk = begin; chunk < end; ++chunk) {
            body(chunk, chunks.first(chunk), chunks.last(chunk));
        }
    });
}

/// body(scratch, chunk, first, last): as above with `scratch_size` numbers of scratch per thread.
template <class T, class Body>
void over_chunks(const Chunks &chunks, std::int64_t scratch_size, const at::TensorOptions &options, Body &&body) {
    at::parallel_for(0, chunks.count, 1, [&](std::int64_t begin, std::int64_t end) {
        const at::Tensor scratch = at::empty({scratch_size}, options);
        for (std::int64_t chunk = begin; chunk < end; ++chunk) {
            body(scratch.data_ptr<T>(), chunk, chunks.first(chunk), chunks.last(chunk));
        }
    });
}

template <class T> const T *pointer(const at::Tensor &t) {
    return t.defined() && t.numel() > 0 ? t.const_data_ptr<T>() : nullptr;
}

/// Where to write a result; null if it is not wanted.
template <class T> T *target(at::Tensor &t) { return t.numel() > 0 ? t.data_ptr<T>() : nullptr; }

/// Contiguous tensor of an optional argument, undefined if absent.
inline at::Tensor contiguous(const std::optional<at::Tensor> &t) {
    return t.has_value() && t->defined() ? t->contiguous() : at::Tensor();
}

/// A result of the given sizes if wanted, else an empty placeholder.
inline at::Tensor result(bool wanted, at::IntArrayRef sizes, const at::TensorOptions &options) {
    return wanted ? at::empty(sizes, options) : at::empty({0}, options);
}

/// Partial sums, one row per chunk, and their sum in chunk order.
inline at::Tensor partial_sums(bool wanted, const Chunks &chunks, std::int64_t size,
                               const at::TensorOptions &options) {
    return wanted ? at::zeros({chunks.count, size}, options) : at::empty({0}, options);
}

template <class T> at::Tensor add_up(const at::Tensor &partial, at::IntArrayRef sizes) {
    if (partial.dim() == 1) {
        return partial;
    }
    at::Tensor sum = at::zeros(sizes, partial.options());
    T *to = sum.data_ptr<T>();
    const T *from = partial.const_data_ptr<T>();
    const std::int64_t n = partial.size(1);
    for (std::int64_t chunk = 0; chunk < partial.size(0); ++chunk) {
        for (std::int64_t i = 0; i < n; ++i) {
            to[i] += from[chunk * n + i];
        }
    }
    return sum;
}

} // namespace tlmlp::cpu
