#include <pybind11/numpy.h>

#include <cstring>
#include <string>
#include <vector>

#include "arguments.h"
#include "bind.h"
#include "cuda/kernels/ops/list.h"
#include "cuda/interface.h"
#include "cuda/make_device.h"
#include "cuda/ops_interface.h"
#include "tlmlp/error.h"

namespace py = pybind11;

namespace tlmlp {

namespace {

using Array = py::array_t<double, py::array::c_style | py::array::forcecast>;
using Indices = py::array_t<std::int64_t, py::array::c_style | py::array::forcecast>;

/// Arrays on a device for one call of a functor.
class Call {
  public:
    explicit Call(const std::string &device) : name_(device), device_(cuda::make_device(device)) {}

    template <class T> const T *put(const py::array_t<T, py::array::c_style | py::array::forcecast> &array) {
        return memory_.emplace_back(*device_).assign(array.data(), static_cast<std::size_t>(array.size()));
    }
    template <class F> Array run(F functor, std::vector<py::ssize_t> shape) {
        Array result(shape);
        const auto n = static_cast<std::size_t>(result.size());
        functor.result = memory_.emplace_back(*device_).template resize<double>(n);
        device_->synchronize();
        launch(functor);
        if (n > 0) {
            device_->download(result.mutable_data(), functor.result, n * sizeof(double));
        }
        return result;
    }

  private:
    template <class F> void launch(const F &functor) const {
        if (name_ == "cuda-on-cpu") {
            for (std::int64_t i = 0; i < functor.size(); ++i) {
                functor(i);
            }
            return;
        }
#ifdef TLMLP_CUDA
        const int index = name_.size() > 5 ? std::stoi(name_.substr(5)) : 0;
        int error = tlmlp_cuda_op_double(cuda::ops::place<F, double>(), &functor, index);
        error = error ? error : tlmlp_cuda_synchronize(nullptr); // the functor runs on the default stream
        if (error) {
            throw Error(std::string("a kernel cannot be run on ") + name_ + ": " + tlmlp_cuda_error(error));
        }
#endif
    }

    std::string name_;
    std::unique_ptr<cuda::Device> device_;
    std::deque<cuda::Memory> memory_;
};

std::int64_t degrees_of(const Array &harmonics) {
    require(harmonics.ndim() == 2, "`harmonics` must have shape (edges, degrees^2)");
    std::int64_t degrees = 0;
    while (degrees * degrees < harmonics.shape(1)) {
        ++degrees;
    }
    require(degrees * degrees == harmonics.shape(1),
            "`harmonics` must have shape (edges, degrees^2), got " + std::to_string(harmonics.shape(1)) + " columns");
    return degrees;
}

void check_ends(const Indices &ends, py::ssize_t edges, py::ssize_t atoms, const char *name) {
    require(ends.ndim() == 1 && ends.shape(0) == edges,
            std::string("`") + name + "` must have one entry for each of the " + std::to_string(edges) + " edges");
    for (py::ssize_t e = 0; e < edges; ++e) {
        require(ends.data()[e] >= 0 && ends.data()[e] < atoms, std::string("`") + name + "` must lie in 0.." +
                                                                   std::to_string(atoms - 1) + ", got " +
                                                                   std::to_string(ends.data()[e]));
    }
}

Array centre_sums(const Array &harmonics, const Array &values, const Indices &offsets, const Indices &order,
                  const std::string &device) {
    const std::int64_t degrees = degrees_of(harmonics), edges = harmonics.shape(0);
    require(values.ndim() == 3 && values.shape(0) == edges && values.shape(1) == degrees,
            "`values` must have shape (edges, degrees, channels)");
    require(offsets.ndim() == 1 && offsets.size() >= 1, "`offsets` must have shape (atoms + 1,)");
    const py::ssize_t atoms = offsets.size() - 1;
    check_ends(order, edges, edges, "order");
    bool rising = offsets.data()[0] == 0 && offsets.data()[atoms] == edges;
    for (py::ssize_t a = 0; a < atoms; ++a) {
        rising = rising && offsets.data()[a] <= offsets.data()[a + 1];
    }
    require(rising, "`offsets` must rise from 0 to the number of edges");
    Call call(device);
    cuda::ops::CentreSums<double> f{};
    f.harmonics = call.put(harmonics);
    f.values = {call.put(values), degrees * values.shape(2), values.shape(2)};
    f.offsets = call.put(offsets);
    f.order = call.put(order);
    f.atoms = atoms;
    f.degrees = degrees;
    f.channels = values.shape(2);
    return call.run(f, {atoms, degrees * degrees, values.shape(2)});
}

void check_centres(const Array &centres, std::int64_t degrees) {
    require(centres.ndim() == 3 && centres.shape(1) == degrees * degrees,
            "`centres` must have shape (atoms, degrees^2, channels)");
}

Array edge_sums(const Array &harmonics, const Array &centres, const Indices &ends, const std::string &device) {
    const std::int64_t degrees = degrees_of(harmonics);
    check_centres(centres, degrees);
    check_ends(ends, harmonics.shape(0), centres.shape(0), "ends");
    Call call(device);
    cuda::ops::EdgeSums<double> f{};
    f.harmonics = call.put(harmonics);
    f.centres = call.put(centres);
    f.end = call.put(ends);
    f.edges = harmonics.shape(0);
    f.degrees = degrees;
    f.channels = centres.shape(2);
    return call.run(f, {harmonics.shape(0), degrees, centres.shape(2)});
}

Array edge_overlaps(const Array &values, const Array &centres, const Indices &ends, const std::string &device) {
    require(values.ndim() == 3, "`values` must have shape (edges, degrees, channels)");
    const std::int64_t degrees = values.shape(1);
    check_centres(centres, degrees);
    require(values.shape(2) == centres.shape(2), "`values` and `centres` must have the same channels");
    check_ends(ends, values.shape(0), centres.shape(0), "ends");
    Call call(device);
    cuda::ops::EdgeOverlaps<double> f{};
    f.values = {call.put(values), degrees * values.shape(2), values.shape(2)};
    f.centres = call.put(centres);
    f.end = call.put(ends);
    f.edges = values.shape(0);
    f.degrees = degrees;
    f.channels = values.shape(2);
    return call.run(f, {values.shape(0), degrees * degrees});
}

} // namespace

void bind_directional(py::module_ &m) {
    const char *where = "cuda-on-cpu";
    m.def("centre_sums", &centre_sums, py::arg("harmonics"), py::arg("values"), py::arg("offsets"), py::arg("order"),
          py::arg("device") = where,
          "A[a,lm,c] = sum over the edges e of atom a, order[offsets[a]:offsets[a+1]], of Y[e,lm] U[e,l,c]. harmonics "
          "(edges, degrees^2), values (edges, degrees, channels); (atoms, degrees^2, channels), float64. The three "
          "contractions of the directional sum on a device: 'cuda', 'cuda:N', or its kernel on the CPU.");
    m.def("edge_sums", &edge_sums, py::arg("harmonics"), py::arg("centres"), py::arg("ends"), py::arg("device") = where,
          "U[e,l,c] = sum over m of Y[e,lm] A[ends[e],lm,c]: (edges, degrees, channels), float64.");
    m.def("edge_overlaps", &edge_overlaps, py::arg("values"), py::arg("centres"), py::arg("ends"),
          py::arg("device") = where, "G[e,lm] = sum over c of U[e,l,c] A[ends[e],lm,c]: (edges, degrees^2), float64.");
}

} // namespace tlmlp
