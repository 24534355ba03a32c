// SPDX-License-Identifier: MIT
// The rows of a `file` task.  Internal to src/eval.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "lldm/concepts/task.hpp"

namespace lldm::eval {

struct Item {
  Example example;
  nlohmann::json row;  // whole, with its id
};

/// The first `limit` rows (0: all).  `why_bad` says what is wrong with an answer, "" if nothing.
/// DataError with every bad row, its line and reason.
std::vector<Item> read_items(const std::filesystem::path& file, std::int64_t limit,
                             bool needs_answer,
                             const std::function<std::string(const std::string&)>& why_bad);

}  // namespace lldm::eval
