#pragma once

#include <string>
#include <vector>

#include "tlmlp/engine.h"

namespace tlmlp::cuda {

/// Lets Engines of this program be made with EngineOptions::device "cuda", "cuda:N" and "cuda-on-cpu".
void install();

struct KernelTime {
    std::string name;
    int pass;
    double seconds;
};

/// Mean seconds of one evaluation of a graph that is on the device already ("all"), and of each of its launches alone.
std::vector<KernelTime> time_kernels(const std::string &path, const EngineOptions &options, const EdgeList &edges,
                                     int repeats);

} // namespace tlmlp::cuda
