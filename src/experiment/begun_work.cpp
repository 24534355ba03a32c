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

/// "" where it is none of the settings.
std::string value_of(const WorkSettings& settings, const char* key) {
  const auto found = settings.values.find(key);
  return found == settings.values.end() ? "" : found->second;
}

/// By what makes numbers once the way of the steps is settled.
std::string settled_identity(WorkSettings settings, std::int64_t seed, const Texts& inputs) {
  settings.values.erase(kBudgetSetting);
  settings.values.erase(kRecomputationSetting);
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
    const Json record = parsed(place / kWorkName);
    if (!record.is_object()) continue;
    const std::optional<BudgetRange> budgets = same_budgets_of(place / kStepPlanName);
    const auto values = texts_of(record, "settings"), inputs = texts_of(record, "inputs");
    const auto is_integer = [&](const char* key) {
      return record.contains(key) && record.at(key).is_number_integer();
    };
    if (!values || !inputs || !is_integer("scheme") || !is_integer("seed") ||
        record.at("scheme") != kWorkScheme)
      continue;
    const WorkSettings settings{*values, {}};
    const Begun begun{hash, value_of(settings, kRecomputationSetting),
                      value_of(settings, kBudgetSetting), budgets};
    // Work that takes an adapter is not found by the second: what it starts from is among the rest.
    for (const WorkSettings& known : {settings, without_adapter(settings)})
      by_identity_[settled_identity(known, record.at("seed").get<std::int64_t>(), *inputs)]
          .push_back(begun);
  }
}

std::optional<std::string> BegunWork::hash_of(const WorkSettings& settings, std::int64_t seed,
                                              const Texts& inputs, const BegunWorkWanted& wanted) {
  if (!is_read_) read();
  const auto found = by_identity_.find(
      settled_identity(wanted.takes_adapter ? settings : without_adapter(settings), seed, inputs));
  if (found == by_identity_.end()) return std::nullopt;
  for (const Begun& begun : found->second) {
    const bool is_within = begun.budgets && wanted.budget
                               ? begun.budgets->holds(*wanted.budget)
                               : begun.budget == value_of(settings, kBudgetSetting);
    const bool is_other = wanted.compares_recomputations &&
                          begun.recomputation != value_of(settings, kRecomputationSetting);
    if (is_within && !is_other) return begun.hash;
  }
  return std::nullopt;
}

}  // namespace lldm
