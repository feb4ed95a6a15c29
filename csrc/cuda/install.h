#pragma once

namespace tlmlp::cuda {

/// Lets Engines of this program be made with EngineOptions::device "cuda", "cuda:N" and "cuda-on-cpu".
void install();

} // namespace tlmlp::cuda
