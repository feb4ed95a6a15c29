// tlmlp._core.Engine: the engine with numpy arrays in and out. Arrays are converted to the right type and checked here;
// the interpreter's lock is released while the engine runs.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "tlmlp/engine.h"

namespace py = pybind11;

namespace {

template <class T> using Array = py::array_t<T, py::array::c_style | py::array::forcecast>;

std::string shape_of(const py::array &array) {
    std::string text = "(";
    for (py::ssize_t k = 0; k < array.ndim(); ++k) {
        text += (k ? ", " : "") + std::to_string(array.shape(k));
    }
    return text + (array.ndim() == 1 ? ",)" : ")");
}

/// Throws unless the array has this shape; -1 stands for any size.
void check_shape(const py::array &array, const char *name, std::initializer_list<py::ssize_t> expected) {
    bool right = array.ndim() == static_cast<py::ssize_t>(expected.size());
    std::string text;
    py::ssize_t k = 0;
    for (const py::ssize_t size : expected) {
        right = right && (size < 0 || array.shape(k) == size);
        text += (k++ ? ", " : "") + (size < 0 ? std::string("n") : std::to_string(size));
    }
    if (!right) {
        throw tlmlp::Error(std::string("`") + name + "` must have shape (" + text + "), got " + shape_of(array));
    }
}

py::array_t<double> to_numpy(std::span<const double> values, py::ssize_t width) {
    const auto n = static_cast<py::ssize_t>(values.size());
    py::array_t<double> out(width == 1 ? std::vector<py::ssize_t>{n} : std::vector<py::ssize_t>{n / width, width});
    std::copy(values.begin(), values.end(), out.mutable_data());
    return out;
}

py::dict to_dict(const tlmlp::Result &result, const tlmlp::ComputeOptions &options) {
    py::dict out;
    out["energy"] = result.energy;
    out["atomic_energies"] = to_numpy(result.atomic_energies, 1);
    if (options.forces) {
        out["forces"] = to_numpy(result.forces, 3);
        out["virial"] = to_numpy(result.virial, 3);
    }
    if (options.edge_gradients) {
        out["edge_gradients"] = to_numpy(result.edge_gradients, 3);
    }
    return out;
}

tlmlp::EngineOptions options_of(const std::string &precision, int threads, const std::string &level, double skin,
                                const std::string &device) {
    if (precision != "single" && precision != "double") {
        throw tlmlp::Error("precision must be 'single' or 'double', got '" + precision + "'");
    }
    return {precision == "double" ? tlmlp::Precision::float64 : tlmlp::Precision::float32, threads, level, skin, device};
}

py::dict compute(tlmlp::Engine &engine, const Array<std::int32_t> &species, const Array<double> &positions,
                 const Array<double> &cell, const Array<bool> &pbc, bool forces) {
    check_shape(species, "species", {-1});
    check_shape(positions, "positions", {species.shape(0), 3});
    check_shape(cell, "cell", {3, 3});
    check_shape(pbc, "pbc", {3});
    tlmlp::Structure structure{species.shape(0), species.data(), positions.data(), {}, {}};
    std::copy_n(cell.data(), 9, structure.cell.begin());
    std::copy_n(pbc.data(), 3, structure.pbc.begin());
    const tlmlp::ComputeOptions options{forces, false};
    tlmlp::Result result;
    {
        py::gil_scoped_release release;
        result = engine.energy_forces_virial(structure, options);
    }
    return to_dict(result, options);
}

py::dict compute_edges(tlmlp::Engine &engine, const Array<std::int32_t> &species, const Array<std::int64_t> &edge_index,
                       const Array<double> &edge_vector, bool forces, bool edge_gradients) {
    check_shape(species, "species", {-1});
    check_shape(edge_index, "edge_index", {2, -1});
    const py::ssize_t n = edge_index.shape(1);
    check_shape(edge_vector, "edge_vector", {n, 3});
    const tlmlp::EdgeList edges{species.shape(0), species.data(),        n, edge_index.data(),
                                edge_index.data() + n, edge_vector.data()};
    const tlmlp::ComputeOptions options{forces, forces && edge_gradients};
    tlmlp::Result result;
    {
        py::gil_scoped_release release;
        result = engine.energy_forces_virial(edges, options);
    }
    return to_dict(result, options);
}

} // namespace

