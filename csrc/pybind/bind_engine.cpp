// tlmlp._core.Engine: the engine with numpy arrays in and out. Arguments are checked and copied, then the interpreter's
// lock is given up, then the engine's own is waited for: any number of threads may call one engine.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "arguments.h"
#include "bind.h"
#include "shared_engine.h"

namespace py = pybind11;

namespace {

using tlmlp::SharedEngine;

/// A numpy array (n / width, width), or (n,) for width 1, that takes over the numbers.
py::array_t<double> to_numpy(std::vector<double> &&values, py::ssize_t width) {
    auto *kept = new std::vector<double>(std::move(values));
    const py::capsule owner(kept, [](void *pointer) { delete static_cast<std::vector<double> *>(pointer); });
    const auto n = static_cast<py::ssize_t>(kept->size());
    const auto shape = width == 1 ? std::vector<py::ssize_t>{n} : std::vector<py::ssize_t>{n / width, width};
    return py::array_t<double>(shape, kept->data(), owner);
}

py::dict to_dict(tlmlp::OwnedResult &&result, const tlmlp::ComputeOptions &options,
                 const std::vector<std::string> &heads) {
    py::dict out;
    out["energy"] = result.energy;
    const auto atoms = static_cast<std::ptrdiff_t>(result.head_values.size() / heads.size());
    auto values = result.head_values.begin();
    for (const std::string &head : heads) {
        out[head.c_str()] = to_numpy({values, values + atoms}, 1);
        values += atoms;
    }
    if (options.forces) {
        out["forces"] = to_numpy(std::move(result.forces), 3);
        out["virial"] = to_numpy({result.virial.begin(), result.virial.end()}, 3);
    }
    if (options.closest_pair) {
        const tlmlp::Pair &pair = result.closest_pair;
        out["closest_pair"] = pair.first < 0 ? py::object(py::none())
                                             : py::object(py::make_tuple(pair.first, pair.second, pair.distance));
    }
    if (options.edge_gradients) {
        out["edge_gradients"] = to_numpy(std::move(result.edge_gradients), 3);
    }
    return out;
}

tlmlp::EngineOptions options_of(const std::string &precision, int threads, const std::string &level, double skin,
                                const std::string &device) {
    if (precision != "single" && precision != "double") {
        throw tlmlp::Error("precision must be 'single' or 'double', got '" + precision + "'");
    }
    return {precision == "double" ? tlmlp::Precision::float64 : tlmlp::Precision::float32, threads, level, skin,
            device};
}

/// `call` without the interpreter's lock, which must be given up before the engine's is waited for.
template <class Call> auto released(Call &&call) {
    const py::gil_scoped_release release;
    return call();
}

/// `call(engine)` between other threads' calls.
template <class Call> auto when_free(SharedEngine &shared, Call &&call) {
    return released([&] { return shared.with(call); });
}

/// Says once in a process made by fork that it computes with one thread.
void warn_of_fork(int threads) {
    static bool said = false;
    if (threads > 1 && !said && tlmlp::threads_lost_by_fork()) {
        said = true;
        if (PyErr_WarnEx(PyExc_RuntimeWarning,
                         "this process was forked from one that computed with several threads, which do not live on "
                         "here: the engine computes with one; start processes with the method spawn for more",
                         1) != 0) {
            throw py::error_already_set();
        }
    }
}

template <class Input>
py::dict compute(SharedEngine &engine, const Input &input, const tlmlp::ComputeOptions &options) {
    int threads = 1;
    tlmlp::OwnedResult result = released([&] { return engine.compute(input, options, &threads); });
    warn_of_fork(threads);
    return to_dict(std::move(result), options, engine.engine().model().heads);
}

py::dict compute_structure(SharedEngine &engine, const py::object &species, const py::object &positions,
                           const py::object &cell, const py::object &pbc, bool forces) {
    const auto kinds = tlmlp::species_argument(species, "species", {-1});
    const auto n_atoms = static_cast<py::ssize_t>(kinds.size());
    const auto places = tlmlp::real_argument(positions, "positions", {n_atoms, 3});
    const auto rows = tlmlp::real_argument(cell, "cell", {3, 3});
    const auto periodic = tlmlp::flag_argument(pbc, "pbc", {3});
    tlmlp::Structure structure{n_atoms, kinds.data(), places.data(), {}, {}};
    std::copy_n(rows.data(), 9, structure.cell.begin());
    std::copy_n(periodic.data(), 3, structure.pbc.begin());
    const tlmlp::ComputeOptions options{.forces = forces, .closest_pair = true};
    return compute(engine, structure, options);
}

py::dict compute_edges(SharedEngine &engine, const py::object &species, const py::object &edge_index,
                       const py::object &edge_vector, bool forces, bool edge_gradients) {
    const auto kinds = tlmlp::species_argument(species, "species", {-1});
    const auto ends = tlmlp::index_argument(edge_index, "edge_index", {2, -1});
    const auto n = static_cast<py::ssize_t>(ends.size() / 2);
    const auto vectors = tlmlp::real_argument(edge_vector, "edge_vector", {n, 3});
    const tlmlp::EdgeList edges{
        static_cast<std::int64_t>(kinds.size()), kinds.data(), n, ends.data(), ends.data() + n, vectors.data()};
    const tlmlp::ComputeOptions options{forces, forces && edge_gradients};
    return compute(engine, edges, options);
}

} // namespace

