#include "bind.h"
#include "cuda/install.h"

PYBIND11_MODULE(_core, m) {
    m.doc() = "The C++ core of tlmlp, numpy in and numpy out.";
    tlmlp::bind_basis(m);
    tlmlp::bind_directional(m);
    bind_neighbours(m);
    bind_engine(m);
    bind_network(m);
    bind_peak(m);
    bind_devices(m);
    tlmlp::cuda::install();
}
