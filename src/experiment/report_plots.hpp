// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace lldm {

/// Writes the plots of a report beside it and returns their file names: results by model (bars),
/// and the learning curves of metrics.jsonl by kind of stage.
std::vector<std::string> write_plots(const nlohmann::ordered_json& report,
                                     const std::filesystem::path& out);

}  // namespace lldm
