#include <ATen/Dispatch.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/searchsorted.h>
#include <ATen/ops/sort.h>
#include <ATen/ops/zeros_like.h>

#include <map>
#include <mutex>
#include <tuple>

#include "checks.h"
#include "operators.h"
#include "run_functor.h"

// The directional (triplet) sum without triplets, and its first and second derivatives, whole arrays at a time: matrix
// products are torch's, and three sums over edges, CentreSums, EdgeSums and EdgeOverlaps, are kernels of this library. They are the three contractions of one trilinear form
// sum Y[e,lm] U[e,l,c] A[end(e),lm,c], so all derivatives are made of them too. z_e is formed at e = j -> i itself, from
// the harmonics X_e of the direction from j to i: those of the reverse edge, or (-1)^l Y_e where there is none,
//     z_e = sum_lm X_e A_j / N_l - sum_l N_l B_reverse(e),   the last term absent without a reverse.
// X / N_l = opposite(Y) is linear and its own adjoint.

namespace tlmlp {

namespace {

/// The edges of a sum, grouped by the atom at one of their ends.
struct Grouping {
    Tensor end, offsets, order;
};

/// What all three functions need of their arguments.
struct Graph {
    Grouping into, from; ///< by target, by source
    Tensor opposite, has_opposite;

    Graph(const Tensor &edge_index, const Tensor &offsets, const Tensor &edges, const Tensor &reverse,
          at::ScalarType type) {
        const Tensor ends = edge_index.contiguous();
        into = {ends[1], offsets.contiguous(), edges.contiguous()};
        const auto [sorted, order] = at::sort(ends[0], /*stable=*/true, 0, false);
        const Tensor atoms = at::arange(offsets.size(0), offsets.options());
        from = {ends[0], at::searchsorted(sorted.contiguous(), atoms), order.contiguous()};
        opposite = reverse.clamp_min(0);
        has_opposite = reverse.ge(0).to(type).unsqueeze(1);
    }

    /// Rows of the reverse edges; zeros where there is none. Its own adjoint.
    Tensor flip(const Tensor &rows) const {
        return rows.size(0) == 0 ? rows : rows.index_select(0, opposite) * has_opposite;
    }
};

/// Factors of each degree and each harmonic, on a device.
struct Norms {
    Tensor norm;            ///< N_l (degrees, 1)
    Tensor inverse, parity; ///< 1 / N_l and (-1)^l / N_l of each harmonic (degrees^2)
};

/// Sent to the device of `like` once: a copy from the host waits for all that the device has to do.
const Norms &norms_on(const Tensor &like, std::int64_t degrees) {
    using Key = std::tuple<std::int64_t, at::ScalarType, int>;
    static std::mutex mutex;
    static auto &sent = *new std::map<Key, Norms>; // outlives the device's runtime
    const std::lock_guard<std::mutex> lock(mutex);
    Norms &there = sent[{degrees, like.scalar_type(), like.is_cuda() ? int(like.device().index()) : -1}];
    if (!there.norm.defined()) {
        const auto host = like.options().device(at::kCPU).dtype(at::kDouble);
        Tensor n = at::empty({degrees, 1}, host), k = at::empty({degrees * degrees}, host), s = at::empty_like(k);
        for (std::int64_t l = 0; l < degrees; ++l) {
            const double value = math::legendre_norm(int(l));
            n.data_ptr<double>()[l] = value;
            for (std::int64_t q = l * l; q < (l + 1) * (l + 1); ++q) {
                k.data_ptr<double>()[q] = 1.0 / value;
                s.data_ptr<double>()[q] = (l % 2 ? -1.0 : 1.0) / value;
            }
        }
        there = {n.to(like.options()), k.to(like.options()), s.to(like.options())};
    }
    return there;
}

struct Layer {
    std::int64_t edges, degrees, radial, channels;
    Tensor norm, inverse, parity; ///< see Norms

    Layer(const Tensor &y, const Tensor &weight)
        : edges(y.size(0)), degrees(weight.size(0)), radial(weight.size(1)), channels(weight.size(2)) {
        const Norms &norms = norms_on(y, degrees);
        norm = norms.norm;
        inverse = norms.inverse;
        parity = norms.parity;
    }

    Tensor opposite(const Tensor &harmonics, const Graph &graph) const {
        return graph.flip(harmonics) * inverse + harmonics * (1 - graph.has_opposite) * parity;
    }

