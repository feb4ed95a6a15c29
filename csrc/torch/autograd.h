#pragma once

#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/autograd/custom_function.h>

#include "operators.h"

namespace tlmlp::autograd {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

/// The op `name`, with the signature of the function that implements it.
template <class Signature> c10::TypedOperatorHandle<Signature> find_op(const char *name, Signature *) {
    return c10::Dispatcher::singleton().findSchemaOrThrow(name, "").typed<Signature>();
}

/// Placeholders of unwanted results become undefined, as the autograd engine expects them.
inline Tensor result_or_undefined(const Tensor &t, bool wanted) { return wanted ? t : Tensor(); }

inline OptionalTensor optional(const Tensor &t) { return t.defined() ? OptionalTensor(t) : std::nullopt; }

/// Bit i set where the gradient of differentiable input i is asked for.
inline std::int64_t wanted_inputs(AutogradContext *context, int inputs) {
    std::int64_t wanted = 0;
    for (int i = 0; i < inputs; ++i) {
        wanted |= std::int64_t(context->needs_input_grad(i)) << i;
    }
    return wanted;
}

} // namespace tlmlp::autograd
