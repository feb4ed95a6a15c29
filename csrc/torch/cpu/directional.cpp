#include <ATen/Dispatch.h>

#include <vector>

#include "../checks.h"
#include "../kernels/kernels.h"
#include "../ops.h"
#include "parallel.h"

namespace tlmlp::cpu {

namespace {

/// The arguments, contiguous, and the edges without a reverse edge grouped by their source atom.
struct Inputs {
    Tensor y, sbf, weight, harmonics, edge_index, offsets, edges, reverse;
    std::int64_t n_atoms = 0, n_edges = 0, largest = 0; ///< `largest`: most entries of one atom, orphans included
    std::vector<std::int64_t> orphan_offsets, orphans;

    Inputs(const Tensor &y_, const Tensor &sbf_, const Tensor &weight_, const Tensor &harmonics_,
           const Tensor &edge_index_, const Tensor &offsets_, const Tensor &edges_, const Tensor &reverse_)
        : y(y_.contiguous()), sbf(sbf_.contiguous()), weight(weight_.contiguous()),
          harmonics(harmonics_.contiguous()), edge_index(edge_index_.contiguous()), offsets(offsets_.contiguous()),
          edges(edges_.contiguous()), reverse(reverse_.contiguous()), n_atoms(offsets.size(0) - 1),
          n_edges(y.size(0)) {
        const std::int64_t *back = reverse.const_data_ptr<std::int64_t>();
        const std::int64_t *source = edge_index.const_data_ptr<std::int64_t>();
        for (std::int64_t e = 0; e < n_edges; ++e) {
            if (back[e] < 0) {
                orphans.push_back(e);
            }
        }
        if (!orphans.empty()) {
            std::stable_sort(orphans.begin(), orphans.end(),
                             [&](std::int64_t a, std::int64_t b) { return source[a] < source[b]; });
            orphan_offsets.assign(static_cast<std::size_t>(n_atoms) + 1, 0);
            for (const std::int64_t e : orphans) {
                ++orphan_offsets[static_cast<std::size_t>(source[e]) + 1];
            }
            for (std::int64_t a = 0; a < n_atoms; ++a) {
                orphan_offsets[a + 1] += orphan_offsets[a];
            }
        }
        const std::int64_t *bounds = offsets.const_data_ptr<std::int64_t>();
        for (std::int64_t a = 0; a < n_atoms; ++a) {
            std::int64_t n = bounds[a + 1] - bounds[a];
            n += orphans.empty() ? 0 : orphan_offsets[a + 1] - orphan_offsets[a];
            largest = std::max(largest, n);
        }
    }

    template <class T> kernels::Directional<T> view() const {
        return {weight.size(0),
                weight.size(1),
                weight.size(2),
                pointer<T>(y),
                pointer<T>(sbf),
                pointer<T>(weight),
                pointer<T>(harmonics),
                offsets.const_data_ptr<std::int64_t>(),
                edges.const_data_ptr<std::int64_t>(),
                reverse.const_data_ptr<std::int64_t>(),
                orphans.empty() ? nullptr : orphan_offsets.data(),
                orphans.empty() ? nullptr : orphans.data()};
    }

