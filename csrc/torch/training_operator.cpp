#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include <memory>

#include "checks.h"
#include "operators.h"
#include "pool.h"
#include "training.h"

// The whole network as one op with one derivative (csrc/training).
namespace tlmlp {

namespace {

/// Evaluations with the arrays that their derivative needs. Free ones are kept: their memory is in place already.
template <class T> using EvaluationPool = Pool<training::Evaluation<T>, 2>;

template <class T> typename EvaluationPool<T>::Owner free_evaluation() {
    const auto all = [](const training::Evaluation<T> &) { return true; };
    auto found = EvaluationPool<T>::take([](const training::Evaluation<T> &) { return false; }, all);
    return found ? std::move(found) : std::make_unique<training::Evaluation<T>>();
}

struct State {
    virtual ~State() = default;
    virtual std::vector<Tensor> backward(const Tensor &value_weights, const Tensor &derivative_weights) = 0;
};

network::Sizes sizes_of(at::IntArrayRef sizes, double cutoff) {
    constexpr std::size_t n = std::size(network::whole_sizes);
    TORCH_CHECK_VALUE(sizes.size() == n, "`sizes` must hold ", n, " numbers, got ", sizes.size());
    network::Sizes all;
    for (std::size_t i = 0; i < n; ++i) {
        const network::Size &size = network::whole_sizes[i];
        TORCH_CHECK_VALUE(sizes[i] >= size.low && sizes[i] <= size.high, "`", size.name, "` in `sizes` must be from ",
                          size.low, " to ", size.high, ", got ", sizes[i]);
        all.*size.value = static_cast<int>(sizes[i]);
    }
    check_basis(cutoff, all.envelope_exponent);
    return all;
}

template <class T> struct StateOf final : State {
    typename EvaluationPool<T>::Owner evaluation = free_evaluation<T>();
    network::Sizes network_sizes;
    double cutoff = 0.0; ///< nm
    std::vector<std::vector<std::int64_t>> weight_sizes;
    at::TensorOptions options;
    std::int64_t n_values = 0, n_edges = 0; ///< numbers of all heads; edges

    ~StateOf() override { EvaluationPool<T>::give(std::move(evaluation)); }

    std::tuple<Tensor, Tensor> forward(at::TensorList weights, const Tensor &species_, const Tensor &edge_index_,
                                       const Tensor &edge_vector_, const Tensor &offsets_, const Tensor &edges_,
                                       const Tensor &reverse_) {
        std::vector<Tensor> kept;
        std::vector<const T *> pointers;
        std::size_t count = 0;
        network::visit_matrices(network_sizes, [&](const network::Matrix &) { ++count; });
        TORCH_CHECK_VALUE(weights.size() == count, "`weights` must hold ", count, " tensors, got ", weights.size());
        network::visit_matrices(network_sizes, [&](const network::Matrix &matrix) {
            const std::size_t i = kept.size();
            const std::string name = "weights[" + std::to_string(i) + "]";
            check_same_type(weights[i], name.c_str(), weights[0], "weights[0]");
            TORCH_CHECK_VALUE(weights[i].numel() == std::int64_t(matrix.rows) * matrix.columns, "`", name,
                              "` must have shape (", matrix.rows, ", ", matrix.columns, "), got ",
                              shape_text(weights[i]));
            kept.push_back(weights[i].contiguous());
            pointers.push_back(kept.back().template const_data_ptr<T>());
            weight_sizes.push_back(weights[i].sizes().vec());
        });
        options = weights[0].options();
        const std::int64_t n_atoms = species_.size(0);
        n_values = std::int64_t(network::heads(network_sizes).size()) * n_atoms;
        n_edges = edge_vector_.size(0);
        const Tensor species = species_.contiguous(), edge_index = edge_index_.contiguous();
        const Tensor edge_vector = edge_vector_.detach().to(at::kDouble).contiguous(), offsets = offsets_.contiguous();
        const Tensor edges = edges_.contiguous(), reverse = reverse_.contiguous();
        const std::int64_t *source = edge_index.const_data_ptr<std::int64_t>();
        const training::EdgeGraph graph{n_atoms,
                                        n_edges,
                                        species.const_data_ptr<std::int64_t>(),
                                        source,
                                        source + n_edges,
                                        offsets.const_data_ptr<std::int64_t>(),
                                        edges.const_data_ptr<std::int64_t>(),
                                        reverse.const_data_ptr<std::int64_t>(),
                                        edge_vector.const_data_ptr<double>()};
        Tensor values = at::empty({n_values}, edge_vector.options()),
               derivatives = at::empty({n_edges, 3}, edge_vector.options());
        try {
            evaluation->forward(network_sizes, cutoff, pointers, graph, at::get_num_threads(),
                                values.data_ptr<double>(), derivatives.data_ptr<double>());
        } catch (const std::invalid_argument &error) {
            TORCH_CHECK_VALUE(false, error.what());
        }
        return {values, derivatives};
    }

    std::vector<Tensor> backward(const Tensor &value_weights_, const Tensor &derivative_weights_) override {
        const auto doubles = options.dtype(at::kDouble);
        const Tensor value_weights =
            value_weights_.defined() ? value_weights_.to(at::kDouble).contiguous() : at::zeros({n_values}, doubles);
        const Tensor derivative_weights = derivative_weights_.defined()
                                              ? derivative_weights_.to(at::kDouble).contiguous()
                                              : at::zeros({n_edges, 3}, doubles);
        std::vector<Tensor> gradients;
        std::vector<T *> pointers;
        for (const auto &sizes : weight_sizes) {
            gradients.push_back(at::empty(sizes, options));
            pointers.push_back(gradients.back().template data_ptr<T>());
        }
        evaluation->backward(value_weights.const_data_ptr<double>(), derivative_weights.const_data_ptr<double>(),
                             at::get_num_threads(), pointers);
        return gradients;
    }
};

void check_graph(const Tensor &species, const Tensor &edge_index, const Tensor &edge_vector, const Tensor &offsets,
                 const Tensor &edges, const Tensor &reverse) {
    check_shape(species, "species", {-1}, "(n_atoms,)");
    check_shape(edge_index, "edge_index", {2, -1}, "(2, n_edges)");
    const std::int64_t n = edge_index.size(1);
    check_float(edge_vector, "edge_vector");
    check_shape(edge_vector, "edge_vector", {n, 3}, "(n_edges, 3) with the edges of edge_index");
    check_shape(offsets, "offsets", {species.size(0) + 1}, "(n_atoms + 1,)");
    check_shape(edges, "edges", {n}, "(n_edges,)");
    check_shape(reverse, "reverse", {n}, "(n_edges,)");
    check_index(species, "species");
    check_index(edge_index, "edge_index");
    check_index(offsets, "offsets");
    check_index(edges, "edges");
    check_index(reverse, "reverse");
}

struct Result {
    Tensor values, derivatives;
    std::shared_ptr<State> state;
};

Result evaluate(at::TensorList weights, const Tensor &species, const Tensor &edge_index, const Tensor &edge_vector,
                const Tensor &offsets, const Tensor &edges, const Tensor &reverse, at::IntArrayRef sizes,
                double cutoff) {
    TORCH_CHECK_VALUE(!weights.empty(), "`weights` is empty");
    check_float(weights[0], "weights[0]");
    check_graph(species, edge_index, edge_vector, offsets, edges, reverse);
    Result result;
    AT_DISPATCH_FLOATING_TYPES(weights[0].scalar_type(), "energies_and_derivatives", [&] {
        auto state = std::make_shared<StateOf<scalar_t>>();
        state->network_sizes = sizes_of(sizes, cutoff);
        state->cutoff = cutoff;
        auto [values, derivatives] = state->forward(weights, species, edge_index, edge_vector, offsets, edges, reverse);
        result = {values.to(edge_vector.scalar_type()), derivatives.to(edge_vector.scalar_type()), state};
    });
    return result;
}

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct EnergiesAndDerivatives : torch::autograd::Function<EnergiesAndDerivatives> {
    static variable_list forward(AutogradContext *context, at::TensorList weights, const Tensor &species,
                                 const Tensor &edge_index, const Tensor &edge_vector, const Tensor &offsets,
                                 const Tensor &edges, const Tensor &reverse, at::IntArrayRef sizes, double cutoff) {
        at::AutoDispatchBelowADInplaceOrView guard;
        Result result = evaluate(weights, species, edge_index, edge_vector, offsets, edges, reverse, sizes, cutoff);
        // Autograd frees saved tensors after the last derivative, so a tensor owns the state: the next evaluation finds
        // its memory free.
        State *const state = result.state.get();
        auto keep = [owner = std::move(result.state)](void *) mutable { owner.reset(); };
        context->save_for_backward({at::from_blob(state, {1}, keep, at::TensorOptions(at::kByte))});
        context->saved_data["weights"] = static_cast<std::int64_t>(weights.size());
        context->set_materialize_grads(false);
        return {result.values, result.derivatives};
    }

    static variable_list backward(AutogradContext *context, variable_list grads) {
        const auto n = static_cast<std::size_t>(context->saved_data["weights"].toInt());
        variable_list results(n + 8);
        if (!grads[0].defined() && !grads[1].defined()) {
            return results;
        }
        TORCH_CHECK_NOT_IMPLEMENTED(!at::GradMode::is_enabled(),
                                    "energies_and_derivatives can be differentiated once; use "
                                    "the network's ordinary forward for create_graph=True");
        const Tensor state = context->get_saved_variables()[0];
        const std::vector<Tensor> gradients = static_cast<State *>(state.data_ptr())->backward(grads[0], grads[1]);
        std::copy(gradients.begin(), gradients.end(), results.begin());
        return results;
    }
};

} // namespace

std::tuple<Tensor, Tensor> energies_and_derivatives(at::TensorList weights, const Tensor &species,
                                                    const Tensor &edge_index, const Tensor &edge_vector,
                                                    const Tensor &offsets, const Tensor &edges, const Tensor &reverse,
                                                    at::IntArrayRef sizes, double cutoff) {
    Result result = evaluate(weights, species, edge_index, edge_vector, offsets, edges, reverse, sizes, cutoff);
    return {result.values, result.derivatives};
}

std::tuple<Tensor, Tensor> autograd::energies_and_derivatives(at::TensorList weights, const Tensor &species,
                                                              const Tensor &edge_index, const Tensor &edge_vector,
                                                              const Tensor &offsets, const Tensor &edges,
                                                              const Tensor &reverse, at::IntArrayRef sizes,
                                                              double cutoff) {
    auto results = EnergiesAndDerivatives::apply(weights, species, edge_index, edge_vector, offsets, edges, reverse,
                                                 sizes, cutoff);
    return {results[0], results[1]};
}

} // namespace tlmlp
