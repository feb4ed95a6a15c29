// The multiply-add peak of the machine: independent fused multiply-adds on registers, the yardstick of the benchmarks.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include <pybind11/pybind11.h>

#include "bind.h"
#include "tlmlp/engine.h"
#include "tlmlp/error.h"

namespace py = pybind11;

namespace {

constexpr int chains = 12; // more than latency times throughput of two units, fewer than the registers of AVX2
constexpr std::int64_t turns = 1 << 18;

// One loop per instruction level: `turns` times `chains` multiply-adds on vectors of `BYTES`; returns the number of
// floating-point operations. The results go through an asm statement so that the loop cannot be left out.
#define TLMLP_PEAK_LOOP(NAME, BYTES, ...)                                                                              \
    template <class T> __VA_ARGS__ double NAME() {                                                                     \
        typedef T Vector __attribute__((vector_size(BYTES)));                                                          \
        Vector sum[chains];                                                                                            \
        Vector factor = Vector{} + T(0.5), term = Vector{} + T(0.25);                                                  \
        asm volatile("" : "+m"(factor), "+m"(term));                                                                   \
        for (int k = 0; k < chains; ++k) {                                                                             \
            sum[k] = Vector{} + T(k);                                                                                  \
        }                                                                                                              \
        for (std::int64_t turn = 0; turn < turns; ++turn) {                                                            \
            _Pragma("GCC unroll 12") for (int k = 0; k < chains; ++k) { sum[k] = sum[k] * factor + term; }             \
        }                                                                                                              \
        asm volatile("" : : "m"(sum) : "memory");                                                                      \
        return 2.0 * turns * chains * (BYTES / sizeof(T));                                                             \
    }

TLMLP_PEAK_LOOP(peak_portable, 16)
#if defined(__x86_64__)
TLMLP_PEAK_LOOP(peak_avx2, 32, __attribute__((target("avx2,fma"))))
TLMLP_PEAK_LOOP(peak_avx512, 64, __attribute__((target("avx512f,fma"))))
#endif

template <class T> double (*best_loop())() {
#if defined(__x86_64__)
    const std::string level = tlmlp::simd_levels().front();
    if (level == "avx512") {
        return peak_avx512<T>;
    }
    if (level == "avx2") {
        return peak_avx2<T>;
    }
#endif
    return peak_portable<T>;
}

/// Largest rate of one thread in `seconds`: the loops that another process did not disturb.
double best_rate(double (*loop)(), double seconds) {
    using Clock = std::chrono::steady_clock;
    double best = 0.0;
    const auto start = Clock::now();
    auto now = start;
    do {
        const auto before = now;
        const double operations = loop();
        now = Clock::now();
        best = std::max(best, operations / std::chrono::duration<double>(now - before).count());
    } while (std::chrono::duration<double>(now - start).count() < seconds);
    return best;
}

double multiply_add_peak(const std::string &precision, int threads, double seconds) {
    if (precision != "single" && precision != "double") {
        throw tlmlp::Error("precision must be 'single' or 'double', got '" + precision + "'");
    }
    if (threads < 1) {
        throw tlmlp::Error("threads must be at least 1, got " + std::to_string(threads));
    }
    double (*loop)() = precision == "double" ? best_loop<double>() : best_loop<float>();
    std::vector<double> rates(threads);
    std::vector<std::thread> workers;
    for (double &rate : rates) {
        workers.emplace_back([&rate, loop, seconds] { rate = best_rate(loop, seconds); });
    }
    double sum = 0.0;
    for (int k = 0; k < threads; ++k) {
        workers[k].join();
        sum += rates[k];
    }
    return sum * 1e-9;
}

} // namespace

void bind_peak(py::module_ &module) {
    module.def("multiply_add_peak", &multiply_add_peak, py::arg("precision") = "single", py::arg("threads") = 1,
               py::arg("seconds") = 0.3, py::call_guard<py::gil_scoped_release>(),
               "GFLOP/s that this machine reaches with fused multiply-adds on registers (two operations each), summed "
               "over the threads.");
}
