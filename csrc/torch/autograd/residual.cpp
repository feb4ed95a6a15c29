#include "dispatch.h"

// out = h + swish(swish(h W1^T + b1) W2^T + b2); both preactivations are outputs of the node (kernels/residual.h).
namespace tlmlp::autograd {

namespace {

bool none_defined(const variable_list &list) {
    for (const Tensor &t : list) {
        if (t.defined()) {
            return false;
        }
    }
    return true;
}

// Differentiable inputs of the backward node: h, weight1, weight2, pre1, pre2, then the gradients that are present.
struct ResidualSwishBackward : Function<ResidualSwishBackward> {
    static variable_list forward(AutogradContext *context, const Tensor &h, const Tensor &weight1,
                                 const Tensor &weight2, const Tensor &pre1, const Tensor &pre2,
                                 const OptionalTensor &grad, const OptionalTensor &grad_pre1,
                                 const OptionalTensor &grad_pre2, std::int64_t wanted) {
        at::AutoDispatchBelowADInplaceOrView guard;
        static const auto op = find_op("tlmlp::_residual_swish_backward", cpu::residual_swish_backward);
        auto [to_h, to_weight1, to_bias1, to_weight2, to_bias2] =
            op.call(h, weight1, weight2, pre1, pre2, grad, grad_pre1, grad_pre2, wanted);
        context->save_for_backward({h, weight1, weight2, pre1, pre2, grad.value_or(Tensor()),
                                    grad_pre1.value_or(Tensor()), grad_pre2.value_or(Tensor())});
        context->set_materialize_grads(false);
        return {to_h, to_weight1, to_bias1, to_weight2, to_bias2};
    }

    static variable_list backward(AutogradContext *context, variable_list v) {
        variable_list results(9);
        if (none_defined(v)) {
            return results;
        }
        static const auto op = find_op("tlmlp::_residual_swish_second", cpu::residual_swish_second);
        const auto s = context->get_saved_variables();
        std::int64_t wanted = wanted_inputs(context, 5);
        int input = 5;
        for (int i = 5; i < 8; ++i) {
            wanted |= std::int64_t(s[i].defined() && context->needs_input_grad(input)) << i;
            input += s[i].defined();
        }
        c10::List<OptionalTensor> cotangents;
        for (const Tensor &t : v) {
            cotangents.push_back(optional(t));
        }
        const std::vector<Tensor> gradients = op.call(cotangents, s[0], s[1], s[2], s[3], s[4], optional(s[5]),
                                                      optional(s[6]), optional(s[7]), wanted);
        for (int i = 0; i < 8; ++i) {
            results[i] = result_or_undefined(gradients[i], wants(wanted, i));
        }
        if (!v[1].defined()) {
            results[0] = Tensor(); // h takes part through the gradient of weight1 alone
        }
        return results;
    }
};

struct ResidualSwish : Function<ResidualSwish> {
    static variable_list forward(AutogradContext *context, const Tensor &h, const Tensor &weight1,
                                 const Tensor &bias1, const Tensor &weight2, const Tensor &bias2) {
        at::AutoDispatchBelowADInplaceOrView guard;
        static const auto op = find_op("tlmlp::_residual_swish_forward", cpu::residual_swish_forward);
        auto [out, pre1, pre2] = op.call(h, weight1, bias1, weight2, bias2);
        context->save_for_backward({h, weight1, weight2, pre1, pre2});
        context->set_materialize_grads(false);
        return {out, pre1, pre2};
    }

    static variable_list backward(AutogradContext *context, variable_list grads) {
        if (none_defined(grads)) {
            return variable_list(5);
        }
        const auto s = context->get_saved_variables();
        const std::int64_t wanted = wanted_inputs(context, 5);
        variable_list results =
            ResidualSwishBackward::apply(s[0], s[1], s[2], s[3], s[4], optional(grads[0]), optional(grads[1]),
                                         optional(grads[2]), wanted);
        for (int i = 0; i < 5; ++i) {
            results[i] = result_or_undefined(results[i], wants(wanted, i));
        }
        return results;
    }
};

} // namespace

Tensor residual_swish(const Tensor &h, const Tensor &weight1, const Tensor &bias1, const Tensor &weight2,
                      const Tensor &bias2) {
    return ResidualSwish::apply(h, weight1, bias1, weight2, bias2)[0];
}

} // namespace tlmlp::autograd
