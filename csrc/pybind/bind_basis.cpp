#include <pybind11/numpy.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "arguments.h"
#include "bind.h"
#include "tlmlp/math/bessel.h"
#include "tlmlp/math/envelope.h"
#include "tlmlp/math/harmonics.h"
#include "tlmlp/math/radial.h"

namespace py = pybind11;

namespace tlmlp {

namespace {

using Array = py::array_t<double, py::array::c_style | py::array::forcecast>;

/// Values, first and second derivatives, each of shape (x..., width).
struct Jets {
    std::vector<py::ssize_t> shape;
    Array value, first, second;
    double *v, *f, *s;

    Jets(const Array &x, py::ssize_t width) : shape(x.shape(), x.shape() + x.ndim()) {
        if (width > 0) {
            shape.push_back(width);
        }
        value = Array(shape);
        first = Array(shape);
        second = Array(shape);
        v = value.mutable_data();
        f = first.mutable_data();
        s = second.mutable_data();
    }

    void set(py::ssize_t i, const math::Jet<double> &jet) {
        v[i] = jet.value;
        f[i] = jet.first;
        s[i] = jet.second;
    }

    py::tuple tuple() const { return py::make_tuple(value, first, second); }
};

py::tuple envelope(const Array &x, int p) {
    require(p >= 2, "`p` must be at least 2, got " + std::to_string(p));
    Jets jets(x, 0);
    for (py::ssize_t i = 0; i < x.size(); ++i) {
        jets.set(i, math::envelope(p, x.data()[i]));
    }
    return jets.tuple();
}

py::tuple spherical_bessel(int l, const Array &x) {
    require(l >= 0, "`l` must not be negative, got " + std::to_string(l));
    Jets jets(x, 0);
    for (py::ssize_t i = 0; i < x.size(); ++i) {
        jets.set(i, math::spherical_bessel_jet(l, x.data()[i]));
    }
    return jets.tuple();
}

py::tuple spherical_bessel_zeros(int num_spherical, int num_radial) {
    require(num_spherical > 0 && num_radial > 0, "`num_spherical` and `num_radial` must be positive");
    const math::SphericalBesselBasis basis{num_spherical, num_radial, 6};
    Array zeros({num_spherical, num_radial}), norms({num_spherical, num_radial});
    std::copy(basis.zeros.begin(), basis.zeros.end(), zeros.mutable_data());
    std::copy(basis.norms.begin(), basis.norms.end(), norms.mutable_data());
    return py::make_tuple(zeros, norms);
}

py::tuple radial_basis(const Array &d, const Array &frequencies, double cutoff, int p) {
    require(cutoff > 0, "`cutoff` must be positive, got " + std::to_string(cutoff));
    require(frequencies.ndim() == 1, "`frequencies` must have one dimension");
    const py::ssize_t n = frequencies.size();
    Jets jets(d, n);
    Array slope(jets.shape);
    for (py::ssize_t i = 0; i < d.size(); ++i) {
        for (py::ssize_t k = 0; k < n; ++k) {
            const auto e = math::radial_basis(d.data()[i], frequencies.data()[k], cutoff, p);
            jets.set(i * n + k, {e.value, e.d, e.dd});
            slope.mutable_data()[i * n + k] = e.f;
        }
    }
    return py::make_tuple(jets.value, jets.first, jets.second, slope);
}

py::tuple spherical_bessel_basis(const Array &d, double cutoff, int p, int num_spherical, int num_radial) {
    require(cutoff > 0, "`cutoff` must be positive, got " + std::to_string(cutoff));
    require(num_spherical > 0 && num_radial > 0, "`num_spherical` and `num_radial` must be positive");
    const math::SphericalBesselBasis basis{num_spherical, num_radial, p};
    const py::ssize_t n = basis.size();
    Jets jets(d, n);
    for (py::ssize_t i = 0; i < d.size(); ++i) {
        for (py::ssize_t k = 0; k < n; ++k) {
            const auto b = basis(int(k), d.data()[i] / cutoff);
            jets.set(i * n + k, {b.value, b.first / cutoff, b.second / (cutoff * cutoff)});
        }
    }
    return jets.tuple();
}

Array spherical_harmonics(const Array &unit, int lmax) {
    require(lmax >= 0, "`lmax` must not be negative, got " + std::to_string(lmax));
    require(unit.ndim() == 2 && unit.shape(1) == 3, "`unit` must have shape (n, 3)");
    const py::ssize_t n = unit.shape(0), width = math::harmonics_size(lmax);
    const std::vector<double> norms = math::harmonics_norms(lmax);
    std::vector<double> scratch(static_cast<std::size_t>(math::harmonics_scratch(lmax)));
    Array values({n, width});
    for (py::ssize_t i = 0; i < n; ++i) {
        const double *u = unit.data(i, 0);
        double *row = values.mutable_data(i, 0);
        math::harmonics_prepare(lmax, u[0], u[1], u[2], scratch.data());
        math::harmonics_values(lmax, norms.data(), scratch.data(), [row](int k, double y) { row[k] = y; });
    }
    return values;
}

} // namespace

void bind_basis(py::module_ &m) {
    m.def("envelope", &envelope, py::arg("x"), py::arg("p"),
          "u(x), u'(x), u''(x) of the smooth cutoff with exponent p, each of the shape of x; 0 for x >= 1.");
    m.def("spherical_bessel", &spherical_bessel, py::arg("l"), py::arg("x"),
          "j_l(x) and its first two derivatives, each of the shape of x.");
    m.def("spherical_bessel_zeros", &spherical_bessel_zeros, py::arg("num_spherical"), py::arg("num_radial"),
          "Zeros z_ln of j_l and N_ln = sqrt(2)/|j_{l+1}(z_ln)|, both (num_spherical, num_radial).");
    m.def("radial_basis", &radial_basis, py::arg("distance"), py::arg("frequencies"), py::arg("cutoff"), py::arg("p"),
          "e_n = sqrt(2/c) sin(f_n d/c)/d u(d/c), de/dd, d2e/dd2 and de/df_n, each (distance..., n).");
    m.def("spherical_bessel_basis", &spherical_bessel_basis, py::arg("distance"), py::arg("cutoff"), py::arg("p"),
          py::arg("num_spherical"), py::arg("num_radial"),
          "u(x) N_ln j_l(z_ln x), x = d/cutoff, index l num_radial + n - 1, with two derivatives in d.");
    m.def("spherical_harmonics", &spherical_harmonics, py::arg("unit"), py::arg("lmax"),
          "Real orthonormal Y_lm of unit vectors (n, 3), index l^2 + l + m: (n, (lmax+1)^2).");
}

} // namespace tlmlp
