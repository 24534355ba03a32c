// SPDX-License-Identifier: MIT
#include "experiment/begun_work.hpp"

#include <algorithm>

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
    const auto values = texts_of(record, "settings"), inputs = texts_of(record, "inputs");
    const auto is_integer = [&](const char* key) {
      return record.contains(key) && record.at(key).is_number_integer();
    };
    if (!values || !inputs || !is_integer("scheme") || !is_integer("seed") ||
        record.at("scheme") != kWorkScheme)
      continue;
    begun_.push_back({.hash = hash,
                      .settings = {*values, {}},
                      .seed = record.at("seed").get<std::int64_t>(),
                      .inputs = *inputs,
                      .budgets = same_budgets_of(place / kStepPlanName),
                      .is_done = std::filesystem::exists(place / kResultName)});
  }
  std::ranges::stable_partition(begun_, &Begun::is_done);
}

/// By what makes numbers once the way of the steps is settled.
std::string BegunWork::identity_of(const WorkSettings& settings, std::int64_t seed,
                                   Texts inputs) const {
  WorkSettings own = settings;
  own.values.erase(kBudgetSetting);
  own.values.erase(kRecomputationSetting);
  for (auto& [name, hash] : inputs)
    if (const auto first = stands_for_.find(hash); first != stands_for_.end()) hash = first->second;
  return identity_text(own, seed, inputs);
}

/// Work that takes an adapter is not found by the second identity: what it starts from is among the
/// rest.
void BegunWork::sort_by_identity() {
  is_sorted_ = true;
  by_identity_.clear();
  for (std::size_t i = 0; i < begun_.size(); ++i)
    for (const WorkSettings& known : {begun_[i].settings, without_adapter(begun_[i].settings)})
      by_identity_[identity_of(known, begun_[i].seed, begun_[i].inputs)].push_back(i);
}

bool BegunWork::is_same(const Begun& begun, const WorkSettings& settings,
                        const BegunWorkWanted& wanted) const {
  const auto is_equal = [&](const char* key) {
    return value_of(begun.settings, key) == value_of(settings, key);
  };
  // Of one process: the work is the same for any number of them, as without a budget.
  const bool is_within = begun.budgets && wanted.budget && begun.budgets->holds(*wanted.budget);
  if (!is_within && !is_equal(kBudgetSetting)) return false;
  return !wanted.compares_recomputations || is_equal(kRecomputationSetting);
}

std::optional<std::string> BegunWork::hash_of(const WorkSettings& settings, std::int64_t seed,
                                              const Texts& inputs, const BegunWorkWanted& wanted) {
  if (!is_read_) read();
  if (!is_sorted_) sort_by_identity();
  const auto found = by_identity_.find(
      identity_of(wanted.takes_adapter ? settings : without_adapter(settings), seed, inputs));
  if (found == by_identity_.end()) return std::nullopt;
  std::optional<std::string> first;
  for (const std::size_t i : found->second) {
    const Begun& begun = begun_[i];
    if (!is_same(begun, settings, wanted)) continue;
    if (!first) first = begun.hash;
    // Folders of before hold a copy for every adapter: what reads another one is known, too.
    if (!wanted.takes_adapter && begun.hash != *first &&
        stands_for_.emplace(begun.hash, *first).second)
      is_sorted_ = false;
  }
  return first;
}

}  // namespace lldm
