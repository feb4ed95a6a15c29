#pragma once

#include <cmath>
#include <cstdio>
#include <string>

/// What the engine's tests need of a test framework: count failures, print each, return them from main.
inline int failures = 0;

inline void expect(bool right, const std::string &what) {
    if (!right) {
        std::printf("FAILED %s\n", what.c_str());
        ++failures;
    }
}

inline void expect_close(double actual, double expected, double tolerance, const std::string &what) {
    if (!(std::abs(actual - expected) <= tolerance)) {
        std::printf("FAILED %s: got %.15g, expected %.15g, difference %.3g > %.3g\n", what.c_str(), actual, expected,
                    std::abs(actual - expected), tolerance);
        ++failures;
    }
}

/// The call must throw Exception with `words` in its message.
template <class Exception, class Call>
void expect_error(Call &&call, const std::string &words, const std::string &what) {
    try {
        call();
        expect(false, what + ": no error");
    } catch (const Exception &error) {
        expect(std::string(error.what()).find(words) != std::string::npos,
               what + ": the message is '" + error.what() + "', expected '" + words + "' in it");
    }
}

inline int report(const char *name) {
    std::printf("%s: %s\n", name, failures == 0 ? "ok" : "failed");
    return failures == 0 ? 0 : 1;
}
