#pragma once

#include "job.h"

namespace tlmlp::training {

/// The best kernels that this machine can run; the environment variable TLMLP_SIMD (portable, avx2, avx512) asks for
/// a lower level.
template <class T> const Kernels<T> &find_kernels();

} // namespace tlmlp::training
