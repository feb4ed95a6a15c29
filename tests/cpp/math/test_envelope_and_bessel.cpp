#include "check.h"
#include "tlmlp/math/bessel.h"
#include "tlmlp/math/piecewise.h"
#include "tlmlp/math/radial.h"

using namespace tlmlp::math;

namespace {

TEST_CASE("the envelope equals its definition") {
    for (int p : {2, 5, 6, 9}) {
        for (double x = 0.0; x < 1.0; x += 0.01) {
            const double a = -0.5 * (p + 1) * (p + 2), b = p * (p + 2), g = -0.5 * p * (p + 1);
            const auto u = envelope(p, x);
            CHECK_CLOSE(u.value, 1 + std::pow(x, p) * (a + x * (b + x * g)), 1e-13, "u");
            const double h = 1e-5;
            if (x > 2 * h && x < 1 - 2 * h) {
                CHECK_CLOSE(u.first, (envelope(p, x + h).value - envelope(p, x - h).value) / (2 * h), 1e-7, "u'");
                CHECK_CLOSE(u.second, (envelope(p, x + h).first - envelope(p, x - h).first) / (2 * h), 1e-6, "u''");
            }
        }
        CHECK_CLOSE(envelope(p, 1.0).second, 0.0, 0.0, "u''(1)");
    }
    // Full relative accuracy close to the cutoff, in float32 too: u -> K/6 y^3 (1 + O(y)).
    const float y = 1.0f / 1024.0f;
    CHECK_CLOSE(envelope(6, 1.0f - y).value / envelope(6, 1.0 - double(y)).value, 1.0, 1e-6, "u float32");
}

TEST_CASE("zeros and norms of spherical Bessel functions") {
    const auto zeros = spherical_bessel_zeros(7, 6);
    CHECK_CLOSE(zeros[0], pi, 1e-14, "z_01");
    CHECK_CLOSE(zeros[6], 4.4934094579, 1e-10, "z_11");
    CHECK_CLOSE(zeros[3 * 6 + 5], 23.3042469889, 1e-10, "z_36");
    CHECK_CLOSE(zeros[6 * 6 + 5], 27.5078683649, 1e-10, "z_66");
    CHECK_CLOSE(spherical_bessel_norm(0, zeros[0]), 4.44288294, 1e-8, "N_01");
    CHECK_CLOSE(spherical_bessel_norm(0, zeros[5]), 26.65729763, 1e-8, "N_06");
    CHECK_CLOSE(spherical_bessel_norm(1, zeros[6]), 6.51010423, 1e-8, "N_11");
    CHECK_CLOSE(spherical_bessel_norm(3, zeros[18]), 10.56854727, 1e-8, "N_31");
    CHECK_CLOSE(spherical_bessel_norm(6, zeros[36]), 16.68575941, 1e-8, "N_61");
    CHECK_CLOSE(spherical_bessel_norm(6, zeros[41]), 39.460096, 1e-6, "N_66");
}

TEST_CASE("spherical Bessel functions are those of the standard library") {
    for (int l = 0; l < 12; ++l) {
        for (double x : {1e-8, 1e-3, 0.1, 0.9, 2.0, 5.0, 8.5, 13.0, 27.0}) {
            const double reference = std::sph_bessel(l, x);
            CHECK_CLOSE(spherical_bessel(l, x), reference, 2e-15 + 2e-12 * std::abs(reference), "j_l");
            CHECK_CLOSE(spherical_bessel(l, float(x)), std::sph_bessel(l, double(float(x))),
                        1e-30 + 3e-6 * std::abs(reference) + 3e-7 * (x > l), "j_l float32");
            const double slope = (l > 0 ? std::sph_bessel(l - 1, x) : -2 * std::sph_bessel(1, x) / 1.0) -
                                 (l > 0 ? (l + 1) / x * reference : -std::sph_bessel(1, x));
            CHECK_CLOSE(spherical_bessel_first(l, x), slope, 1e-12 + 1e-7 * (x < 1e-2), "j_l'");
            if (x > 0.05) {
                const double curvature =
                    -2 / x * spherical_bessel_first(l, x) - (1 - l * (l + 1) / (x * x)) * reference;
                CHECK_CLOSE(spherical_bessel_second(l, x), curvature, 1e-11, "j_l'' (Bessel's equation)");
            }
        }
    }
    CHECK_CLOSE(spherical_bessel(0, 0.0), 1.0, 0.0, "j_0(0)");
    CHECK_CLOSE(spherical_bessel_first(1, 0.0), 1.0 / 3.0, 1e-16, "j_1'(0)");
}

TEST_CASE("the basis is orthonormal without envelope") {
    // integral_0^1 N^2 j_l(z_ln x) j_l(z_lm x) x^2 dx = delta_nm
    const SphericalBesselBasis basis(4, 3, 6);
    for (int l = 0; l < 4; ++l) {
        for (int n = 0; n < 3; ++n) {
            for (int m = 0; m < 3; ++m) {
                double sum = 0.0;
                const int steps = 2000;
                for (int s = 0; s < steps; ++s) {
                    const double x = (s + 0.5) / steps;
                    sum += x * x * spherical_bessel(l, basis.zeros[l * 3 + n] * x) *
                           spherical_bessel(l, basis.zeros[l * 3 + m] * x) / steps;
                }
                CHECK_CLOSE(sum * basis.norms[l * 3 + n] * basis.norms[l * 3 + m], n == m, 1e-5, "orthonormal");
            }
        }
    }
}

TEST_CASE("a piecewise table reproduces the basis") {
    const SphericalBesselBasis basis(7, 6, 6);
    const auto table = PiecewisePolynomials<double>::fit(basis.size(), 64, 11, 8,
                                                         [&](int k, double x) { return basis.continued(k, x).value; });
    for (int k = 0; k < basis.size(); ++k) {
        for (double x = 0.0007; x < 1.0; x += 0.00731) {
            const auto exact = basis(k, x), fitted = table(k, x);
            CHECK_CLOSE(fitted.value, exact.value, 2e-13, "table");
            CHECK_CLOSE(fitted.first, exact.first, 2e-10, "table'");
            CHECK_CLOSE(fitted.second, exact.second, 1e-6, "table''");
        }
    }
}

TEST_CASE("derivatives of the radial basis") {
    const double c = 0.5, d = 0.31, f = 7.3, h = 1e-6;
    const auto e = radial_basis(d, f, c, 6);
    CHECK_CLOSE(e.value, std::sqrt(2 / c) * std::sin(f * d / c) / d * envelope(6, d / c).value, 1e-13, "e");
    const auto dp = radial_basis(d + h, f, c, 6), dm = radial_basis(d - h, f, c, 6);
    const auto fp = radial_basis(d, f + h, c, 6), fm = radial_basis(d, f - h, c, 6);
    CHECK_CLOSE(e.d, (dp.value - dm.value) / (2 * h), 1e-6, "de/dd");
    CHECK_CLOSE(e.dd, (dp.d - dm.d) / (2 * h), 1e-4, "d2e/dd2");
    CHECK_CLOSE(e.f, (fp.value - fm.value) / (2 * h), 1e-8, "de/df");
    CHECK_CLOSE(e.ff, (fp.f - fm.f) / (2 * h), 1e-8, "d2e/df2");
    CHECK_CLOSE(e.df, (fp.d - fm.d) / (2 * h), 1e-6, "d2e/dddf");
}

} // namespace
