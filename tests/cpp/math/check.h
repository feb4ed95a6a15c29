#pragma once

#include <cmath>
#include <cstdio>

/// The few lines of test support that the math tests need: count failures, print each, return them from main.
inline int failures = 0;

inline void expect_close(double actual, double expected, double tolerance, const char *what) {
    if (!(std::abs(actual - expected) <= tolerance)) {
        std::printf("FAILED %s: got %.17g, expected %.17g, difference %.3g > %.3g\n", what, actual, expected,
                    std::abs(actual - expected), tolerance);
        ++failures;
    }
}

inline int report(const char *name) {
    std::printf("%s: %s\n", name, failures == 0 ? "ok" : "failed");
    return failures == 0 ? 0 : 1;
}
