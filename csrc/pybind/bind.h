#pragma once

#include <pybind11/pybind11.h>

namespace tlmlp {

/// Basis functions of the network, for tests and for other codes.
void bind_basis(pybind11::module_ &m);

/// The contractions of the directional sum on a device.
void bind_directional(pybind11::module_ &m);

} // namespace tlmlp

/// The engine.
void bind_engine(pybind11::module_ &m);

/// The kept neighbour list, for code that searches neighbours without the engine.
void bind_neighbours(pybind11::module_ &m);

/// Sizes, parameters and matrices of the network.
void bind_network(pybind11::module_ &m);

/// The multiply-add peak of the machine, for benchmarks.
void bind_peak(pybind11::module_ &m);

/// GPUs, and dynamics of many systems on one.
void bind_devices(pybind11::module_ &m);
