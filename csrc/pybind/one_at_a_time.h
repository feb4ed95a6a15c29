#pragma once

#include <atomic>
#include <unistd.h>

#include "tlmlp/error.h"

namespace tlmlp {

/// A lock for an object that serves one thread at a time: the word holds the process id of whoever is inside, or 0.
/// A mutex that another thread held when the process forked stays locked in the child for ever, and what it guards is
/// half done there; this lock knows the case by the process id and refuses it.
class OneAtATime {
  public:
    /// Waits until nobody is inside.
    void lock() {
        const int self = static_cast<int>(getpid());
        for (int inside = 0; !word_.compare_exchange_weak(inside, self, std::memory_order_acquire); inside = 0) {
            if (inside != 0 && inside != self) {
                throw Error(
                    "this object was computing in another thread when the process forked, and is half done here: "
                    "make a new one in this process, or start processes with the method spawn");
            }
            if (inside == self) {
                word_.wait(self, std::memory_order_relaxed);
            }
        }
    }

    void unlock() {
        word_.store(0, std::memory_order_release);
        word_.notify_one();
    }

  private:
    std::atomic<int> word_{0};
};

} // namespace tlmlp
