#pragma once

#include <ATen/core/Tensor.h>

#include <initializer_list>
#include <string>

namespace tlmlp {

/// Argument checks of the ops: one line that names the argument, what was expected and what came.

inline std::string shape_text(const at::Tensor &t) {
    std::string text = "(";
    for (std::int64_t i = 0; i < t.dim(); ++i) {
        text += (i ? ", " : "") + std::to_string(t.size(i));
    }
    return text + (t.dim() == 1 ? ",)" : ")");
}

/// `expected` lists the sizes, -1 for any; `meaning` is the shape in words.
inline void check_shape(const at::Tensor &t, const char *name, std::initializer_list<std::int64_t> expected,
                        const char *meaning) {
    bool same = t.dim() == static_cast<std::int64_t>(expected.size());
    std::int64_t i = 0;
    for (const std::int64_t size : expected) {
        same = same && (size < 0 || t.size(i) == size);
        ++i;
    }
    TORCH_CHECK_VALUE(same, "`", name, "` must have shape ", meaning, ", got ", shape_text(t));
}

inline void check_float(const at::Tensor &t, const char *name) {
    TORCH_CHECK_TYPE(t.scalar_type() == at::kFloat || t.scalar_type() == at::kDouble, "`", name,
                     "` must be float32 or float64, got ", t.scalar_type());
}

inline void check_same_type(const at::Tensor &t, const char *name, const at::Tensor &reference,
                            const char *reference_name) {
    TORCH_CHECK_TYPE(t.scalar_type() == reference.scalar_type(), "`", name, "` must have the dtype of `",
                     reference_name, "` (", reference.scalar_type(), "), got ", t.scalar_type());
    TORCH_CHECK_VALUE(t.device() == reference.device(), "`", name, "` must be on the device of `", reference_name,
                      "` (", reference.device(), "), got ", t.device());
}

inline void check_index(const at::Tensor &t, const char *name) {
    TORCH_CHECK_TYPE(t.scalar_type() == at::kLong, "`", name, "` must be int64, got ", t.scalar_type());
}

inline void check_basis(double cutoff, std::int64_t p) {
    TORCH_CHECK_VALUE(cutoff > 0, "`cutoff` must be positive, got ", cutoff);
    TORCH_CHECK_VALUE(p >= 2 && p <= 64, "`p`, the envelope exponent, must lie in 2..64, got ", p);
}

} // namespace tlmlp
