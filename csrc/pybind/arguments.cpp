#include "arguments.h"

#include <limits>

#include "tlmlp/error.h"

namespace py = pybind11;

namespace tlmlp {

namespace {

using Shape = std::initializer_list<py::ssize_t>;

std::string shape_of(const py::array &array) {
    std::string text = "(";
    for (py::ssize_t k = 0; k < array.ndim(); ++k) {
        text += (k ? ", " : "") + std::to_string(array.shape(k));
    }
    return text + (array.ndim() == 1 ? ",)" : ")");
}

void check_shape(const py::array &array, const char *name, const Shape &expected) {
    bool right = array.ndim() == static_cast<py::ssize_t>(expected.size());
    std::string text;
    py::ssize_t k = 0;
    for (const py::ssize_t size : expected) {
        right = right && (size < 0 || array.shape(k) == size);
        text += (k++ ? ", " : "") + (size < 0 ? std::string("n") : std::to_string(size));
    }
    if (!right) {
        throw Error(std::string("`") + name + "` must have shape (" + text + "), got " + shape_of(array));
    }
}

/// The values as an array whose kind of number is among `kinds` (numpy's letters), or which is empty.
py::array checked(const py::object &values, const char *name, const Shape &expected, const char *kinds,
                  const char *wanted) {
    py::array array = py::array::ensure(values);
    if (!array) {
        PyErr_Clear();
        throw Error(std::string("`") + name + "` must be an array of " + wanted);
    }
    check_shape(array, name, expected);
    if (array.size() > 0 && std::string(kinds).find(array.dtype().kind()) == std::string::npos) {
        throw Error(std::string("`") + name + "` must be an array of " + wanted + ", got " +
                    std::string(py::str(array.dtype())));
    }
    return array;
}

template <class T> std::vector<T> copied(const py::array &array) {
    const auto typed = py::array_t<T, py::array::c_style | py::array::forcecast>::ensure(array);
    return {typed.data(), typed.data() + typed.size()};
}

template <class T> std::vector<T> integers(const py::object &values, const char *name, const Shape &expected) {
    const py::array array = checked(values, name, expected, "iu", "integers");
    if (array.size() == 0) {
        return {};
    }
    constexpr auto smallest = std::numeric_limits<T>::min(), largest = std::numeric_limits<T>::max();
    const auto refuse = [&](const std::string &value, std::size_t place) {
        throw Error(std::string("`") + name + "` must be integers of " + std::to_string(8 * sizeof(T)) + " bits, got " +
                    value + " at place " + std::to_string(place));
    };
    std::vector<T> out;
    out.reserve(static_cast<std::size_t>(array.size()));
    if (array.dtype().kind() == 'u' && array.itemsize() == 8) {
        for (const std::uint64_t value : copied<std::uint64_t>(array)) {
            if (value > static_cast<std::uint64_t>(largest)) {
                refuse(std::to_string(value), out.size());
            }
            out.push_back(static_cast<T>(value));
        }
        return out;
    }
    for (const std::int64_t value : copied<std::int64_t>(array)) {
        if (value < smallest || value > largest) {
            refuse(std::to_string(value), out.size());
        }
        out.push_back(static_cast<T>(value));
    }
    return out;
}

} // namespace

std::vector<std::int32_t> species_argument(const py::object &values, const char *name, Shape expected) {
    return integers<std::int32_t>(values, name, expected);
}

std::vector<std::int64_t> index_argument(const py::object &values, const char *name, Shape expected) {
    return integers<std::int64_t>(values, name, expected);
}

std::vector<double> real_argument(const py::object &values, const char *name, Shape expected) {
    return copied<double>(checked(values, name, expected, "fiu", "real numbers"));
}

std::string path_argument(const py::object &path, const char *name) {
    PyObject *bytes = nullptr;
    if (!PyUnicode_FSConverter(path.ptr(), &bytes)) { // which refuses a NUL too
        PyErr_Clear();
        throw Error(std::string("`") + name + "` must be the path of a file");
    }
    return py::reinterpret_steal<py::bytes>(bytes);
}

std::vector<unsigned char> flag_argument(const py::object &values, const char *name, Shape expected) {
    const auto numbers = copied<std::int64_t>(checked(values, name, expected, "biu", "True and False"));
    std::vector<unsigned char> out;
    for (const std::int64_t value : numbers) {
        if (value != 0 && value != 1) {
            throw Error(std::string("`") + name + "` must be True or False, got " + std::to_string(value));
        }
        out.push_back(static_cast<unsigned char>(value));
    }
    return out;
}

} // namespace tlmlp
