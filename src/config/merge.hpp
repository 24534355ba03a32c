// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

#include "lldm/config/value.hpp"

namespace lldm::config {

/// As merged(), of the values of `key`: an optimizer of another type keeps its table's other keys
/// (steps and rates), but for those that one type alone reads.
[[nodiscard]] Value merged_at(std::string_view key, const Value& base, const Value& over);

}  // namespace lldm::config
