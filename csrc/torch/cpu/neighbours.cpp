#include <dlfcn.h>
#include <vesin.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include <ATen/ops/empty.h>

#include "../checks.h"
#include "../ops.h"

namespace tlmlp::cpu {

namespace {

/// vesin's C library, the copy that lies beside this one: loaded at the first call and by path, so that a host loads
/// one library, and another vesin in the process, of another version, is not mixed with ours.
struct Vesin {
    decltype(&vesin_neighbors) neighbors = nullptr;
    decltype(&vesin_free) free = nullptr;
    std::string problem;

    Vesin() {
        Dl_info info{};
        if (!dladdr(reinterpret_cast<void *>(&cpu::neighbour_list), &info) || !info.dli_fname) {
            problem = "cannot find the folder of libtlmlp_ops.so";
            return;
        }
        std::string path = info.dli_fname;
        const auto slash = path.rfind('/');
        path = (slash == std::string::npos ? std::string("./") : path.substr(0, slash + 1)) + "libvesin.so";
        void *handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
        if (!handle) {
            problem = std::string("cannot load vesin's library: ") + dlerror();
            return;
        }
        neighbors = reinterpret_cast<decltype(neighbors)>(dlsym(handle, "vesin_neighbors"));
        free = reinterpret_cast<decltype(free)>(dlsym(handle, "vesin_free"));
        if (!neighbors || !free) {
            problem = path + " lacks vesin_neighbors or vesin_free";
        }
    }
};

const Vesin &vesin() {
    static const Vesin library;
    TORCH_CHECK(library.problem.empty(), "neighbour_list: ", library.problem);
    return library;
}

struct List {
    const Vesin &library;
    VesinNeighborList list{};
    ~List() { library.free(&list); }
};

using Row = double[3];

void cross(const Row &a, const Row &b, Row &c) {
    c[0] = a[1] * b[2] - a[2] * b[1];
    c[1] = a[2] * b[0] - a[0] * b[2];
    c[2] = a[0] * b[1] - a[1] * b[0];
}

double length(const Row &a) { return std::sqrt(a[0] * a[0] + a[1] * a[1] + a[2] * a[2]); }

/// Directions without periodicity need no cell vector: replace theirs by unit vectors across the others.
void complete_cell(double cell[3][3], const bool *periodic) {
    bool settled[3] = {periodic[0], periodic[1], periodic[2]};
    for (int i = 0; i < 3; ++i) {
        if (settled[i]) {
            continue;
        }
        const int j = (i + 1) % 3, k = (i + 2) % 3;
        Row across{};
        if (settled[j] && settled[k]) {
            cross(cell[j], cell[k], across);
        } else if (settled[j] || settled[k]) {
            const Row &only = cell[settled[j] ? j : k];
            int axis = 0; // the Cartesian direction it has least of
            for (int a = 1; a < 3; ++a) {
                axis = std::abs(only[a]) < std::abs(only[axis]) ? a : axis;
            }
            Row unit{};
            unit[axis] = 1.0;
            cross(only, unit, across);
        } else {
            across[i] = 1.0;
        }
        const double norm = length(across);
        for (int a = 0; a < 3; ++a) {
            cell[i][a] = norm > 0 ? across[a] / norm : 0.0;
        }
        settled[i] = true;
    }
}

} // namespace

std::tuple<Tensor, Tensor> neighbour_list(const Tensor &positions_, const Tensor &cell_, const Tensor &pbc_,
                                          double cutoff) {
    check_float(positions_, "positions");
    check_shape(positions_, "positions", {-1, 3}, "(n_atoms, 3)");
    check_float(cell_, "cell");
    check_shape(cell_, "cell", {3, 3}, "(3, 3)");
    check_shape(pbc_, "pbc", {3}, "(3,)");
    TORCH_CHECK_TYPE(pbc_.scalar_type() == at::kBool, "`pbc` must be bool, got ", pbc_.scalar_type());
    TORCH_CHECK_VALUE(cutoff > 0 && std::isfinite(cutoff), "`cutoff` must be positive, got ", cutoff);
    const Tensor positions = positions_.detach().to(at::kDouble).contiguous();
    const Tensor cell_values = cell_.detach().to(at::kDouble).contiguous(), pbc = pbc_.contiguous();
    const std::int64_t n_atoms = positions.size(0);
    const double *points = positions.const_data_ptr<double>(), *rows = cell_values.const_data_ptr<double>();
    const bool *periodic = pbc.const_data_ptr<bool>();
    TORCH_CHECK_VALUE(std::all_of(points, points + 3 * n_atoms, [](double x) { return std::isfinite(x); }),
                      "`positions` holds a number that is not finite");
    double box[3][3];
    for (int i = 0; i < 9; ++i) {
        TORCH_CHECK_VALUE(std::isfinite(rows[i]), "`cell` holds a number that is not finite");
        box[i / 3][i % 3] = rows[i];
    }
    complete_cell(box, periodic);
    Row normal{};
    cross(box[1], box[2], normal);
    const double volume = std::abs(box[0][0] * normal[0] + box[0][1] * normal[1] + box[0][2] * normal[2]);
    TORCH_CHECK_VALUE(volume > 1e-9 * length(box[0]) * length(box[1]) * length(box[2]) && volume > 0,
                      "`cell` has no volume along its periodic directions");

    const auto options = at::TensorOptions().dtype(at::kLong);
    if (n_atoms == 0) {
        return {at::empty({2, 0}, options), at::empty({0, 3}, options)};
    }
    VesinOptions settings{};
    settings.cutoff = cutoff;
    settings.full = true;
    settings.return_shifts = true;
    // Newer releases of vesin have threads of their own; the setting exists there alone.
    [](auto &s) {
        if constexpr (requires { s.n_threads; }) {
            s.n_threads = 1;
        }
    }(settings);
    List result{vesin()};
    const char *message = nullptr;
    const int status = result.library.neighbors(reinterpret_cast<const double(*)[3]>(points), std::size_t(n_atoms), box,
                                         periodic, VesinDevice{VesinCPU, 0}, settings, &result.list, &message);
    TORCH_CHECK(status == 0, "neighbour_list: ", message ? message : "vesin failed");

    // vesin's pair (i, j) has the vector r_j - r_i + S.cell: i is the target, j the source. Sorted by target, source
    // and shift, so that the order does not depend on the algorithm inside.
    const auto &list = result.list;
    const auto n = std::int64_t(list.length);
    std::vector<std::int64_t> order(static_cast<std::size_t>(n));
    std::iota(order.begin(), order.end(), std::int64_t(0));
    std::sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
        if (list.pairs[a][0] != list.pairs[b][0]) {
            return list.pairs[a][0] < list.pairs[b][0];
        }
        if (list.pairs[a][1] != list.pairs[b][1]) {
            return list.pairs[a][1] < list.pairs[b][1];
        }
        return std::lexicographical_compare(list.shifts[a], list.shifts[a] + 3, list.shifts[b], list.shifts[b] + 3);
    });
    Tensor edge_index = at::empty({2, n}, options), shifts = at::empty({n, 3}, options);
    auto *index = edge_index.data_ptr<std::int64_t>(), *shift = shifts.data_ptr<std::int64_t>();
    for (std::int64_t e = 0; e < n; ++e) {
        index[e] = std::int64_t(list.pairs[order[e]][1]);
        index[n + e] = std::int64_t(list.pairs[order[e]][0]);
        for (int a = 0; a < 3; ++a) {
            shift[3 * e + a] = list.shifts[order[e]][a];
        }
    }
    return {edge_index, shifts};
}

} // namespace tlmlp::cpu
