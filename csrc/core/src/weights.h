#pragma once

#include "model_file.h"
#include "packing.h"

namespace tlmlp::engine {

/// The network of a model file, packed. Neighbouring matrices without an activation between them are multiplied out in
/// float64 (network::visit_matrices says which).
template <class T> PackedNetwork<T> packed_network(const ModelFile &file);

} // namespace tlmlp::engine
