#include "dispatch.h"

// y = x * (e W^T), elementwise; linear in each of the three, so the second derivative is final (kernels/gate.h).
namespace tlmlp::autograd {

namespace {

struct GateBackward : Function<GateBackward> {
    static variable_list forward(AutogradContext *context, const Tensor &x, const Tensor &e, const Tensor &weight,
                                 const Tensor &grad_y, std::int64_t wanted) {
        at::AutoDispatchBelowADInplaceOrView guard;
        static const auto op = find_op("tlmlp::_gate_backward", cpu::gate_backward);
        auto [grad_x, grad_e, grad_weight] = op.call(x, e, weight, grad_y, wanted);
        context->save_for_backward({x, e, weight, grad_y});
        context->set_materialize_grads(false);
        return {grad_x, grad_e, grad_weight};
    }

    static variable_list backward(AutogradContext *context, variable_list v) {
        variable_list results(5);
        if (!v[0].defined() && !v[1].defined() && !v[2].defined()) {
            return results;
        }
        static const auto op = find_op("tlmlp::_gate_second", cpu::gate_second);
        const auto saved = context->get_saved_variables();
        const std::int64_t wanted = wanted_inputs(context, 4);
        auto [x, e, weight, grad_y] = op.call(optional(v[0]), optional(v[1]), optional(v[2]), saved[0], saved[1],
                                              saved[2], saved[3], wanted);
        results[0] = result_or_undefined(x, wants(wanted, 0));
        results[1] = result_or_undefined(e, wants(wanted, 1));
        results[2] = result_or_undefined(weight, wants(wanted, 2));
        results[3] = result_or_undefined(grad_y, wants(wanted, 3));
        return results;
    }
};

struct Gate : Function<Gate> {
    static Tensor forward(AutogradContext *context, const Tensor &x, const Tensor &e, const Tensor &weight) {
        at::AutoDispatchBelowADInplaceOrView guard;
        static const auto op = find_op("tlmlp::gate", cpu::gate);
        context->save_for_backward({x, e, weight});
        context->set_materialize_grads(false);
        return op.call(x, e, weight);
    }

    static variable_list backward(AutogradContext *context, variable_list grads) {
        variable_list results(3);
        if (!grads[0].defined()) {
            return results;
        }
        const auto saved = context->get_saved_variables();
        const std::int64_t wanted = wanted_inputs(context, 3);
        const auto gradients = GateBackward::apply(saved[0], saved[1], saved[2], grads[0], wanted);
        for (int i = 0; i < 3; ++i) {
            results[i] = result_or_undefined(gradients[i], wants(wanted, i));
        }
        return results;
    }
};

} // namespace

Tensor gate(const Tensor &x, const Tensor &e, const Tensor &weight) { return Gate::apply(x, e, weight); }

} // namespace tlmlp::autograd
