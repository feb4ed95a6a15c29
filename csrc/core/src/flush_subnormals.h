#pragma once

#include <cstdint>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace tlmlp::engine {

/// While it lives, its thread takes subnormal operands for zero and makes zero of subnormal results; then the state of
/// the host is back, status flags included. A subnormal operand costs an Intel processor about 150 cycles a vector, and
/// none is large enough to matter to a sum of energies. Where the processor has no such mode nothing is done.
class FlushSubnormals {
  public:
    FlushSubnormals() : host_(state()) { set(host_ | flush); }
    ~FlushSubnormals() { set(host_); }
    FlushSubnormals(const FlushSubnormals &) = delete;
    FlushSubnormals &operator=(const FlushSubnormals &) = delete;

    /// `call`, which is the host's code, under the host's own state; what it changes there stays.
    template <class Call> void for_host(Call &&call) {
        const State ours = state();
        set(host_);
        call();
        host_ = state();
        set(ours);
    }

#if defined(__x86_64__)
    using State = std::uint32_t; ///< MXCSR
    static State state() { return _mm_getcsr(); }
    static constexpr State flush = 0x8040; ///< flush-to-zero and denormals-are-zero

  private:
    static void set(State state) { _mm_setcsr(state); }
#elif defined(__aarch64__)
    using State = std::uint64_t; ///< FPCR
    static State state() {
        State state;
        asm volatile("mrs %0, fpcr" : "=r"(state));
        return state;
    }
    static constexpr State flush = State(1) << 24; ///< FZ

  private:
    static void set(State state) { asm volatile("msr fpcr, %0" : : "r"(state) : "memory"); }
#else
    using State = std::uint32_t;
    static State state() { return 0; }
    static constexpr State flush = 0;

  private:
    static void set(State) {}
#endif

    State host_;
};

} // namespace tlmlp::engine
