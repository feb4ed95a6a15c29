// One instruction level; compiled once per level with TLMLP_LEVEL (its name) and TLMLP_SIMD_BYTES.

// kernels.h names the interface in tlmlp::kernels; the implementation headers below open unnamed namespaces, which
// must not be shared between levels.
#include <cmath>
#include <utility>
#include <vector>

#include "kernels.h"
#include "tlmlp/math/macros.h"

namespace kernels = tlmlp::kernels;
namespace math = tlmlp::math;

#include "basis.h"
#include "dense.h"
#include "directional.h"
#include "gate.h"
#include "residual.h"

#define TLMLP_TEXT_(x) #x
#define TLMLP_TEXT(x) TLMLP_TEXT_(x)

namespace tlmlp::kernels::TLMLP_LEVEL {

template <class T> const Table<T> *functions() {
    static constexpr Table<T> table{TLMLP_TEXT(TLMLP_LEVEL),
                                    ::dense_scratch<T>,
                                    ::dense<T>,
                                    ::dense_backward<T>,
                                    ::dense_second<T>,
                                    ::gate_scratch<T>,
                                    ::gate<T>,
                                    ::gate_backward<T>,
                                    ::gate_second<T>,
                                    ::residual_scratch<T>,
                                    ::residual<T>,
                                    ::residual_backward<T>,
                                    ::residual_second<T>,
                                    ::directional_scratch<T>,
                                    ::directional<T>,
                                    ::directional_backward<T>,
                                    ::directional_second<T>,
                                    ::bessel<T>,
                                    ::bessel_backward<T>,
                                    ::bessel_second<T>,
                                    ::radial<T>,
                                    ::radial_backward<T>,
                                    ::radial_second<T>,
                                    ::harmonics<T>,
                                    ::harmonics_backward<T>,
                                    ::harmonics_second<T>};
    return &table;
}

template const Table<float> *functions<float>();
template const Table<double> *functions<double>();

} // namespace tlmlp::kernels::TLMLP_LEVEL