void bind_engine(py::module_ &module) {
    using tlmlp::Engine;
    module.def("simd_levels", &tlmlp::simd_levels, "Instruction levels that this machine can run, best first.");
    py::class_<SharedEngine>(
        module, "Engine",
        "Energy, forces and virial of an exported model, without torch; eV and Angstrom. `precision` is "
        "'single' or 'double', `level` an instruction level or '' for the best. With a `skin` (Angstrom) "
        "compute() keeps its neighbour list, cutoff + skin, while no pair can have come within the cutoff. "
        "`device` is 'cpu', 'cuda' or 'cuda:N' for a GPU; 'cuda-on-cpu' runs the GPU's kernels here.")
        .def(py::init([](const py::object &path, const std::string &precision, int threads, const std::string &level,
                         double skin, const std::string &device) {
                 return std::make_unique<SharedEngine>(
                     Engine(tlmlp::path_argument(path, "path"), options_of(precision, threads, level, skin, device)));
             }),
             py::arg("path"), py::arg("precision") = "single", py::arg("threads") = 1, py::arg("level") = "",
             py::arg("skin") = 0.0, py::arg("device") = "cpu")
        .def_static(
            "from_bytes",
            [](const py::bytes &model, const std::string &precision, int threads, const std::string &level, double skin,
               const std::string &device) {
                return std::make_unique<SharedEngine>(
                    Engine::from_bytes(std::string_view(model), options_of(precision, threads, level, skin, device)));
            },
            py::arg("model"), py::arg("precision") = "single", py::arg("threads") = 1, py::arg("level") = "",
            py::arg("skin") = 0.0, py::arg("device") = "cpu", "The same from the bytes of such a file.")
        .def("compute", &compute_structure, py::arg("species"), py::arg("positions"), py::arg("cell"), py::arg("pbc"),
             py::arg("forces") = true,
             "Dictionary with `energy`, `atomic_energies` (n,), `forces` (n, 3), `virial` (3, 3) of atoms with species "
             "numbers (n,) at positions (n, 3) in a cell (3, 3) with periodicity (3,); and `closest_pair`, two indices "
             "and "
             "their distance, or None.")
        .def("compute_edges", &compute_edges, py::arg("species"), py::arg("edge_index"), py::arg("edge_vector"),
             py::arg("forces") = true, py::arg("edge_gradients") = false,
             "The same from an edge list: edge_index (2, E) with sources in row 0 and targets in row 1, edge_vector "
             "(E, 3) = r_j - r_i + S cell; with `edge_gradients` also dE/dvector (E, 3).")
        .def(
            "self_check",
            [](SharedEngine &shared) {
                const Engine::SelfCheck check = when_free(shared, [](Engine &engine) { return engine.self_check(); });
                py::dict out;
                out["structures"] = check.structures;
                out["energy"] = check.energy;
                out["forces"] = check.forces;
                out["virial"] = check.virial;
                return out;
            },
            "Largest differences from the numbers stored in the model file: eV/atom, eV/Angstrom, eV.")
        .def(
            "species_of",
            [](const SharedEngine &shared, int atomic_number) { return shared.engine().species_of(atomic_number); },
            py::arg("atomic_number"))
        .def_property(
            "threads",
            [](SharedEngine &shared) {
                return tlmlp::threads_lost_by_fork()
                           ? 1
                           : when_free(shared, [](Engine &engine) { return engine.threads(); });
            },
            [](SharedEngine &shared, int threads) {
                when_free(shared, [threads](Engine &engine) { engine.set_threads(threads); });
            },
            "From 1 to 1024. Always 1 in a process forked from one that computed with several.")
        .def_property_readonly("level", [](const SharedEngine &shared) { return shared.engine().level(); })
        .def_property_readonly(
            "neighbour_builds",
            [](SharedEngine &shared) {
                return when_free(shared, [](Engine &engine) { return engine.neighbour_builds(); });
            },
            "How often compute() made its neighbour list.")
        .def_property_readonly(
            "memory",
            [](SharedEngine &shared) { return when_free(shared, [](Engine &engine) { return engine.memory(); }); },
            "Bytes of work space held now.")
        .def_property_readonly("precision",
                               [](const SharedEngine &shared) {
                                   return shared.engine().precision() == tlmlp::Precision::float64 ? "double"
                                                                                                   : "single";
                               })
        .def_property_readonly("species", [](const SharedEngine &shared) { return shared.engine().model().species; })
        .def_property_readonly("atomic_numbers",
                               [](const SharedEngine &shared) { return shared.engine().model().atomic_numbers; })
        .def_property_readonly("cutoff", [](const SharedEngine &shared) { return shared.engine().model().cutoff; })
        .def_property_readonly("min_distance",
                               [](const SharedEngine &shared) { return shared.engine().model().min_distance; })
        .def_property_readonly("dtype", [](const SharedEngine &shared) { return shared.engine().model().dtype; })
        .def_property_readonly("parameters",
                               [](const SharedEngine &shared) { return shared.engine().model().parameters; });
}
