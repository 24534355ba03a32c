// SPDX-License-Identifier: MIT
#include "experiment/budget_range.hpp"

#include "lldm/errors.hpp"
#include "lldm/storage/files.hpp"

namespace lldm {

nlohmann::ordered_json to_json(const BudgetRange& range) {
  nlohmann::ordered_json below = range.below;
  if (range.below == BudgetRange::kNoEnd) below = nullptr;
  return {{"from", range.from}, {"below", std::move(below)}, {"without", range.without}};
}

std::optional<BudgetRange> budget_range_of(const nlohmann::ordered_json& json) {
  const auto has = [&](const char* key, auto is) {
    return json.is_object() && json.contains(key) && (json.at(key).*is)();
  };
  using Json = nlohmann::ordered_json;
  const bool is_open = has("below", &Json::is_null);
  if (!has("from", &Json::is_number_integer) || !has("without", &Json::is_boolean) ||
      (!is_open && !has("below", &Json::is_number_integer)))
    return std::nullopt;
  return BudgetRange{json.at("from").get<std::int64_t>(),
                     is_open ? BudgetRange::kNoEnd : json.at("below").get<std::int64_t>(),
                     json.at("without").get<bool>()};
}

std::optional<BudgetRange> same_budgets_of(const std::filesystem::path& step_plan) {
  try {
    const auto plan = nlohmann::ordered_json::parse(read_file(step_plan), nullptr, false);
    if (!plan.is_object() || !plan.contains("same_budgets")) return std::nullopt;
    return budget_range_of(plan.at("same_budgets"));
  } catch (const FileError&) {
    return std::nullopt;
  }
}

}  // namespace lldm
