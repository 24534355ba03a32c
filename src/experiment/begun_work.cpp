// SPDX-License-Identifier: MIT
#include "experiment/begun_work.hpp"

#include "experiment/settled_steps.hpp"
#include "lldm/errors.hpp"
#include "lldm/experiment/schedule.hpp"
#include "lldm/storage/files.hpp"

namespace lldm {
namespace {

using Json = nlohmann::ordered_json;

/// What is no JSON any more is no work that is known.
Json parsed(const std::filesystem::path& file) {
  try {
    return Json::parse(read_file(file), nullptr, false);
  } catch (const FileError&) {
    return Json();
  }
}

using Texts = std::map<std::string, std::string>;

/// A table of texts; nothing if it is none.
std::optional<Texts> texts_of(const Json& record, const char* key) {
  if (!record.contains(key) || !record.at(key).is_object()) return std::nullopt;
  Texts texts;
  for (const auto& [name, value] : record.at(key).items()) {
    if (!value.is_string()) return std::nullopt;
    texts[name] = value.get<std::string>();
  }
  return texts;
}

std::string without_budget(WorkSettings settings, std::int64_t seed, const Texts& inputs) {
  settings.values.erase(kBudgetSetting);
  return identity_text(settings, seed, inputs);
}

}  // namespace

std::string identity_text(const WorkSettings& settings, std::int64_t seed, const Texts& inputs) {
  std::string text = message("lldm work ", kWorkScheme, "\n", settings.text(), "seed=", seed, "\n");
  for (const auto& [name, hash] : inputs) text += name + "=" + hash + "\n";
  return text;
}

void BegunWork::read() {
  is_read_ = true;
  for (const auto& [hash, folder] : index_.folders) {
    const auto place = index_.out / folder;
    if (!std::filesystem::exists(place / kStepPlanName)) continue;
    const Json plan = parsed(place / kStepPlanName), record = parsed(place / kWorkName);
    if (!plan.is_object() || !plan.contains("same_budgets") || !record.is_object()) continue;
    const auto budgets = budget_range_of(plan.at("same_budgets"));
    const auto values = texts_of(record, "settings"), inputs = texts_of(record, "inputs");
    const auto is_integer = [&](const char* key) {
      return record.contains(key) && record.at(key).is_number_integer();
    };
    if (!budgets || !values || !inputs || !is_integer("scheme") || !is_integer("seed") ||
        record.at("scheme") != kWorkScheme)
      continue;
    by_identity_[without_budget({*values, {}}, record.at("seed").get<std::int64_t>(), *inputs)]
        .push_back({hash, *budgets});
  }
}

std::optional<std::string> BegunWork::hash_of(WorkSettings settings, std::int64_t seed,
                                              const Texts& inputs, ByteSize budget) {
  if (!is_read_) read();
  const auto found = by_identity_.find(without_budget(std::move(settings), seed, inputs));
  if (found == by_identity_.end()) return std::nullopt;
  for (const Begun& begun : found->second)
    if (begun.budgets.holds(budget)) return begun.hash;
  return std::nullopt;
}

}  // namespace lldm
