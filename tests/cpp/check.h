#pragma once

// What the tests add to doctest: comparisons of numbers whose failures show both with all their digits. What follows
// the numbers is text for the message, put together only on a failure.
//
//     CHECK_CLOSE(actual, expected, tolerance, "energy of atom ", i);    |actual - expected| <= tolerance
//     CHECK_SAME(actual, expected, "forces, ", level);                   the same bits; numbers or arrays of them
//     CHECK_ERROR(call, "words", Exception);                             `call` throws it with `words` in its message

#include <cmath>
#include <cstddef>
#include <cstdio>
#include <iterator>
#include <string>
#include <type_traits>

#include "doctest.h"

namespace checks {

/// What a comparison of two numbers found.
struct Finding {
    bool right = true;
    double actual = 0.0, expected = 0.0, tolerance = 0.0;
    std::string where;

    std::string text() const {
        char line[160];
        std::snprintf(line, sizeof line, "got %.17g, expected %.17g, difference %.3g > %.3g", actual, expected,
                      std::abs(actual - expected), tolerance);
        return where + line;
    }
};

inline Finding close(double actual, double expected, double tolerance) {
    return {std::abs(actual - expected) <= tolerance, actual, expected, tolerance, {}};
}

template <class A, class B> Finding same(const A &actual, const B &expected) {
    if constexpr (std::is_arithmetic_v<A>) {
        return close(actual, expected, 0.0);
    } else {
        const auto n = std::size(actual), wanted = std::size(expected);
        for (std::size_t k = 0; n == wanted && k < n; ++k) {
            if (!(actual[k] == expected[k])) {
                return {false, double(actual[k]), double(expected[k]), 0.0, "value " + std::to_string(k) + ": "};
            }
        }
        return {n == wanted, double(n), double(wanted), 0.0, "number of values: "};
    }
}

} // namespace checks

#define CHECK_FINDING(finding, ...)                                                                                    \
    do {                                                                                                               \
        const ::checks::Finding found = finding;                                                                       \
        CHECK_MESSAGE(found.right, found.text(), "; ", __VA_ARGS__);                                                   \
    } while (false)
#define CHECK_CLOSE(actual, expected, tolerance, ...)                                                                  \
    CHECK_FINDING(::checks::close(actual, expected, tolerance), #actual ", ", __VA_ARGS__)
#define CHECK_SAME(actual, expected, ...) CHECK_FINDING(::checks::same(actual, expected), #actual ", ", __VA_ARGS__)
#define CHECK_ERROR(call, words, ...) CHECK_THROWS_WITH_AS((void)(call), doctest::Contains(words), __VA_ARGS__)
