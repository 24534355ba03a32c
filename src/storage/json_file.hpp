// SPDX-License-Identifier: MIT
// Whole JSON files.
#pragma once

#include <filesystem>

#include "text/json.hpp"

namespace lldm {

/// The tree of a file.
/// Errors  InputError if it cannot be read; as parse_json.
[[nodiscard]] nlohmann::json load_json(const std::filesystem::path& file,
                                       const JsonLimits& limits = {});
[[nodiscard]] nlohmann::ordered_json load_ordered_json(const std::filesystem::path& file,
                                                       const JsonLimits& limits = {});

}  // namespace lldm
