#pragma once

// Every functor of the torch operators by its place in a list: what crosses the C interface is the place.

#include <cstddef>
#include <tuple>
#include <type_traits>

#include "cuda/kernels/ops/cuda_basis_operator.h"
#include "cuda/kernels/ops/cuda_directional_operator.h"

namespace tlmlp::cuda::ops {

template <class T>
using List = std::tuple<CentreSums<T>, EdgeSums<T>, EdgeOverlaps<T>, Harmonics<T>, HarmonicsBackward<T>,
                        HarmonicsSecond<T>, RadialValues<T>, RadialBackward<T>, RadialSecond<T>, BesselValues<T>,
                        BesselBackward<T>, BesselSecond<T>>;

/// Place of the functor F in List<T>.
template <class F, class T, std::size_t I = 0> constexpr int place() {
    if constexpr (std::is_same_v<F, std::tuple_element_t<I, List<T>>>) {
        return int(I);
    } else {
        return place<F, T, I + 1>();
    }
}

} // namespace tlmlp::cuda::ops
