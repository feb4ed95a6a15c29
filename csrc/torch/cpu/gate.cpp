#include <ATen/Dispatch.h>

#include "../checks.h"
#include "../kernels/kernels.h"
#include "../ops.h"
#include "parallel.h"

namespace tlmlp::cpu {

namespace {

void check_gate(const Tensor &x, const Tensor &e, const Tensor &weight) {
    check_float(x, "x");
    check_shape(x, "x", {-1, -1}, "(rows, channels)");
    check_shape(e, "e", {x.size(0), -1}, "(rows, inputs) with the rows of x");
    check_shape(weight, "weight", {x.size(1), e.size(1)}, "(channels of x, inputs of e)");
    check_same_type(e, "e", x, "x");
    check_same_type(weight, "weight", x, "x");
}

} // namespace

Tensor gate(const Tensor &x_, const Tensor &e_, const Tensor &weight_) {
    check_gate(x_, e_, weight_);
    const Tensor x = x_.contiguous(), e = e_.contiguous(), weight = weight_.contiguous();
    Tensor y = at::empty(x.sizes(), x.options());
    AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "gate", [&] {
        const auto &kernels = kernels::table<scalar_t>();
        const kernels::Gate<scalar_t> d{x.size(1), e.size(1), pointer<scalar_t>(x), pointer<scalar_t>(e),
                                        pointer<scalar_t>(weight)};
        over_chunks<scalar_t>(row_chunks(x), kernels.gate_scratch(d.channels, d.inputs), x.options(),
                              [&](scalar_t *scratch, std::int64_t, std::int64_t first, std::int64_t last) {
                                  kernels.gate(d, first, last, y.data_ptr<scalar_t>(), scratch);
                              });
    });
    return y;
}

std::tuple<Tensor, Tensor, Tensor> gate_backward(const Tensor &x_, const Tensor &e_, const Tensor &weight_,
                                                 const Tensor &grad_y_, std::int64_t wanted) {
    const Tensor x = x_.contiguous(), e = e_.contiguous(), weight = weight_.contiguous();
    const Tensor grad_y = grad_y_.contiguous();
    const Chunks chunks = row_chunks(x);
    const bool to_weight = wants(wanted, 2);
    Tensor grad_x = result(wants(wanted, 0), x.sizes(), x.options());
    Tensor grad_e = result(wants(wanted, 1), e.sizes(), x.options()), grad_weight;
    Tensor weights = partial_sums(to_weight, chunks, weight.numel(), x.options());
    AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "gate_backward", [&] {
        const auto &kernels = kernels::table<scalar_t>();
        const kernels::Gate<scalar_t> d{x.size(1), e.size(1), pointer<scalar_t>(x), pointer<scalar_t>(e),
                                        pointer<scalar_t>(weight)};
        over_chunks<scalar_t>(
            chunks, kernels.gate_scratch(d.channels, d.inputs), x.options(),
            [&](scalar_t *scratch, std::int64_t chunk, std::int64_t first, std::int64_t last) {
                kernels::GateGrads<scalar_t> g{};
                g.grad_y = pointer<scalar_t>(grad_y);
                g.grad_x = target<scalar_t>(grad_x);
                g.grad_e = target<scalar_t>(grad_e);
                g.grad_weight = to_weight ? weights.data_ptr<scalar_t>() + chunk * weight.numel() : nullptr;
                kernels.gate_backward(d, g, first, last, scratch);
            });
        grad_weight = add_up<scalar_t>(weights, weight.sizes());
    });
    return {grad_x, grad_e, grad_weight};
}

std::tuple<Tensor, Tensor, Tensor, Tensor> gate_second(const OptionalTensor &v_x_, const OptionalTensor &v_e_,
                                                       const OptionalTensor &v_weight_, const Tensor &x_,
                                                       const Tensor &e_, const Tensor &weight_,
                                                       const Tensor &grad_y_, std::int64_t wanted) {
    const Tensor x = x_.contiguous(), e = e_.contiguous(), weight = weight_.contiguous();
    const Tensor grad_y = grad_y_.contiguous();
    const Tensor v_x = contiguous(v_x_), v_e = contiguous(v_e_), v_weight = contiguous(v_weight_);
    const Chunks chunks = row_chunks(x);
    const bool to_weight = wants(wanted, 2);
    Tensor x_result = result(wants(wanted, 0), x.sizes(), x.options());
    Tensor e_result = result(wants(wanted, 1), e.sizes(), x.options()), weight_result;
    Tensor grad_y_result = result(wants(wanted, 3), x.sizes(), x.options());
    Tensor weights = partial_sums(to_weight, chunks, weight.numel(), x.options());
    AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "gate_second", [&] {
        const auto &kernels = kernels::table<scalar_t>();
        const kernels::Gate<scalar_t> d{x.size(1), e.size(1), pointer<scalar_t>(x), pointer<scalar_t>(e),
                                        pointer<scalar_t>(weight)};
        over_chunks<scalar_t>(
            chunks, kernels.gate_scratch(d.channels, d.inputs), x.options(),
            [&](scalar_t *scratch, std::int64_t chunk, std::int64_t first, std::int64_t last) {
                kernels::GateSecond<scalar_t> s{};
                s.grad_y = pointer<scalar_t>(grad_y);
                s.v_x = pointer<scalar_t>(v_x);
                s.v_e = pointer<scalar_t>(v_e);
                s.v_weight = pointer<scalar_t>(v_weight);
                s.to_x = target<scalar_t>(x_result);
                s.to_e = target<scalar_t>(e_result);
                s.to_grad_y = target<scalar_t>(grad_y_result);
                s.to_weight = to_weight ? weights.data_ptr<scalar_t>() + chunk * weight.numel() : nullptr;
                kernels.gate_second(d, s, first, last, scratch);
            });
        weight_result = add_up<scalar_t>(weights, weight.sizes());
    });
    return {x_result, e_result, weight_result, grad_y_result};
}

} // namespace tlmlp::cpu
