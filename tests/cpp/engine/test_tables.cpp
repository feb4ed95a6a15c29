// The piecewise polynomials against the functions they stand for, at points between the fitted ones; errors relative to
// each function's largest value (slope). The numbers are those that docs/background/performance.md states.
#include "random_model.h"
#include "check.h"
#include "tlmlp/math/bessel.h"
#include "tlmlp/math/radial.h"
#include "weights.h"

namespace {

using namespace tlmlp;

/// Value and slope in x of function k by Horner's rule in precision T, as the kernels do it.
template <class T> std::pair<double, double> evaluate(const engine::Table<T> &table, int k, double x) {
    const double scaled = x * table.intervals;
    const int i = std::min(static_cast<int>(scaled), table.intervals - 1);
    const T t = static_cast<T>(2.0 * (scaled - i) - 1.0);
    const T *c = table.coefficients + static_cast<std::size_t>(i) * (table.degree + 1) * table.stride + k;
    T value = 0, slope = 0;
    for (int j = table.degree; j >= 0; --j) {
        slope = slope * t + value;
        value = value * t + c[static_cast<std::size_t>(j) * table.stride];
    }
    return {double(value), double(slope) * 2.0 * table.intervals};
}

template <class T> void test(double value_error, double slope_error, const char *name) {
    const ModelSizes sizes = usual_sizes();
    const Weights weights = random_weights(sizes, 31);
    const std::string bytes = model_bytes(sizes, weights);
    const auto packed = engine::packed_network<T>(engine::ModelFile::from_bytes(bytes, "x.pt"));
    const engine::Table<T> &table = packed.network().table;
    const math::SphericalBesselBasis basis(sizes.num_spherical, sizes.num_radial, sizes.envelope_exponent);
    const double cutoff = 0.1 * sizes.cutoff;
    double worst_value = 0.0, worst_slope = 0.0;
    for (int k = 0; k < sizes.num_radial + basis.size(); ++k) {
        double largest = 0.0, steepest = 0.0, value = 0.0, slope = 0.0;
        for (double x = 0.02; x < 1.0; x += 0.000317) {
            double exact, exact_slope;
            if (k < sizes.num_radial) {
                const auto e = math::radial_basis<double>(x * cutoff, weights.at("frequencies").values[k], cutoff,
                                                          sizes.envelope_exponent);
                exact = e.value;
                exact_slope = e.d * cutoff;
            } else {
                const auto b = basis(k - sizes.num_radial, x);
                exact = b.value;
                exact_slope = b.first;
            }
            const auto [fitted, fitted_slope] = evaluate(table, k, x);
            largest = std::max(largest, std::abs(exact));
            steepest = std::max(steepest, std::abs(exact_slope));
            value = std::max(value, std::abs(fitted - exact));
            slope = std::max(slope, std::abs(fitted_slope - exact_slope));
        }
        worst_value = std::max(worst_value, value / largest);
        worst_slope = std::max(worst_slope, slope / steepest);
    }
    MESSAGE(name, ": values ", worst_value, ", slopes ", worst_slope);
    CHECK_CLOSE(worst_value, 0.0, value_error, name);
    CHECK_CLOSE(worst_slope, 0.0, slope_error, name);
}

} // namespace

TEST_CASE("values and slopes, float32") { test<float>(2e-7, 1e-6, "float32"); }

TEST_CASE("values and slopes, float64") { test<double>(1e-13, 1e-11, "float64"); }
