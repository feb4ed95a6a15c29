#pragma once

#include <memory>

#include "runner.h"

namespace tlmlp::engine {

/// Makes the runner of EngineOptions::device. The core knows no device: a program that links one installs this.
using DeviceRunnerFactory = std::unique_ptr<Runner> (*)(const ModelFile &file, const EngineOptions &options);

void set_device_runner(DeviceRunnerFactory factory);

} // namespace tlmlp::engine