    /// sum_n s[e,l,n] w[l,n,c]: (edges, degrees, channels).
    Tensor expand(const Tensor &sbf, const Tensor &weight) const {
        return at::bmm(by_degree(sbf), weight).transpose(0, 1);
    }
    /// Its adjoints: from (edges, degrees, channels) to sbf, to the weight.
    Tensor to_sbf(const Tensor &rows, const Tensor &weight) const {
        return at::bmm(rows.transpose(0, 1), weight.transpose(1, 2)).transpose(0, 1).reshape({edges, degrees * radial});
    }
    Tensor to_weight(const Tensor &sbf, const Tensor &rows) const {
        return at::bmm(by_degree(sbf).transpose(1, 2), rows.transpose(0, 1));
    }
    /// (edges, channels), the same for every degree.
    Tensor for_all_degrees(const Tensor &rows) const { return rows.unsqueeze(1).expand({edges, degrees, channels}); }

    template <class F, class T> F sizes() const {
        F f{};
        f.degrees = degrees;
        f.channels = channels;
        if constexpr (requires { f.edges; }) {
            f.edges = edges;
        }
        return f;
    }

    Tensor centre_sums(const Tensor &harmonics, const Tensor &values_, const Grouping &group) const {
        const Tensor y = harmonics.contiguous(), values = channels_last(values_);
        const std::int64_t atoms = group.offsets.size(0) - 1;
        Tensor result = at::empty({atoms, degrees * degrees, channels}, y.options());
        AT_DISPATCH_FLOATING_TYPES(y.scalar_type(), "directional_sum", [&] {
            auto f = sizes<cuda::ops::CentreSums<scalar_t>, scalar_t>();
            f.atoms = atoms;
            f.harmonics = input<scalar_t>(y);
            f.values = strided<scalar_t>(values);
            f.offsets = group.offsets.const_data_ptr<std::int64_t>();
            f.order = group.order.const_data_ptr<std::int64_t>();
            f.result = output<scalar_t>(result);
            run<scalar_t>(f, y);
        });
        return result;
    }

    Tensor edge_sums(const Tensor &harmonics, const Tensor &centres, const Grouping &group) const {
        const Tensor y = harmonics.contiguous();
        Tensor result = at::empty({edges, degrees, channels}, y.options());
        AT_DISPATCH_FLOATING_TYPES(y.scalar_type(), "directional_sum", [&] {
            auto f = sizes<cuda::ops::EdgeSums<scalar_t>, scalar_t>();
            f.harmonics = input<scalar_t>(y);
            f.centres = input<scalar_t>(centres);
            f.end = group.end.const_data_ptr<std::int64_t>();
            f.result = output<scalar_t>(result);
            run<scalar_t>(f, y);
        });
        return result;
    }

    Tensor overlaps(const Tensor &values_, const Tensor &centres, const Grouping &group) const {
        const Tensor values = channels_last(values_);
        Tensor result = at::empty({edges, degrees * degrees}, centres.options());
        AT_DISPATCH_FLOATING_TYPES(centres.scalar_type(), "directional_sum", [&] {
            auto f = sizes<cuda::ops::EdgeOverlaps<scalar_t>, scalar_t>();
            f.values = strided<scalar_t>(values);
            f.centres = input<scalar_t>(centres);
            f.end = group.end.const_data_ptr<std::int64_t>();
            f.result = output<scalar_t>(result);
            run<scalar_t>(f, centres);
        });
        return result;
    }

