// What tlmlp/network.h says of a network, for Python: no file there lists sizes, parameters or their products again.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <map>

#include "bind.h"
#include "tlmlp/error.h"
#include "tlmlp/math/activation.h"
#include "tlmlp/network.h"

namespace py = pybind11;
namespace network = tlmlp::network;

namespace {

/// From a dictionary with the sizes among its keys; those that are not there have their defaults.
network::Sizes sizes_of(const py::dict &from) {
    network::Sizes sizes;
    for (const network::Size &size : network::whole_sizes) {
        if (!from.contains(size.name)) {
            continue;
        }
        const auto value = py::cast<std::int64_t>(from[size.name]);
        if (value < size.low || value > size.high) {
            throw tlmlp::Error(std::string("`") + size.name + "` must be from " + std::to_string(size.low) + " to " +
                               std::to_string(size.high) + ", got " + std::to_string(value));
        }
        sizes.*size.value = static_cast<int>(value);
    }
    return sizes;
}

py::list whole_sizes() {
    const network::Sizes defaults;
    py::list out;
    for (const network::Size &size : network::whole_sizes) {
        out.append(py::make_tuple(size.name, size.low, size.high, defaults.*size.value, size.meaning));
    }
    return out;
}

py::list parameters(const py::dict &sizes) {
    py::list out;
    network::visit_parameters(sizes_of(sizes), [&](const network::Parameter &p) {
        const py::tuple shape =
            p.vector ? py::tuple(py::make_tuple(p.columns)) : py::tuple(py::make_tuple(p.rows, p.columns));
        out.append(py::make_tuple(p.name, shape, network::name_of(p.role)));
    });
    return out;
}

py::object factor(const network::Factor &from) {
    if (from.name.empty()) {
        return py::none();
    }
    return py::make_tuple(from.name, from.begin, from.count, from.transposed);
}

py::list matrices(const py::dict &sizes) {
    py::list out;
    network::visit_matrices(sizes_of(sizes), [&](const network::Matrix &m) {
        const py::object bias = m.bias.empty() ? py::object(py::none()) : py::object(py::str(m.bias));
        out.append(py::make_tuple(factor(m.left), factor(m.right), bias));
    });
    return out;
}

} // namespace

void bind_network(py::module_ &module) {
    module.def(
        "network_formulas",
        [] {
            return std::map<std::string, std::string>{{"activation", tlmlp::math::activation_name},
                                                      {"envelope", network::envelope_name}};
        },
        "Names of the formulas, as model files state them.");
    module.def(
        "network_bounds",
        [] {
            return std::map<std::string, double>{{"cutoff", network::max_cutoff},
                                                 {"frequency", network::max_frequency}};
        },
        "Largest cutoff, Angstrom, exclusive, and largest frequency.");
    module.def("network_sizes", &whole_sizes, "Tuples (name, smallest, largest, default, meaning).");
    module.def("network_parameters", &parameters, py::arg("sizes"),
               "Tuples (name, shape, role) for a dictionary of sizes.");
    module.def("network_matrices", &matrices, py::arg("sizes"),
               "Tuples (left, right, bias) of the matrices that evaluators take, in their order: factors (name, first "
               "column, number of columns or 0 for all, transposed) or None, and a name or None.");
}
