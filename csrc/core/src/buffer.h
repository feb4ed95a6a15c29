#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace tlmlp::engine {

/// Memory for plain numbers that only grows: aligned to cache lines, zero when it is new, contents lost on growth.
template <class T> class Buffer {
  public:
    Buffer() = default;
    explicit Buffer(std::size_t n) { resize(n); }
    Buffer(Buffer &&other) noexcept : data_(other.data_), capacity_(other.capacity_) {
        other.data_ = nullptr;
        other.capacity_ = 0;
    }
    Buffer &operator=(Buffer &&other) noexcept {
        std::swap(data_, other.data_);
        std::swap(capacity_, other.capacity_);
        return *this;
    }
    ~Buffer() { std::free(data_); }

    T *resize(std::size_t n) {
        if (n > capacity_) {
            // A quarter more than asked for, so that a fluctuating number of edges soon stops to allocate.
            const std::size_t capacity = capacity_ ? n + n / 4 : n;
            const std::size_t wanted = capacity * sizeof(T);
            const std::size_t alignment = wanted >= huge_page ? huge_page : cache_line;
            const std::size_t bytes = (wanted + alignment - 1) / alignment * alignment;
            std::free(data_);
            data_ = nullptr;
            capacity_ = 0;
            data_ = static_cast<T *>(std::aligned_alloc(alignment, bytes));
            if (!data_) {
                throw std::bad_alloc();
            }
#if defined(__linux__)
            if (alignment == huge_page) {
                madvise(data_, bytes, MADV_HUGEPAGE); // a wish: arrays are read in strides longer than a small page
            }
#endif
            std::memset(data_, 0, bytes);
            capacity_ = capacity;
        }
        return data_;
    }
    T *data() const { return data_; }
    std::size_t bytes() const { return capacity_ * sizeof(T); }

  private:
    static constexpr std::size_t cache_line = 64, huge_page = std::size_t(2) << 20;
    T *data_ = nullptr;
    std::size_t capacity_ = 0;
};

} // namespace tlmlp::engine
