#include "autograd.h"

namespace tlmlp::autograd {

namespace {

// Differentiable inputs of the backward node: y, sbf, weight, Y, grad_z.
struct DirectionalSumBackward : Function<DirectionalSumBackward> {
    static variable_list forward(AutogradContext *context, const Tensor &y, const Tensor &sbf, const Tensor &weight,
                                 const Tensor &harmonics, const Tensor &grad_z, const Tensor &edge_index,
                                 const Tensor &offsets, const Tensor &edges, const Tensor &reverse,
                                 std::int64_t wanted) {
        at::AutoDispatchBelowADInplaceOrView guard;
        static const auto op = find_op("tlmlp::_directional_sum_backward", tlmlp::directional_sum_backward);
        auto [to_y, to_sbf, to_weight, to_harmonics] =
            op.call(y, sbf, weight, harmonics, grad_z, edge_index, offsets, edges, reverse, wanted);
        context->save_for_backward({y, sbf, weight, harmonics, grad_z, edge_index, offsets, edges, reverse});
        context->set_materialize_grads(false);
        return {to_y, to_sbf, to_weight, to_harmonics};
    }

    static variable_list backward(AutogradContext *context, variable_list v) {
        if (!v[0].defined() && !v[1].defined() && !v[2].defined() && !v[3].defined()) {
            return variable_list(10);
        }
        static const auto op = find_op("tlmlp::_directional_sum_second", tlmlp::directional_sum_second);
        const auto s = context->get_saved_variables();
        const std::int64_t wanted = wanted_inputs(context, 5);
        auto [y, sbf, weight, harmonics, grad_z] =
            op.call(optional(v[0]), optional(v[1]), optional(v[2]), optional(v[3]), s[0], s[1], s[2], s[3], s[4], s[5],
                    s[6], s[7], s[8], wanted);
        variable_list results(10);
        results[0] = result_or_undefined(y, wants(wanted, 0));
        results[1] = result_or_undefined(sbf, wants(wanted, 1));
        results[2] = result_or_undefined(weight, wants(wanted, 2));
        results[3] = result_or_undefined(harmonics, wants(wanted, 3));
        results[4] = result_or_undefined(grad_z, wants(wanted, 4));
        return results;
    }
};

struct DirectionalSum : Function<DirectionalSum> {
    static Tensor forward(AutogradContext *context, const Tensor &y, const Tensor &sbf, const Tensor &weight,
                          const Tensor &harmonics, const Tensor &edge_index, const Tensor &offsets, const Tensor &edges,
                          const Tensor &reverse) {
        at::AutoDispatchBelowADInplaceOrView guard;
        static const auto op = find_op("tlmlp::directional_sum", tlmlp::directional_sum);
        context->save_for_backward({y, sbf, weight, harmonics, edge_index, offsets, edges, reverse});
        context->set_materialize_grads(false);
        return op.call(y, sbf, weight, harmonics, edge_index, offsets, edges, reverse);
    }

    static variable_list backward(AutogradContext *context, variable_list grads) {
        variable_list results(8);
        if (!grads[0].defined()) {
            return results;
        }
        const auto s = context->get_saved_variables();
        const std::int64_t wanted = wanted_inputs(context, 4);
        const auto gradients =
            DirectionalSumBackward::apply(s[0], s[1], s[2], s[3], grads[0], s[4], s[5], s[6], s[7], wanted);
        for (int i = 0; i < 4; ++i) {
            results[i] = result_or_undefined(gradients[i], wants(wanted, i));
        }
        return results;
    }
};

} // namespace

Tensor directional_sum(const Tensor &y, const Tensor &sbf, const Tensor &weight, const Tensor &harmonics,
                       const Tensor &edge_index, const Tensor &offsets, const Tensor &edges, const Tensor &reverse) {
    return DirectionalSum::apply(y, sbf, weight, harmonics, edge_index, offsets, edges, reverse);
}

} // namespace tlmlp::autograd
