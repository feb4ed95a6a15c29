// tlmlp._core.Replicas: many systems that move on one device.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <mutex>

#include "arguments.h"
#include "bind.h"
#include "cuda/device.h"
#include "cuda/install.h"
#include "cuda/replicas.h"
#include "one_at_a_time.h"

namespace py = pybind11;

namespace {

using tlmlp::cuda::Replicas;
using tlmlp::cuda::ReplicaSystems;

template <class T> using Array = py::array_t<T, py::array::c_style | py::array::forcecast>;

template <class T> std::vector<T> vector_of(const Array<T> &array, const char *name, py::ssize_t size) {
    if (array.size() != size) {
        throw tlmlp::Error(std::string("`") + name + "` must have " + std::to_string(size) + " numbers, got " +
                           std::to_string(array.size()));
    }
    return {array.data(), array.data() + array.size()};
}

py::array_t<double> array_of(const std::vector<double> &values, bool rows) {
    const auto n = static_cast<py::ssize_t>(values.size());
    py::array_t<double> out(rows ? std::vector<py::ssize_t>{n / 3, 3} : std::vector<py::ssize_t>{n});
    std::copy(values.begin(), values.end(), out.mutable_data());
    return out;
}

/// Replicas that several threads may call: one call at a time, without the interpreter's lock.
class SharedReplicas {
  public:
    explicit SharedReplicas(std::unique_ptr<Replicas> replicas) : replicas_(std::move(replicas)) {}

    template <class Call> auto with(Call &&call) {
        const py::gil_scoped_release release;
        const std::lock_guard<tlmlp::OneAtATime> lock(one_at_a_time_);
        return call(*replicas_);
    }

  private:
    std::unique_ptr<Replicas> replicas_;
    tlmlp::OneAtATime one_at_a_time_;
};

std::unique_ptr<SharedReplicas> make(const py::object &path, const std::vector<std::int64_t> &first_atoms,
                                     const Array<std::int32_t> &species, const Array<double> &positions,
                                     const Array<double> &velocities, const Array<double> &masses,
                                     const Array<double> &cells, const Array<std::int32_t> &periodic,
                                     const Array<double> &temperatures, const Array<std::uint64_t> &seeds,
                                     double time_step, double friction, const std::string &precision,
                                     const std::string &device) {
    if (first_atoms.empty() || first_atoms.front() != 0 || !std::is_sorted(first_atoms.begin(), first_atoms.end())) {
        throw tlmlp::Error("`first_atoms` must begin with 0 and not fall");
    }
    if (precision != "single" && precision != "double") {
        throw tlmlp::Error("precision must be 'single' or 'double', got '" + precision + "'");
    }
    const auto atoms = static_cast<py::ssize_t>(first_atoms.back());
    const auto systems = static_cast<py::ssize_t>(first_atoms.size()) - 1;
    tlmlp::EngineOptions options;
    options.precision = precision == "double" ? tlmlp::Precision::float64 : tlmlp::Precision::float32;
    options.device = device;
    const ReplicaSystems all{first_atoms,
                             vector_of(species, "species", atoms),
                             vector_of(positions, "positions", 3 * atoms),
                             vector_of(velocities, "velocities", 3 * atoms),
                             vector_of(masses, "masses", atoms),
                             vector_of(cells, "cells", 9 * systems),
                             vector_of(periodic, "periodic", 3 * systems),
                             vector_of(temperatures, "temperatures", systems),
                             vector_of(seeds, "seeds", systems)};
    const std::string file = tlmlp::path_argument(path, "path");
    py::gil_scoped_release release;
    return std::make_unique<SharedReplicas>(std::make_unique<Replicas>(file, options, all, time_step, friction));
}

py::list time_kernels(const std::string &path, const Array<std::int32_t> &species,
                      const Array<std::int64_t> &edge_index, const Array<double> &edge_vector,
                      const std::string &precision, const std::string &device, int repeats) {
    if (edge_index.ndim() != 2 || edge_index.shape(0) != 2 || edge_vector.size() != 3 * edge_index.shape(1)) {
        throw tlmlp::Error("`edge_index` must have shape (2, n) and `edge_vector` (n, 3)");
    }
    const py::ssize_t n = edge_index.shape(1);
    tlmlp::EdgeList edges;
    edges.n_atoms = species.size();
    edges.species = species.data();
    edges.n_edges = n;
    edges.source = edge_index.data();
    edges.target = edge_index.data() + n;
    edges.vector = edge_vector.data();
    tlmlp::EngineOptions options;
    options.precision = precision == "double" ? tlmlp::Precision::float64 : tlmlp::Precision::float32;
    options.device = device;
    py::list out;
    for (const auto &time : tlmlp::cuda::time_kernels(path, options, edges, repeats)) {
        out.append(py::make_tuple(time.name, time.pass, time.seconds));
    }
    return out;
}

} // namespace

void bind_devices(py::module_ &module) {
    module.def("built_with_cuda", &tlmlp::cuda::built_with_cuda, "Whether this build can use NVIDIA GPUs.");
    module.def("cuda_devices", &tlmlp::cuda::cuda_devices, "How many GPUs can be used now.");
    module.def("time_kernels", &time_kernels, py::arg("path"), py::arg("species"), py::arg("edge_index"),
               py::arg("edge_vector"), py::arg("precision") = "single", py::arg("device") = "cuda",
               py::arg("repeats") = 20,
               "Mean seconds of an evaluation of edges that are on the device ('all') and of each of its launches, as "
               "(name, pass, seconds).");
    py::class_<SharedReplicas>(module, "Replicas", "Dynamics of many systems on one device; see tlmlp.cuda.Replicas.")
        .def(py::init(&make), py::arg("path"), py::arg("first_atoms"), py::arg("species"), py::arg("positions"),
             py::arg("velocities"), py::arg("masses"), py::arg("cells"), py::arg("periodic"), py::arg("temperatures"),
             py::arg("seeds"), py::arg("time_step"), py::arg("friction"), py::arg("precision"), py::arg("device"))
        .def(
            "run",
            [](SharedReplicas &shared, std::int64_t steps) {
                shared.with([steps](Replicas &replicas) { replicas.run(steps); });
            },
            py::arg("steps"))
        .def("state",
             [](SharedReplicas &shared) {
                 const tlmlp::cuda::ReplicaState state =
                     shared.with([](Replicas &replicas) { return replicas.state(); });
                 py::dict out;
                 out["positions"] = array_of(state.positions, true);
                 out["velocities"] = array_of(state.velocities, true);
                 out["forces"] = array_of(state.forces, true);
                 out["energies"] = array_of(state.energies, false);
                 out["steps"] = state.steps;
                 return out;
             })
        .def_property_readonly("lost",
                               [](SharedReplicas &shared) {
                                   const std::vector<std::int64_t> lost =
                                       shared.with([](Replicas &replicas) { return replicas.lost(); });
                                   return py::array_t<std::int64_t>(static_cast<py::ssize_t>(lost.size()), lost.data());
                               })
        .def_property_readonly("edges", [](SharedReplicas &shared) {
            return shared.with([](Replicas &replicas) { return replicas.edges(); });
        });
}
