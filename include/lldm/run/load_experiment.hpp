// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "lldm/experiment/loaded_experiment.hpp"

namespace lldm {

/// Loads, expands and binds a file.  ConfigError with every mistake at once.
LoadedExperiment load_experiment(const std::filesystem::path& file,
                                 const std::vector<std::string>& overrides,
                                 const Registry& registry);

}  // namespace lldm
