#pragma once

#include "sweep_job.h"

namespace tlmlp::training {

/// The kernels of the level that engine::choose_level gives.
template <class T> const Kernels<T> &find_kernels();

} // namespace tlmlp::training
