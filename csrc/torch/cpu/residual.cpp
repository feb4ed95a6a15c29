#include <ATen/Dispatch.h>

#include "../checks.h"
#include "../kernels/kernels.h"
#include "../ops.h"
#include "parallel.h"

namespace tlmlp::cpu {

namespace {

std::tuple<Tensor, Tensor, Tensor> residual_forward(const Tensor &h_, const Tensor &weight1_, const Tensor &bias1_,
                                                    const Tensor &weight2_, const Tensor &bias2_, bool keep) {
    check_float(h_, "h");
    check_shape(h_, "h", {-1, -1}, "(rows, size)");
    const std::int64_t rows = h_.size(0), size = h_.size(1);
    check_shape(weight1_, "weight1", {-1, size}, "(middle, size) with the size of h");
    const std::int64_t middle = weight1_.size(0);
    check_shape(bias1_, "bias1", {middle}, "(middle,)");
    check_shape(weight2_, "weight2", {size, middle}, "(size, middle)");
    check_shape(bias2_, "bias2", {size}, "(size,)");
    check_same_type(weight1_, "weight1", h_, "h");
    check_same_type(bias1_, "bias1", h_, "h");
    check_same_type(weight2_, "weight2", h_, "h");
    check_same_type(bias2_, "bias2", h_, "h");
    const Tensor h = h_.contiguous(), weight1 = weight1_.contiguous(), bias1 = bias1_.contiguous();
    const Tensor weight2 = weight2_.contiguous(), bias2 = bias2_.contiguous();
    Tensor out = at::empty({rows, size}, h.options());
    Tensor pre1 = result(keep, {rows, middle}, h.options()), pre2 = result(keep, {rows, size}, h.options());
    AT_DISPATCH_FLOATING_TYPES(h.scalar_type(), "residual_swish", [&] {
        const auto &kernels = kernels::table<scalar_t>();
        const kernels::Residual<scalar_t> d{size,
                                            middle,
                                            pointer<scalar_t>(h),
                                            pointer<scalar_t>(weight1),
                                            pointer<scalar_t>(bias1),
                                            pointer<scalar_t>(weight2),
                                            pointer<scalar_t>(bias2),
                                            nullptr,
                                            nullptr};
        over_chunks<scalar_t>(row_chunks(h), kernels.residual_scratch(size, middle), h.options(),
                              [&](scalar_t *scratch, std::int64_t, std::int64_t first, std::int64_t last) {
                                  kernels.residual(d, first, last, out.data_ptr<scalar_t>(), target<scalar_t>(pre1),
                                                   target<scalar_t>(pre2), scratch);
                              });
    });
    return {out, pre1, pre2};
}

template <class T>
kernels::Residual<T> residual_view(const Tensor &h, const Tensor &weight1, const Tensor &weight2, const Tensor &pre1,
                                   const Tensor &pre2) {
    return {h.size(1),           weight1.size(0), pointer<T>(h),    pointer<T>(weight1), nullptr,
            pointer<T>(weight2), nullptr,         pointer<T>(pre1), pointer<T>(pre2)};
}

} // namespace

Tensor residual_swish(const Tensor &h, const Tensor &weight1, const Tensor &bias1, const Tensor &weight2,
                      const Tensor &bias2) {
    return std::get<0>(residual_forward(h, weight1, bias1, weight2, bias2, false));
}

std::tuple<Tensor, Tensor, Tensor> residual_swish_forward(const Tensor &h, const Tensor &weight1, const Tensor &bias1,
                                                          const Tensor &weight2, const Tensor &bias2) {
    return residual_forward(h, weight1, bias1, weight2, bias2, true);
}

std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor>
residual_swish_backward(const Tensor &h_, const Tensor &weight1_, const Tensor &weight2_, const Tensor &pre1_,
                        const Tensor &pre2_, const OptionalTensor &grad_, const OptionalTensor &grad_pre1_,
                        const OptionalTensor &grad_pre2_, std::int64_t wanted) {
    const Tensor h = h_.contiguous(), weight1 = weight1_.contiguous(), weight2 = weight2_.contiguous();
    const Tensor pre1 = pre1_.contiguous(), pre2 = pre2_.contiguous();
    const Tensor grad = contiguous(grad_), grad_pre1 = contiguous(grad_pre1_), grad_pre2 = contiguous(grad_pre2_);
    const std::int64_t size = h.size(1), middle = weight1.size(0);
    const Chunks chunks = row_chunks(h);
    const auto options = h.options();
    Tensor to_h = result(wants(wanted, 0), h.sizes(), options);
    // weight1, bias1, weight2, bias2
    const std::int64_t widths[4] = {middle * size, middle, size * middle, size};
    Tensor partial[4], sums[4];
    for (int i = 0; i < 4; ++i) {
        partial[i] = partial_sums(wants(wanted, i + 1), chunks, widths[i], options);
    }
    AT_DISPATCH_FLOATING_TYPES(h.scalar_type(), "residual_swish_backward", [&] {
        const auto &kernels = kernels::table<scalar_t>();
        const auto d = residual_view<scalar_t>(h, weight1, weight2, pre1, pre2);
        over_chunks<scalar_t>(chunks, kernels.residual_scratch(size, middle), options,
                              [&](scalar_t *scratch, std::int64_t chunk, std::int64_t first, std::int64_t last) {
                                  const auto part = [&](int i) {
                                      scalar_t *base = target<scalar_t>(partial[i]);
                                      return base ? base + chunk * widths[i] : nullptr;
                                  };
                                  kernels::ResidualGrads<scalar_t> g{};
                                  g.grad = pointer<scalar_t>(grad);
                                  g.grad_pre1 = pointer<scalar_t>(grad_pre1);
                                  g.grad_pre2 = pointer<scalar_t>(grad_pre2);
                                  g.h = target<scalar_t>(to_h);
                                  g.weight1 = part(0);
                                  g.bias1 = part(1);
                                  g.weight2 = part(2);
                                  g.bias2 = part(3);
                                  kernels.residual_backward(d, g, first, last, scratch);
                              });
        sums[0] = add_up<scalar_t>(partial[0], {middle, size});
        sums[1] = add_up<scalar_t>(partial[1], {middle});
        sums[2] = add_up<scalar_t>(partial[2], {size, middle});
        sums[3] = add_up<scalar_t>(partial[3], {size});
    });
    return {to_h, sums[0], sums[1], sums[2], sums[3]};
}

std::vector<Tensor> residual_swish_second(const c10::List<OptionalTensor> &v_, const Tensor &h_,
                                          const Tensor &weight1_, const Tensor &weight2_, const Tensor &pre1_,
                                          const Tensor &pre2_, const OptionalTensor &grad_,
                                          const OptionalTensor &grad_pre1_, const OptionalTensor &grad_pre2_,
                                          std::int64_t wanted) {
    const Tensor h = h_.contiguous(), weight1 = weight1_.contiguous(), weight2 = weight2_.contiguous();
    const Tensor pre1 = pre1_.contiguous(), pre2 = pre2_.contiguous();
    const Tensor grad = contiguous(grad_), grad_pre1 = contiguous(grad_pre1_), grad_pre2 = contiguous(grad_pre2_);
    Tensor v[5];
    for (std::size_t i = 0; i < 5; ++i) {
        v[i] = contiguous(v_.get(i));
    }
    const std::int64_t rows = h.size(0), size = h.size(1), middle = weight1.size(0);
    const Chunks chunks = row_chunks(h);
    const auto options = h.options();
    const auto wide = [&](bool want) { return result(want, {rows, size}, options); };
    const auto narrow = [&](bool want) { return result(want, {rows, middle}, options); };
    std::vector<Tensor> results(8);
    results[0] = wide(wants(wanted, 0) && v[1].defined());
    results[3] = narrow(wants(wanted, 3));
    results[4] = wide(wants(wanted, 4));
    results[5] = wide(wants(wanted, 5));
    results[6] = narrow(wants(wanted, 6));
    results[7] = wide(wants(wanted, 7));
    Tensor weights1 = partial_sums(wants(wanted, 1), chunks, middle * size, options);
    Tensor weights2 = partial_sums(wants(wanted, 2), chunks, size * middle, options);
    AT_DISPATCH_FLOATING_TYPES(h.scalar_type(), "residual_swish_second", [&] {
        const auto &kernels = kernels::table<scalar_t>();
        const auto d = residual_view<scalar_t>(h, weight1, weight2, pre1, pre2);
        over_chunks<scalar_t>(chunks, kernels.residual_scratch(size, middle), options,
                              [&](scalar_t *scratch, std::int64_t chunk, std::int64_t first, std::int64_t last) {
                                  kernels::ResidualSecond<scalar_t> s{};
                                  s.grad = pointer<scalar_t>(grad);
                                  s.grad_pre1 = pointer<scalar_t>(grad_pre1);
                                  s.grad_pre2 = pointer<scalar_t>(grad_pre2);
                                  s.v_h = pointer<scalar_t>(v[0]);
                                  s.v_weight1 = pointer<scalar_t>(v[1]);
                                  s.v_bias1 = pointer<scalar_t>(v[2]);
                                  s.v_weight2 = pointer<scalar_t>(v[3]);
                                  s.v_bias2 = pointer<scalar_t>(v[4]);
                                  s.h = target<scalar_t>(results[0]);
                                  s.pre1 = target<scalar_t>(results[3]);
                                  s.pre2 = target<scalar_t>(results[4]);
                                  s.to_grad = target<scalar_t>(results[5]);
                                  s.to_grad_pre1 = target<scalar_t>(results[6]);
                                  s.to_grad_pre2 = target<scalar_t>(results[7]);
                                  scalar_t *to1 = target<scalar_t>(weights1), *to2 = target<scalar_t>(weights2);
                                  s.weight1 = to1 ? to1 + chunk * middle * size : nullptr;
                                  s.weight2 = to2 ? to2 + chunk * middle * size : nullptr;
                                  kernels.residual_second(d, s, first, last, scratch);
                              });
        results[1] = add_up<scalar_t>(weights1, {middle, size});
        results[2] = add_up<scalar_t>(weights2, {size, middle});
    });
    return results;
}

} // namespace tlmlp::cpu
