#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

namespace tlmlp {

/// Arrays of the caller as vectors of this module, so that another thread may change the caller's while the interpreter's lock
/// is given up. Nothing is converted that would lose something: integers must be integers and in range, real numbers
/// must not be complex. `expected` is the shape, -1 for any size; each throws Error with the name on what does not fit.
std::vector<std::int32_t> species_argument(const pybind11::object &values, const char *name,
                                           std::initializer_list<pybind11::ssize_t> expected);
std::vector<std::int64_t> index_argument(const pybind11::object &values, const char *name,
                                         std::initializer_list<pybind11::ssize_t> expected);
std::vector<double> real_argument(const pybind11::object &values, const char *name,
                                  std::initializer_list<pybind11::ssize_t> expected);
/// A str, bytes or os.PathLike as the bytes that name the file, whatever its encoding.
std::string path_argument(const pybind11::object &path, const char *name);
/// True and False, or 1 and 0.
std::vector<unsigned char> flag_argument(const pybind11::object &values, const char *name,
                                         std::initializer_list<pybind11::ssize_t> expected);

/// ValueError with the message, unless the condition holds.
inline void require(bool condition, const std::string &message) {
    if (!condition) {
        throw pybind11::value_error(message);
    }
}

} // namespace tlmlp
