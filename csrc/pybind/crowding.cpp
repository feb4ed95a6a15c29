// The bound on neighbours, for code that searches them without the engine.
#include "crowding.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "arguments.h"
#include "bind.h"
#include "tlmlp/error.h"

namespace py = pybind11;

namespace {

void check_crowding(const py::object &positions, const py::object &cell, const py::object &inverse,
                    const py::object &pbc, double reach) {
    const auto places = tlmlp::real_argument(positions, "positions", {-1, 3});
    const auto rows = tlmlp::real_argument(cell, "cell", {3, 3}),
               columns = tlmlp::real_argument(inverse, "inverse", {3, 3});
    const auto flags = tlmlp::flag_argument(pbc, "pbc", {3});
    for (const auto *numbers : {&places, &rows, &columns}) {
        if (!std::all_of(numbers->begin(), numbers->end(), [](double x) { return std::isfinite(x); })) {
            throw tlmlp::Error("`positions`, `cell` and `inverse` must be finite");
        }
    }
    if (!(reach > 0.0 && std::isfinite(reach))) {
        throw tlmlp::Error("`reach` must be a positive length, got " + std::to_string(reach));
    }
    std::array<double, 9> vectors{}, dual{};
    std::copy(rows.begin(), rows.end(), vectors.begin());
    std::copy(columns.begin(), columns.end(), dual.begin());
    const std::array<bool, 3> periodic = {flags[0] != 0, flags[1] != 0, flags[2] != 0};
    py::gil_scoped_release without_lock;
    tlmlp::check_crowding(static_cast<std::int64_t>(places.size() / 3), places.data(), vectors, dual, periodic, reach,
                          true);
}

} // namespace

void bind_crowding(py::module_ &m) {
    m.def("check_crowding", &check_crowding, py::arg("positions"), py::arg("cell"), py::arg("inverse"), py::arg("pbc"),
          py::arg("reach"),
          "Refuse structures (n, 3) in which an atom has more than 10,000 neighbours within `reach`, or whose cell is "
          "so thin "
          "that finding them would take too long; open rows of `cell` are unit vectors across the others.");
}
