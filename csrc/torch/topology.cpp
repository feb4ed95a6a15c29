#include <algorithm>

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include "checks.h"
#include "operators.h"

namespace tlmlp {

/// Groups the edges by target (counting sort, stable) and finds each edge's opposite. That is the edge i -> j whose
/// vector is minus this one's within 1e-3 of its length. Images differ by a lattice vector, the two vectors of one
/// pair by rounding alone. Integers, no gradient; made on the CPU, once for a structure.
std::tuple<Tensor, Tensor, Tensor> topology(const Tensor &edge_index_, const Tensor &edge_vector_,
                                            std::int64_t n_atoms) {
    check_index(edge_index_, "edge_index");
    check_shape(edge_index_, "edge_index", {2, -1}, "(2, n_edges)");
    check_float(edge_vector_, "edge_vector");
    check_shape(edge_vector_, "edge_vector", {edge_index_.size(1), 3}, "(n_edges, 3) with the edges of edge_index");
    TORCH_CHECK_VALUE(n_atoms >= 0, "`n_atoms` must not be negative, got ", n_atoms);

    const Tensor edge_index = edge_index_.cpu().contiguous();
    const Tensor vectors = edge_vector_.detach().to(at::kCPU, at::kDouble).contiguous();
    const std::int64_t n = edge_index.size(1);
    const std::int64_t *source = edge_index.const_data_ptr<std::int64_t>(), *target = source + n;
    const double *v = vectors.const_data_ptr<double>();
    Tensor offsets = at::zeros({n_atoms + 1}, edge_index.options());
    Tensor edges = at::empty({n}, edge_index.options()), reverse = at::empty({n}, edge_index.options());
    std::int64_t *bound = offsets.data_ptr<std::int64_t>(), *order = edges.data_ptr<std::int64_t>();
    std::int64_t *back = reverse.data_ptr<std::int64_t>();

    for (std::int64_t e = 0; e < n; ++e) {
        TORCH_CHECK_INDEX(source[e] >= 0 && source[e] < n_atoms && target[e] >= 0 && target[e] < n_atoms,
                          "`edge_index` column ", e, " is (", source[e], ", ", target[e], "), outside 0..",
                          n_atoms - 1);
        ++bound[target[e] + 1];
    }
    for (std::int64_t a = 0; a < n_atoms; ++a) {
        bound[a + 1] += bound[a];
    }
    std::vector<std::int64_t> next(bound, bound + n_atoms);
    for (std::int64_t e = 0; e < n; ++e) {
        order[next[target[e]]++] = e;
    }
    for (std::int64_t e = 0; e < n; ++e) {
        const double *a = v + 3 * e;
        double nearest = 1e-6 * (a[0] * a[0] + a[1] * a[1] + a[2] * a[2]);
        back[e] = -1;
        for (std::int64_t k = bound[source[e]]; k < bound[source[e] + 1]; ++k) {
            const std::int64_t other = order[k];
            if (source[other] != target[e]) {
                continue;
            }
            const double *b = v + 3 * other;
            const double x = a[0] + b[0], y = a[1] + b[1], z = a[2] + b[2];
            const double square = x * x + y * y + z * z;
            if (square < nearest || (square == 0.0 && back[e] < 0)) {
                nearest = square;
                back[e] = other;
            }
        }
    }
    for (std::int64_t e = 0; e < n; ++e) {
        TORCH_CHECK_VALUE(back[e] < 0 || back[back[e]] == e, "`edge_index` holds the edge ", source[e], " -> ",
                          target[e], " (column ", e, ") more than once with the same vector");
    }
    const auto there = edge_index_.device();
    return {offsets.to(there), edges.to(there), reverse.to(there)};
}

} // namespace tlmlp
