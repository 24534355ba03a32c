// SPDX-License-Identifier: MIT
// How refused rows are listed.  Internal to the readers of JSONL files.
#pragma once

#include <string>
#include <vector>

#include "lldm/data/rows.hpp"

namespace lldm::data {

/// One line a row, "\n  path:line:column: reason", for the first twenty, then the count of the
/// others.
[[nodiscard]] std::string list_bad_rows(const std::string& path, const std::vector<BadRow>& bad);

}  // namespace lldm::data