void bind_engine(py::module_ &module) {
    using tlmlp::Engine;
    module.def("simd_levels", &tlmlp::simd_levels, "Instruction levels that this machine can run, best first.");
    py::class_<Engine>(module, "Engine",
                       "Energy, forces and virial of an exported model, without torch; eV and Angstrom. `precision` is "
                       "'single' or 'double', `level` an instruction level or '' for the best. With a `skin` (Angstrom) "
                       "compute() keeps its neighbour list, cutoff + skin, while no pair can have come within the cutoff. "
                       "`device` is 'cpu', 'cuda' or 'cuda:N' for a GPU; 'cuda-on-cpu' runs the GPU's kernels here.")
        .def(py::init([](const std::string &path, const std::string &precision, int threads, const std::string &level,
                         double skin, const std::string &device) {
                 return Engine(path, options_of(precision, threads, level, skin, device));
             }),
             py::arg("path"), py::arg("precision") = "single", py::arg("threads") = 1, py::arg("level") = "",
             py::arg("skin") = 0.0, py::arg("device") = "cpu")
        .def_static("from_bytes",
                    [](const py::bytes &model, const std::string &precision, int threads, const std::string &level,
                       double skin, const std::string &device) {
                        return Engine::from_bytes(std::string_view(model),
                                                  options_of(precision, threads, level, skin, device));
                    },
                    py::arg("model"), py::arg("precision") = "single", py::arg("threads") = 1, py::arg("level") = "",
                    py::arg("skin") = 0.0, py::arg("device") = "cpu", "The same from the bytes of such a file.")
        .def("compute", &compute, py::arg("species"), py::arg("positions"), py::arg("cell"), py::arg("pbc"),
             py::arg("forces") = true,
             "Dictionary with `energy`, `atomic_energies` (n,), `forces` (n, 3), `virial` (3, 3) of atoms with species "
             "numbers (n,) at positions (n, 3) in a cell (3, 3) with periodicity (3,).")
        .def("compute_edges", &compute_edges, py::arg("species"), py::arg("edge_index"), py::arg("edge_vector"),
             py::arg("forces") = true, py::arg("edge_gradients") = false,
             "The same from an edge list: edge_index (2, E) with sources in row 0 and targets in row 1, edge_vector "
             "(E, 3) = r_j - r_i + S cell; with `edge_gradients` also dE/dvector (E, 3).")
        .def("self_check",
             [](Engine &engine) {
                 const Engine::SelfCheck check = engine.self_check();
                 py::dict out;
                 out["structures"] = check.structures;
                 out["energy"] = check.energy;
                 out["forces"] = check.forces;
                 out["virial"] = check.virial;
                 return out;
             },
             "Largest differences from the numbers stored in the model file: eV/atom, eV/Angstrom, eV.")
        .def("species_of", &Engine::species_of, py::arg("atomic_number"))
        .def_property("threads", &Engine::threads, &Engine::set_threads)
        .def_property_readonly("level", &Engine::level)
        .def_property_readonly("neighbour_builds", &Engine::neighbour_builds,
                               "How often compute() made its neighbour list.")
        .def_property_readonly("memory", &Engine::memory, "Bytes of work space held now.")
        .def_property_readonly("precision",
                               [](const Engine &engine) {
                                   return engine.precision() == tlmlp::Precision::float64 ? "double" : "single";
                               })
        .def_property_readonly("species", [](const Engine &engine) { return engine.model().species; })
        .def_property_readonly("atomic_numbers", [](const Engine &engine) { return engine.model().atomic_numbers; })
        .def_property_readonly("cutoff", [](const Engine &engine) { return engine.model().cutoff; })
        .def_property_readonly("min_distance", [](const Engine &engine) { return engine.model().min_distance; })
        .def_property_readonly("dtype", [](const Engine &engine) { return engine.model().dtype; })
        .def_property_readonly("parameters", [](const Engine &engine) { return engine.model().parameters; });
}
