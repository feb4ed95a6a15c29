#include "dispatch.h"

// y = swish(x W^T + b). The preactivation is a second output of the node, so that the second derivative hands its
// part there and it joins the gradient of y before the products with x and W are taken (kernels/dense.h).
namespace tlmlp::autograd {

namespace {

struct DenseSwishBackward : Function<DenseSwishBackward> {
    static variable_list forward(AutogradContext *context, const Tensor &x, const Tensor &weight, const Tensor &pre,
                                 const OptionalTensor &grad_y, const OptionalTensor &grad_pre, std::int64_t wanted) {
        at::AutoDispatchBelowADInplaceOrView guard;
        static const auto op = find_op("tlmlp::_dense_swish_backward", cpu::dense_swish_backward);
        auto [grad_x, grad_weight, grad_bias] = op.call(x, weight, pre, grad_y, grad_pre, wanted);
        context->save_for_backward({x, weight, pre, grad_y.value_or(Tensor()), grad_pre.value_or(Tensor())});
        context->set_materialize_grads(false);
        return {grad_x, grad_weight, grad_bias};
    }

    static variable_list backward(AutogradContext *context, variable_list v) {
        static const auto op = find_op("tlmlp::_dense_swish_second", cpu::dense_swish_second);
        const auto saved = context->get_saved_variables();
        const bool has_grad_y = saved[3].defined(), has_grad_pre = saved[4].defined();
        std::int64_t wanted = wanted_inputs(context, 3);
        int input = 3;
        wanted |= std::int64_t(has_grad_y && context->needs_input_grad(input++)) << 3;
        wanted |= std::int64_t(has_grad_pre && context->needs_input_grad(input)) << 4;
        if (!v[0].defined() && !v[1].defined() && !v[2].defined()) {
            return variable_list(6);
        }
        auto [x, weight, pre, grad_y, grad_pre] =
            op.call(optional(v[0]), optional(v[1]), optional(v[2]), saved[0], saved[1], saved[2], optional(saved[3]),
                    optional(saved[4]), wanted);
        return {result_or_undefined(x, wants(wanted, 0) && v[1].defined()),
                result_or_undefined(weight, wants(wanted, 1) && v[0].defined()),
                result_or_undefined(pre, wants(wanted, 2)),
                result_or_undefined(grad_y, wants(wanted, 3)),
                result_or_undefined(grad_pre, wants(wanted, 4)),
                Tensor()};
    }
};

struct DenseSwish : Function<DenseSwish> {
    static variable_list forward(AutogradContext *context, const Tensor &x, const Tensor &weight,
                                 const OptionalTensor &bias) {
        at::AutoDispatchBelowADInplaceOrView guard;
        static const auto op = find_op("tlmlp::_dense_swish_forward", cpu::dense_swish_forward);
        auto [y, pre] = op.call(x, weight, bias);
        context->saved_data["has_bias"] = present(bias);
        context->save_for_backward({x, weight, pre});
        context->set_materialize_grads(false);
        return {y, pre};
    }

    static variable_list backward(AutogradContext *context, variable_list grads) {
        if (!grads[0].defined() && !grads[1].defined()) {
            return variable_list(3);
        }
        const auto saved = context->get_saved_variables();
        const bool has_bias = context->saved_data["has_bias"].toBool();
        const std::int64_t wanted = wanted_inputs(context, has_bias ? 3 : 2);
        const auto results = DenseSwishBackward::apply(saved[0], saved[1], saved[2], optional(grads[0]),
                                                       optional(grads[1]), wanted);
        return {result_or_undefined(results[0], wants(wanted, 0)), result_or_undefined(results[1], wants(wanted, 1)),
                result_or_undefined(results[2], wants(wanted, 2))};
    }
};

} // namespace

Tensor dense_swish(const Tensor &x, const Tensor &weight, const OptionalTensor &bias) {
    return DenseSwish::apply(x, weight, bias)[0];
}

} // namespace tlmlp::autograd