  private:
    Tensor by_degree(const Tensor &sbf) const { return sbf.reshape({edges, degrees, radial}).transpose(0, 1); }
    static Tensor channels_last(const Tensor &t) { return t.stride(2) == 1 || t.size(2) == 1 ? t : t.contiguous(); }
    template <class T> static cuda::ops::EdgeValues<T> strided(const Tensor &t) {
        return {input<T>(t), t.stride(0), t.stride(1)};
    }
};

Tensor or_zeros(const OptionalTensor &t, const Tensor &like) { return present(t) ? *t : at::zeros_like(like); }
Tensor if_wanted(bool wanted, const Tensor &t) { return wanted ? t : at::empty({0}, t.options()); }

/// Throws unless the numbers are such as `topology` makes: others would read and write beyond the arrays.
void check_indices(const Tensor &edge_index, const Tensor &offsets, const Tensor &edges, const Tensor &reverse) {
    const auto *bound = offsets.const_data_ptr<std::int64_t>(), *order = edges.const_data_ptr<std::int64_t>();
    const auto *back = reverse.const_data_ptr<std::int64_t>(), *ends = edge_index.const_data_ptr<std::int64_t>();
    const std::int64_t n = edges.size(0), atoms = offsets.size(0) - 1;
    bool valid = bound[0] == 0 && bound[atoms] == n;
    for (std::int64_t a = 0; a < atoms; ++a) {
        valid = valid && bound[a] <= bound[a + 1];
    }
    for (std::int64_t e = 0; e < n; ++e) {
        valid = valid && order[e] >= 0 && order[e] < n && ends[e] >= 0 && ends[e] < atoms && ends[n + e] >= 0 &&
                ends[n + e] < atoms;
        valid = valid && (back[e] == -1 || (back[e] >= 0 && back[e] < n && back[back[e]] == e));
    }
    TORCH_CHECK_VALUE(valid, "`offsets`, `edges` and `reverse` do not describe this graph; take all three from "
                             "tlmlp::topology on the same edge_index");
}

void check(const Tensor &y, const Tensor &sbf, const Tensor &weight, const Tensor &harmonics, const Tensor &edge_index,
           const Tensor &offsets, const Tensor &edges, const Tensor &reverse) {
    check_float(y, "y");
    check_shape(y, "y", {-1, -1}, "(n_edges, channels)");
    const std::int64_t n = y.size(0);
    check_shape(weight, "weight", {-1, -1, y.size(1)}, "(num_spherical, num_radial, channels) with the channels of y");
    check_shape(sbf, "sbf", {n, weight.size(0) * weight.size(1)}, "(n_edges, num_spherical * num_radial)");
    check_shape(harmonics, "Y", {n, weight.size(0) * weight.size(0)}, "(n_edges, num_spherical^2)");
    for (const auto &[t, name] : {std::pair{&sbf, "sbf"}, {&weight, "weight"}, {&harmonics, "Y"}}) {
        check_same_type(*t, name, y, "y");
    }
    check_shape(edge_index, "edge_index", {2, n}, "(2, n_edges)");
    check_shape(offsets, "offsets", {-1}, "(n_atoms + 1,)");
    check_shape(edges, "edges", {n}, "(n_edges,)");
    check_shape(reverse, "reverse", {n}, "(n_edges,)");
    for (const auto &[t, name] :
         {std::pair{&edge_index, "edge_index"}, {&offsets, "offsets"}, {&edges, "edges"}, {&reverse, "reverse"}}) {
        check_index(*t, name);
        TORCH_CHECK_VALUE(t->device() == y.device(), "`", name, "` must be on the device of `y` (", y.device(),
                          "), got ", t->device());
    }
    TORCH_CHECK_VALUE(offsets.size(0) >= 1, "`offsets` must have shape (n_atoms + 1,), got (0,)");
    if (!y.is_cuda()) { // there, looking would wait for the device
        check_indices(edge_index.contiguous(), offsets.contiguous(), edges.contiguous(), reverse.contiguous());
    }
}

} // namespace

Tensor directional_sum(const Tensor &y, const Tensor &sbf, const Tensor &weight, const Tensor &harmonics,
                       const Tensor &edge_index, const Tensor &offsets, const Tensor &edges, const Tensor &reverse) {
    check(y, sbf, weight, harmonics, edge_index, offsets, edges, reverse);
    const Layer layer(y, weight);
    const Graph graph(edge_index, offsets, edges, reverse, y.scalar_type());
    const Tensor message = layer.expand(sbf, weight) * y.unsqueeze(1);
    const Tensor centres = layer.centre_sums(harmonics, message, graph.into);
    return layer.edge_sums(layer.opposite(harmonics, graph), centres, graph.from).sum(1) -
           graph.flip((message * layer.norm).sum(1));
}

std::tuple<Tensor, Tensor, Tensor, Tensor> directional_sum_backward(const Tensor &y, const Tensor &sbf,
                                                                    const Tensor &weight, const Tensor &harmonics,
                                                                    const Tensor &grad_z, const Tensor &edge_index,
                                                                    const Tensor &offsets, const Tensor &edges,
                                                                    const Tensor &reverse, std::int64_t wanted) {
    const Layer layer(y, weight);
    const Graph graph(edge_index, offsets, edges, reverse, y.scalar_type());
    const Tensor radial = layer.expand(sbf, weight), message = radial * y.unsqueeze(1);
    const Tensor gradient = layer.for_all_degrees(grad_z.contiguous());
    const Tensor to_centres = layer.centre_sums(layer.opposite(harmonics, graph), gradient, graph.from);
    const Tensor to_message =
        layer.edge_sums(harmonics, to_centres, graph.into) - graph.flip(grad_z).unsqueeze(1) * layer.norm;
    const Tensor to_radial = to_message * y.unsqueeze(1);
    Tensor to_harmonics = at::empty({0}, y.options());
    if (wants(wanted, 3)) {
        const Tensor centres = layer.centre_sums(harmonics, message, graph.into);
        to_harmonics = layer.overlaps(message, to_centres, graph.into) +
                       layer.opposite(layer.overlaps(gradient, centres, graph.from), graph);
    }
    return {if_wanted(wants(wanted, 0), (to_message * radial).sum(1)),
            if_wanted(wants(wanted, 1), layer.to_sbf(to_radial, weight)),
            if_wanted(wants(wanted, 2), layer.to_weight(sbf, to_radial)), to_harmonics};
}

std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor>
directional_sum_second(const OptionalTensor &v_y, const OptionalTensor &v_sbf, const OptionalTensor &v_weight,
                       const OptionalTensor &v_harmonics, const Tensor &y, const Tensor &sbf, const Tensor &weight,
                       const Tensor &harmonics, const Tensor &grad_z, const Tensor &edge_index, const Tensor &offsets,
                       const Tensor &edges, const Tensor &reverse, std::int64_t wanted) {
    const Layer layer(y, weight);
    const Graph graph(edge_index, offsets, edges, reverse, y.scalar_type());
    const Tensor along_y = or_zeros(v_y, y), along_sbf = or_zeros(v_sbf, sbf),
                 along_weight = or_zeros(v_weight, weight);
    const Tensor along_harmonics = or_zeros(v_harmonics, harmonics);
    const Tensor y1 = y.unsqueeze(1), along_y1 = along_y.unsqueeze(1);

    const Tensor radial = layer.expand(sbf, weight), message = radial * y1;
    const Tensor centres = layer.centre_sums(harmonics, message, graph.into);
    const Tensor gradient = layer.for_all_degrees(grad_z.contiguous());
    const Tensor out = layer.opposite(harmonics, graph), along_out = layer.opposite(along_harmonics, graph);
    const Tensor to_centres = layer.centre_sums(out, gradient, graph.from);
    const Tensor to_message =
        layer.edge_sums(harmonics, to_centres, graph.into) - graph.flip(grad_z).unsqueeze(1) * layer.norm;

    // Tangents along v, and the gradients of <v, gradients> that mirror them.
    const Tensor radial_t = layer.expand(along_sbf, weight) + layer.expand(sbf, along_weight);
    const Tensor message_t = along_y1 * radial + y1 * radial_t;
    const Tensor centres_t =
        layer.centre_sums(along_harmonics, message, graph.into) + layer.centre_sums(harmonics, message_t, graph.into);
    const Tensor to_centres_t = layer.centre_sums(along_out, gradient, graph.from);
    const Tensor to_message_t =
        layer.edge_sums(harmonics, to_centres_t, graph.into) + layer.edge_sums(along_harmonics, to_centres, graph.into);
    const Tensor to_radial = to_message * y1, to_radial_t = to_message * along_y1 + to_message_t * y1;

    const auto none = [&] { return at::empty({0}, y.options()); };
    return {
        wants(wanted, 0) ? (to_message * radial_t + to_message_t * radial).sum(1) : none(),
        wants(wanted, 1) ? layer.to_sbf(to_radial_t, weight) + layer.to_sbf(to_radial, along_weight) : none(),
        wants(wanted, 2) ? layer.to_weight(sbf, to_radial_t) + layer.to_weight(along_sbf, to_radial) : none(),
        wants(wanted, 3)
            ? layer.opposite(layer.overlaps(gradient, centres_t, graph.from), graph) +
                  layer.overlaps(message_t, to_centres, graph.into) + layer.overlaps(message, to_centres_t, graph.into)
            : none(),
        wants(wanted, 4)
            ? (layer.edge_sums(along_out, centres, graph.from) + layer.edge_sums(out, centres_t, graph.from)).sum(1) -
                  graph.flip((message_t * layer.norm).sum(1))
            : none()};
}

} // namespace tlmlp
