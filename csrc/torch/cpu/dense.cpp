#include <ATen/Dispatch.h>

#include "../checks.h"
#include "../kernels/kernels.h"
#include "../ops.h"
#include "parallel.h"

namespace tlmlp::cpu {

namespace {

void check_dense(const Tensor &x, const Tensor &weight, const OptionalTensor &bias) {
    check_float(x, "x");
    check_shape(x, "x", {-1, -1}, "(rows, in)");
    check_shape(weight, "weight", {-1, x.size(1)}, "(out, in) with the `in` of x");
    check_same_type(weight, "weight", x, "x");
    if (present(bias)) {
        check_shape(*bias, "bias", {weight.size(0)}, "(out,)");
        check_same_type(*bias, "bias", x, "x");
    }
}

std::tuple<Tensor, Tensor> forward(const Tensor &x_, const Tensor &weight_, const OptionalTensor &bias_,
                                   bool keep_pre) {
    check_dense(x_, weight_, bias_);
    const Tensor x = x_.contiguous(), weight = weight_.contiguous(), bias = contiguous(bias_);
    const std::int64_t in = x.size(1), out = weight.size(0);
    Tensor y = at::empty({x.size(0), out}, x.options());
    Tensor pre = result(keep_pre, {x.size(0), out}, x.options());
    AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "dense_swish", [&] {
        const auto &kernels = kernels::table<scalar_t>();
        const kernels::Dense<scalar_t> d{in, out, pointer<scalar_t>(x), pointer<scalar_t>(weight),
                                         pointer<scalar_t>(bias), nullptr};
        over_chunks<scalar_t>(row_chunks(x), kernels.dense_scratch(in, out), x.options(),
                              [&](scalar_t *scratch, std::int64_t, std::int64_t first, std::int64_t last) {
                                  kernels.dense(d, first, last, y.data_ptr<scalar_t>(),
                                                keep_pre ? pre.data_ptr<scalar_t>() : nullptr, scratch);
                              });
    });
    return {y, pre};
}

} // namespace

Tensor dense_swish(const Tensor &x, const Tensor &weight, const OptionalTensor &bias) {
    return std::get<0>(forward(x, weight, bias, false));
}

std::tuple<Tensor, Tensor> dense_swish_forward(const Tensor &x, const Tensor &weight, const OptionalTensor &bias) {
    return forward(x, weight, bias, true);
}

std::tuple<Tensor, Tensor, Tensor> dense_swish_backward(const Tensor &x_, const Tensor &weight_, const Tensor &pre_,
                                                        const OptionalTensor &grad_y_,
                                                        const OptionalTensor &grad_pre_, std::int64_t wanted) {
    const Tensor x = x_.contiguous(), weight = weight_.contiguous(), pre = pre_.contiguous();
    const Tensor grad_y = contiguous(grad_y_), grad_pre = contiguous(grad_pre_);
    const std::int64_t rows = x.size(0), in = x.size(1), out = weight.size(0);
    const Chunks chunks = row_chunks(x);
    const bool to_weight = wants(wanted, 1), to_bias = wants(wanted, 2);
    Tensor grad_x = result(wants(wanted, 0), {rows, in}, x.options()), grad_weight, grad_bias;
    Tensor weights = partial_sums(to_weight, chunks, out * in, x.options());
    Tensor biases = partial_sums(to_bias, chunks, out, x.options());
    AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "dense_swish_backward", [&] {
        const auto &kernels = kernels::table<scalar_t>();
        const kernels::Dense<scalar_t> d{in, out, pointer<scalar_t>(x), pointer<scalar_t>(weight), nullptr,
                                         pointer<scalar_t>(pre)};
        over_chunks<scalar_t>(
            chunks, kernels.dense_scratch(in, out), x.options(),
            [&](scalar_t *scratch, std::int64_t chunk, std::int64_t first, std::int64_t last) {
                kernels::DenseGrads<scalar_t> g{};
                g.grad_y = pointer<scalar_t>(grad_y);
                g.grad_pre = pointer<scalar_t>(grad_pre);
                g.grad_x = wants(wanted, 0) ? grad_x.data_ptr<scalar_t>() : nullptr;
                g.grad_weight = to_weight ? weights.data_ptr<scalar_t>() + chunk * out * in : nullptr;
                g.grad_bias = to_bias ? biases.data_ptr<scalar_t>() + chunk * out : nullptr;
                kernels.dense_backward(d, g, first, last, scratch);
            });
        grad_weight = add_up<scalar_t>(weights, {out, in});
        grad_bias = add_up<scalar_t>(biases, {out});
    });
    return {grad_x, grad_weight, grad_bias};
}

