#include <vector>

#include "check.h"
#include "tlmlp/math/harmonics.h"

using namespace tlmlp::math;

namespace {

std::vector<double> harmonics(int lmax, double x, double y, double z) {
    const auto norms = harmonics_norms(lmax);
    std::vector<double> scratch(harmonics_scratch(lmax)), values(harmonics_size(lmax));
    harmonics_prepare(lmax, x, y, z, scratch.data());
    harmonics_values(lmax, norms.data(), scratch.data(), [&](int k, double v) { values[k] = v; });
    return values;
}

TEST_CASE("addition theorem") {
    const int lmax = 10;
    const double a[3] = {0.6, 0.0, 0.8}, b[3] = {-2.0 / 3, 1.0 / 3, 2.0 / 3};
    const double pole[3] = {0.0, 0.0, -1.0};
    const double *pairs[][2] = {{a, b}, {a, a}, {b, pole}, {pole, pole}};
    for (const auto &pair : pairs) {
        const double *u = pair[0], *v = pair[1];
        const auto yu = harmonics(lmax, u[0], u[1], u[2]), yv = harmonics(lmax, v[0], v[1], v[2]);
        const double cosine = u[0] * v[0] + u[1] * v[1] + u[2] * v[2];
        for (int l = 0; l <= lmax; ++l) {
            double sum = 0.0;
            for (int k = l * l; k < (l + 1) * (l + 1); ++k) {
                sum += yu[k] * yv[k];
            }
            CHECK_CLOSE(sum, (2 * l + 1) / (4 * pi) * std::legendre(l, cosine), 1e-13, "addition theorem");
        }
    }
}

TEST_CASE("first orders and parity") {
    const double x = 2.0 / 7, y = 3.0 / 7, z = 6.0 / 7, k = std::sqrt(3 / (4 * pi));
    const auto values = harmonics(6, x, y, z), opposite = harmonics(6, -x, -y, -z);
    CHECK_CLOSE(values[0], std::sqrt(1 / (4 * pi)), 1e-15, "Y_00");
    CHECK_CLOSE(values[1], k * y, 1e-15, "Y_1-1");
    CHECK_CLOSE(values[2], k * z, 1e-15, "Y_10");
    CHECK_CLOSE(values[3], k * x, 1e-15, "Y_11");
    CHECK_CLOSE(values[4], std::sqrt(15 / (4 * pi)) * x * y, 1e-15, "Y_2-2");
    for (int l = 0; l <= 6; ++l) {
        for (int i = l * l; i < (l + 1) * (l + 1); ++i) {
            CHECK_CLOSE(opposite[i], l % 2 ? -values[i] : values[i], 1e-15, "parity");
        }
    }
}

TEST_CASE("gradient and Hessian") {
    const int lmax = 6;
    const auto norms = harmonics_norms(lmax);
    const double points[][3] = {{0.6, 0.0, 0.8}, {0.0, 0.0, 1.0}, {0.0, 0.0, -1.0}, {-0.48, 0.6, 0.64}};
    for (const auto &u : points) {
        std::vector<double> scratch(harmonics_scratch(lmax));
        harmonics_prepare(lmax, u[0], u[1], u[2], scratch.data());
        const auto weight = [](int k) { return 0.3 + 0.1 * k - 0.02 * (k % 5) * k; };
        const double t[3] = {0.2, -0.7, 0.4}, h = 1e-6;
        double g[3] = {0, 0, 0}, ht[3] = {0, 0, 0}, sum[3] = {0, 0, 0};
        harmonics_hessian(lmax, norms.data(), scratch.data(), weight, t, g, ht);
        harmonics_gradients(lmax, norms.data(), scratch.data(), [&](int k, double gx, double gy, double gz) {
            const double gk[3] = {gx, gy, gz};
            for (int i = 0; i < 3; ++i) {
                double v[3] = {u[0], u[1], u[2]}, w[3] = {u[0], u[1], u[2]};
                v[i] += h;
                w[i] -= h;
                const double numeric =
                    (harmonics(lmax, v[0], v[1], v[2])[k] - harmonics(lmax, w[0], w[1], w[2])[k]) / (2 * h);
                CHECK_CLOSE(gk[i], numeric, 1e-8, "gradient");
                sum[i] += weight(k) * gk[i];
            }
        });
        for (int i = 0; i < 3; ++i) {
            CHECK_CLOSE(g[i], sum[i], 1e-12, "weighted gradient");
        }
        double forward[3] = {0, 0, 0}, backward[3] = {0, 0, 0}, unused[3] = {0, 0, 0};
        harmonics_prepare(lmax, u[0] + h * t[0], u[1] + h * t[1], u[2] + h * t[2], scratch.data());
        harmonics_hessian(lmax, norms.data(), scratch.data(), weight, t, forward, unused);
        harmonics_prepare(lmax, u[0] - h * t[0], u[1] - h * t[1], u[2] - h * t[2], scratch.data());
        harmonics_hessian(lmax, norms.data(), scratch.data(), weight, t, backward, unused);
        for (int i = 0; i < 3; ++i) {
            CHECK_CLOSE(ht[i], (forward[i] - backward[i]) / (2 * h), 1e-6, "Hessian times vector");
        }
    }
}

} // namespace
