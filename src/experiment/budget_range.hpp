// SPDX-License-Identifier: MIT
// For which memory budgets a piece of work would be done as it was.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "lldm/config/field.hpp"

namespace lldm {

/// Budgets in [from, below), on a CPU those of one process, and, where `without` says so, no budget
/// at all.
struct BudgetRange {
  static constexpr std::int64_t kNoEnd = std::numeric_limits<std::int64_t>::max();
  std::int64_t from = 0, below = 0;
  bool without = false;

  [[nodiscard]] bool holds(ByteSize budget) const {
    return budget.bytes == 0 ? without : budget.bytes >= from && budget.bytes < below;
  }
};

/// {"from", "below" (null: no end), "without"}, as step_plan.json has it.
nlohmann::ordered_json to_json(const BudgetRange& range);
/// Nothing of what is no such table.
std::optional<BudgetRange> budget_range_of(const nlohmann::ordered_json& json);
/// Of a step_plan.json that has one; nothing of a file that is not there, or is no such thing.
std::optional<BudgetRange> same_budgets_of(const std::filesystem::path& step_plan);

}  // namespace lldm
