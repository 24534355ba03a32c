// SPDX-License-Identifier: MIT
// Texts that are given as token ids, in JSON.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace lldm::cli {

/// A list of texts, each a list of whole numbers; a single text may stand for a list of one.
/// Errors  DataError beginning with `where`.
std::vector<std::vector<std::int64_t>> id_lists(const nlohmann::json& values,
                                                const std::string& where);

}  // namespace lldm::cli