std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor>
dense_swish_second(const OptionalTensor &v_x_, const OptionalTensor &v_weight_, const OptionalTensor &v_bias_,
                   const Tensor &x_, const Tensor &weight_, const Tensor &pre_, const OptionalTensor &grad_y_,
                   const OptionalTensor &grad_pre_, std::int64_t wanted) {
    const Tensor x = x_.contiguous(), weight = weight_.contiguous(), pre = pre_.contiguous();
    const Tensor grad_y = contiguous(grad_y_), grad_pre = contiguous(grad_pre_);
    const Tensor v_x = contiguous(v_x_), v_weight = contiguous(v_weight_), v_bias = contiguous(v_bias_);
    const std::int64_t rows = x.size(0), in = x.size(1), out = weight.size(0);
    const Chunks chunks = row_chunks(x);
    // Without v_weight, x takes no part; without v_x, neither does the weight.
    const bool to_x = wants(wanted, 0) && v_weight.defined(), to_weight = wants(wanted, 1) && v_x.defined();
    Tensor x_result = result(to_x, {rows, in}, x.options()), weight_result;
    Tensor pre_result = result(wants(wanted, 2), {rows, out}, x.options());
    Tensor grad_y_result = result(wants(wanted, 3) && grad_y.defined(), {rows, out}, x.options());
    Tensor grad_pre_result = result(wants(wanted, 4) && grad_pre.defined(), {rows, out}, x.options());
    Tensor weights = partial_sums(to_weight, chunks, out * in, x.options());
    AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "dense_swish_second", [&] {
        const auto &kernels = kernels::table<scalar_t>();
        const kernels::Dense<scalar_t> d{in, out, pointer<scalar_t>(x), pointer<scalar_t>(weight), nullptr,
                                         pointer<scalar_t>(pre)};
        kernels::DenseGrads<scalar_t> g{};
        g.grad_y = pointer<scalar_t>(grad_y);
        g.grad_pre = pointer<scalar_t>(grad_pre);
        over_chunks<scalar_t>(chunks, kernels.dense_scratch(in, out), x.options(),
                              [&](scalar_t *scratch, std::int64_t chunk, std::int64_t first, std::int64_t last) {
                                  kernels::DenseSecond<scalar_t> s{};
                                  s.v_x = pointer<scalar_t>(v_x);
                                  s.v_weight = pointer<scalar_t>(v_weight);
                                  s.v_bias = pointer<scalar_t>(v_bias);
                                  s.to_grad_y = target<scalar_t>(grad_y_result);
                                  s.to_grad_pre = target<scalar_t>(grad_pre_result);
                                  s.to_pre = target<scalar_t>(pre_result);
                                  s.to_x = target<scalar_t>(x_result);
                                  s.to_weight =
                                      to_weight ? weights.data_ptr<scalar_t>() + chunk * out * in : nullptr;
                                  kernels.dense_second(d, g, s, first, last, scratch);
                              });
        weight_result = add_up<scalar_t>(weights, {out, in});
    });
    return {x_result, weight_result, pre_result, grad_y_result, grad_pre_result};
}

} // namespace tlmlp::cpu