    Chunks chunks() const { return Chunks(n_atoms, 8); }
};

void check(const Tensor &y, const Tensor &sbf, const Tensor &weight, const Tensor &harmonics,
           const Tensor &edge_index, const Tensor &offsets, const Tensor &edges, const Tensor &reverse) {
    check_float(y, "y");
    check_shape(y, "y", {-1, -1}, "(n_edges, channels)");
    const std::int64_t n = y.size(0);
    check_shape(weight, "weight", {-1, -1, y.size(1)},
                "(num_spherical, num_radial, channels) with the channels of y");
    check_shape(sbf, "sbf", {n, weight.size(0) * weight.size(1)}, "(n_edges, num_spherical * num_radial)");
    check_shape(harmonics, "Y", {n, weight.size(0) * weight.size(0)}, "(n_edges, num_spherical^2)");
    check_same_type(sbf, "sbf", y, "y");
    check_same_type(weight, "weight", y, "y");
    check_same_type(harmonics, "Y", y, "y");
    check_shape(edge_index, "edge_index", {2, n}, "(2, n_edges)");
    check_shape(offsets, "offsets", {-1}, "(n_atoms + 1,)");
    check_shape(edges, "edges", {n}, "(n_edges,)");
    check_shape(reverse, "reverse", {n}, "(n_edges,)");
    check_index(edge_index, "edge_index");
    check_index(offsets, "offsets");
    check_index(edges, "edges");
    check_index(reverse, "reverse");
    TORCH_CHECK_VALUE(offsets.size(0) >= 1, "`offsets` must have shape (n_atoms + 1,), got (0,)");

    const Tensor bounds = offsets.contiguous(), order = edges.contiguous(), back = reverse.contiguous();
    const Tensor sources = edge_index.contiguous();
    const std::int64_t *b = bounds.const_data_ptr<std::int64_t>(), *o = order.const_data_ptr<std::int64_t>();
    const std::int64_t *r = back.const_data_ptr<std::int64_t>(), *s = sources.const_data_ptr<std::int64_t>();
    const std::int64_t n_atoms = bounds.size(0) - 1;
    bool valid = b[0] == 0 && b[n_atoms] == n;
    for (std::int64_t a = 0; a < n_atoms; ++a) {
        valid = valid && b[a] <= b[a + 1];
    }
    for (std::int64_t e = 0; e < n; ++e) {
        valid = valid && o[e] >= 0 && o[e] < n && s[e] >= 0 && s[e] < n_atoms;
        valid = valid && (r[e] == -1 || (r[e] >= 0 && r[e] < n && r[r[e]] == e));
    }
    TORCH_CHECK_VALUE(valid, "`offsets`, `edges` and `reverse` do not describe this graph; take all three from "
                             "tlmlp::topology on the same edge_index");
}

/// Adds the rows of the orphans, which their source atom computed, to those of their target.
template <class T> void add_orphans(const Inputs &in, const Tensor &rows, Tensor &to) {
    const std::int64_t width = to.size(1);
    T *base = to.data_ptr<T>();
    for (std::size_t i = 0; i < in.orphans.size(); ++i) {
        const T *from = rows.const_data_ptr<T>() + std::int64_t(i) * width;
        for (std::int64_t q = 0; q < width; ++q) {
            base[in.orphans[i] * width + q] += from[q];
        }
    }
}

} // namespace

Tensor directional_sum(const Tensor &y, const Tensor &sbf, const Tensor &weight, const Tensor &harmonics,
                       const Tensor &edge_index, const Tensor &offsets, const Tensor &edges, const Tensor &reverse) {
    check(y, sbf, weight, harmonics, edge_index, offsets, edges, reverse);
    const Inputs in(y, sbf, weight, harmonics, edge_index, offsets, edges, reverse);
    Tensor z = at::empty(in.y.sizes(), in.y.options());
    AT_DISPATCH_FLOATING_TYPES(y.scalar_type(), "directional_sum", [&] {
        const auto &kernels = kernels::table<scalar_t>();
        const auto view = in.view<scalar_t>();
        over_chunks<scalar_t>(in.chunks(), kernels.directional_scratch(view, in.largest), in.y.options(),
                              [&](scalar_t *scratch, std::int64_t, std::int64_t first, std::int64_t last) {
                                  kernels.directional(view, first, last, z.data_ptr<scalar_t>(), scratch);
                              });
    });
    return z;
}

std::tuple<Tensor, Tensor, Tensor, Tensor>
directional_sum_backward(const Tensor &y, const Tensor &sbf, const Tensor &weight, const Tensor &harmonics,
                         const Tensor &grad_z_, const Tensor &edge_index, const Tensor &offsets, const Tensor &edges,
                         const Tensor &reverse, std::int64_t wanted) {
    const Inputs in(y, sbf, weight, harmonics, edge_index, offsets, edges, reverse);
    const Tensor grad_z = grad_z_.contiguous();
    const auto options = in.y.options();
    const Chunks chunks = in.chunks();
    Tensor to_y = result(wants(wanted, 0), in.y.sizes(), options);
    Tensor to_sbf = result(wants(wanted, 1), in.sbf.sizes(), options), to_weight;
    Tensor to_harmonics = result(wants(wanted, 3), in.harmonics.sizes(), options);
    Tensor orphan_rows = at::zeros({std::int64_t(in.orphans.size()), in.harmonics.size(1)}, options);
    Tensor partial = partial_sums(wants(wanted, 2), chunks, in.weight.numel(), options);
    AT_DISPATCH_FLOATING_TYPES(y.scalar_type(), "directional_sum_backward", [&] {
        const auto &kernels = kernels::table<scalar_t>();
        const auto view = in.view<scalar_t>();
        const auto target = [&](Tensor &t, int i) { return wants(wanted, i) ? t.data_ptr<scalar_t>() : nullptr; };
        over_chunks<scalar_t>(
            chunks, kernels.directional_scratch(view, in.largest), options,
            [&](scalar_t *scratch, std::int64_t chunk, std::int64_t first, std::int64_t last) {
                kernels::DirectionalGrads<scalar_t> g{};
                g.grad_z = pointer<scalar_t>(grad_z);
                g.y = target(to_y, 0);
                g.sbf = target(to_sbf, 1);
                g.weight = wants(wanted, 2) ? partial.data_ptr<scalar_t>() + chunk * in.weight.numel() : nullptr;
                g.harmonics = target(to_harmonics, 3);
                g.orphan_harmonics = orphan_rows.data_ptr<scalar_t>();
                kernels.directional_backward(view, g, first, last, scratch);
            });
        if (wants(wanted, 3)) {
            add_orphans<scalar_t>(in, orphan_rows, to_harmonics);
        }
        to_weight = add_up<scalar_t>(partial, in.weight.sizes());
    });
    return {to_y, to_sbf, to_weight, to_harmonics};
}

std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor>
directional_sum_second(const OptionalTensor &v_y_, const OptionalTensor &v_sbf_, const OptionalTensor &v_weight_,
                       const OptionalTensor &v_harmonics_, const Tensor &y, const Tensor &sbf, const Tensor &weight,
                       const Tensor &harmonics, const Tensor &grad_z_, const Tensor &edge_index,
                       const Tensor &offsets, const Tensor &edges, const Tensor &reverse, std::int64_t wanted) {
    const Inputs in(y, sbf, weight, harmonics, edge_index, offsets, edges, reverse);
    const Tensor grad_z = grad_z_.contiguous(), v_y = contiguous(v_y_), v_sbf = contiguous(v_sbf_);
    const Tensor v_weight = contiguous(v_weight_), v_harmonics = contiguous(v_harmonics_);
    const auto options = in.y.options();
    const Chunks chunks = in.chunks();
    Tensor to_y = result(wants(wanted, 0), in.y.sizes(), options);
    Tensor to_sbf = result(wants(wanted, 1), in.sbf.sizes(), options), to_weight;
    Tensor to_harmonics = result(wants(wanted, 3), in.harmonics.sizes(), options);
    Tensor to_grad_z = result(wants(wanted, 4), in.y.sizes(), options);
    Tensor orphan_rows = at::zeros({std::int64_t(in.orphans.size()), in.harmonics.size(1)}, options);
    Tensor partial = partial_sums(wants(wanted, 2), chunks, in.weight.numel(), options);
    AT_DISPATCH_FLOATING_TYPES(y.scalar_type(), "directional_sum_second", [&] {
        const auto &kernels = kernels::table<scalar_t>();
        const auto view = in.view<scalar_t>();
        const auto target = [&](Tensor &t, int i) { return wants(wanted, i) ? t.data_ptr<scalar_t>() : nullptr; };
        over_chunks<scalar_t>(
            chunks, kernels.directional_scratch(view, in.largest), options,
            [&](scalar_t *scratch, std::int64_t chunk, std::int64_t first, std::int64_t last) {
                kernels::DirectionalSecond<scalar_t> g{};
                g.grad_z = pointer<scalar_t>(grad_z);
                g.v_y = pointer<scalar_t>(v_y);
                g.v_sbf = pointer<scalar_t>(v_sbf);
                g.v_weight = pointer<scalar_t>(v_weight);
                g.v_harmonics = pointer<scalar_t>(v_harmonics);
                g.y = target(to_y, 0);
                g.sbf = target(to_sbf, 1);
                g.weight = wants(wanted, 2) ? partial.data_ptr<scalar_t>() + chunk * in.weight.numel() : nullptr;
                g.harmonics = target(to_harmonics, 3);
                g.grad_z_out = target(to_grad_z, 4);
                g.orphan_harmonics = orphan_rows.data_ptr<scalar_t>();
                kernels.directional_second(view, g, first, last, scratch);
            });
        if (wants(wanted, 3)) {
            add_orphans<scalar_t>(in, orphan_rows, to_harmonics);
        }
        to_weight = add_up<scalar_t>(partial, in.weight.sizes());
    });
    return {to_y, to_sbf, to_weight, to_harmonics, to_grad_z};
}

} // namespace tlmlp::cpu
