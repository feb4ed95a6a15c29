#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>

namespace tlmlp {

/// What is expensive to make and nobody uses now, up to `kept` entries of one type for the whole process.
template <class Entry, std::size_t kept> class Pool {
  public:
    using Owner = std::unique_ptr<Entry>;

    /// The entry last given back for which serves(entry), or null; those for which expired(entry) are freed.
    template <class Expired, class Serves> static Owner take(Expired &&expired, Serves &&serves) {
        const std::lock_guard<std::mutex> lock(mutex());
        std::erase_if(free(), [&](const Owner &entry) { return expired(*entry); });
        const auto found = std::find_if(free().begin(), free().end(), [&](const Owner &e) { return serves(*e); });
        if (found == free().end()) {
            return nullptr;
        }
        Owner entry = std::move(*found);
        free().erase(found);
        return entry;
    }

    static void give(Owner entry) {
        const std::lock_guard<std::mutex> lock(mutex());
        free().push_front(std::move(entry));
        if (free().size() > kept) {
            free().pop_back();
        }
    }

  private:
    // Never destroyed: an entry may come back while the process ends.
    static std::deque<Owner> &free() {
        static auto *const entries = new std::deque<Owner>;
        return *entries;
    }
    static std::mutex &mutex() {
        static auto *const lock = new std::mutex;
        return *lock;
    }
};

} // namespace tlmlp
