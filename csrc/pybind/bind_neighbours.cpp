// tlmlp._core.NeighbourList: the kept neighbour list, for code that evaluates edges by other means than the engine.
#include "neighbours.h"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <string>

#include <pybind11/numpy.h>

#include "arguments.h"
#include "bind.h"
#include "one_at_a_time.h"
#include "tlmlp/error.h"

namespace py = pybind11;

namespace {

class NeighbourList {
  public:
    NeighbourList(double cutoff, double skin) : cutoff_(cutoff), skin_(skin) {
        if (!(cutoff > 0.0 && std::isfinite(cutoff))) {
            throw tlmlp::Error("`cutoff` must be a positive length in Angstrom, got " + std::to_string(cutoff));
        }
        if (!(skin >= 0.0 && std::isfinite(skin))) {
            throw tlmlp::Error("`skin` must be a length in Angstrom, 0 or more, got " + std::to_string(skin));
        }
    }

    py::tuple find(const py::object &positions, const py::object &cell, const py::object &pbc) {
        const auto places = tlmlp::real_argument(positions, "positions", {-1, 3});
        const auto rows = tlmlp::real_argument(cell, "cell", {3, 3});
        const auto periodic = tlmlp::flag_argument(pbc, "pbc", {3});
        for (const auto *numbers : {&places, &rows}) {
            if (!std::all_of(numbers->begin(), numbers->end(), [](double x) { return std::isfinite(x); })) {
                throw tlmlp::Error("`positions` and `cell` must be finite, got NaN or infinity");
            }
        }
        tlmlp::Structure structure{static_cast<std::int64_t>(places.size() / 3), nullptr, places.data(), {}, {}};
        std::copy_n(rows.data(), 9, structure.cell.begin());
        std::copy_n(periodic.data(), 3, structure.pbc.begin());
        tlmlp::PairList pairs;
        std::vector<double> vectors;
        {
            const py::gil_scoped_release without_lock;
            const std::lock_guard<tlmlp::OneAtATime> alone(lock_);
            ++searches_;
            finder_.find_exact(structure, cutoff_, skin_, pairs, vectors);
        }
        const auto n = static_cast<py::ssize_t>(pairs.source.size());
        py::array_t<std::int64_t> index({py::ssize_t(2), n}), shifts({n, py::ssize_t(3)});
        std::copy(pairs.source.begin(), pairs.source.end(), index.mutable_data());
        std::copy(pairs.target.begin(), pairs.target.end(), index.mutable_data() + n);
        std::copy(pairs.shift.begin(), pairs.shift.end(), shifts.mutable_data());
        return py::make_tuple(index, py::array_t<double>({n, py::ssize_t(3)}, vectors.data()), shifts);
    }

    std::int64_t builds() const { return finder_.builds(); }
    std::int64_t reuses() const { return searches_ - finder_.builds(); }

  private:
    double cutoff_, skin_;
    std::int64_t searches_ = 0;
    tlmlp::NeighbourFinder finder_{true};
    tlmlp::OneAtATime lock_;
};

} // namespace

void bind_neighbours(py::module_ &m) {
    py::class_<NeighbourList>(
        m, "NeighbourList",
        "All pairs below `cutoff` (Angstrom). The list is made for cutoff + skin and kept while no pair can have come "
        "within the cutoff; what find() returns does not depend on it, to the last bit.")
        .def(py::init<double, double>(), py::arg("cutoff"), py::arg("skin") = 0.0)
        .def("find", &NeighbourList::find, py::arg("positions"), py::arg("cell"), py::arg("pbc"),
             "Of positions (n, 3) in a cell (3, 3) with periodicity (3,): edge_index (2, E) with sources in row 0 and "
             "targets in row 1, vectors (E, 3) = r_j - r_i + S cell, and S (E, 3), in the order of target, source, S.")
        .def_property_readonly("builds", &NeighbourList::builds, "How often a list was searched for.")
        .def_property_readonly("reuses", &NeighbourList::reuses, "How often the one at hand served.");
}
