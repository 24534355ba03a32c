// SPDX-License-Identifier: MIT
#include "experiment/growth.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "experiment/budget_range.hpp"
#include "experiment/settled_steps.hpp"
#include "experiment/work_identity.hpp"
#include "lldm/errors.hpp"
#include "lldm/memory/bytes.hpp"
#include "lldm/storage/files.hpp"
#include "lldm/text/utf8.hpp"

namespace lldm {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMostListed = 12;

/// One difference of two pieces of work.
struct Difference {
  std::string line;
  bool is_on_axis = false;
};
using Differences = std::map<std::string, Difference>;  // by stage and key

/// Whether a setting belongs to an axis: "objective.beta" is that of every stage.
bool is_of_axis(const std::string& key, const std::string& stage, std::string axis) {
  std::erase(axis, '"');
  for (const std::string& path : {axis, stage + "." + axis})
    if (key == path || key.starts_with(path + ".")) return true;
  return false;
}

constexpr std::size_t kLongest = 100;  // of a value that is shown

/// Work has a budget among its settings where there is one and it decides how the steps are done.
std::string budget_line(const std::string& before, const std::string& after) {
  const auto shown = [](const std::string& bytes) {
    return "memory.budget = " + bytes_text(static_cast<std::int64_t>(std::stoll(bytes)));
  };
  if (before.empty())
    return shown(after) + " decides how its steps are done; no budget did when it was made";
  if (after.empty())
    return "no budget decides how its steps are done; it was made with " + shown(before);
  return message(shown(after), ", it was made with ", shown(before));
}

/// What budgets do the same steps as work has been begun with; "" where nothing says so.
/// `sharers`: processes that divide the file's.
std::string same_budgets_text(const std::optional<BudgetRange>& range, std::int64_t sharers) {
  if (!range) return "";
  const bool is_open = range->below == BudgetRange::kNoEnd;
  return message("; budgets from ", range->from, " B on",
                 is_open ? "" : message(" and below ", range->below, " B"),
                 sharers == 1 ? "" : message(" for each of ", sharers, " processes"),
                 range->without ? ", and none," : "", " do the steps that it was made with");
}

class Comparison {
 public:
  Comparison(const RunSchedule& schedule, const FolderIndex& before)
      : schedule_(schedule), before_(before), now_(schedule.work.size()) {
    for (std::size_t w = 0; w < schedule.work.size(); ++w) {
      index_of_[schedule.work[w].hash] = w;
      of_stage_[schedule.work[w].stage + "/" + schedule.work[w].model].push_back(w);
    }
  }

  Growth all() {
    Growth growth;
    std::set<std::string> lines;
    for (const auto& [hash, folder] : before_.folders) {
      if (index_of_.contains(hash) || !before_.is_taken(folder)) continue;
      ++growth.others;
      for (const auto& [key, difference] : change_of(hash))
        if (lines.insert(difference.line).second) growth.changes.push_back(difference.line);
      if (growth.changes.size() > kMostListed) break;
    }
    return growth;
  }

 private:
  /// What is other in the file's work that stands in for this one; nothing if none does.
  Differences change_of(const std::string& hash) {
    const Json& record = then(hash);
    if (!record.is_object())
      return {{hash,
               {message("work ", before_.folders.at(hash), ": its ", kWorkName, " cannot be read"),
                false}}};
    const auto candidates = of_stage_.find(record.at("stage").get<std::string>() + "/" +
                                           record.at("model").get<std::string>());
    if (candidates == of_stage_.end()) return {};
    std::optional<Differences> least;
    for (const std::size_t w : candidates->second) {
      Differences differences;
      compare(hash, w, differences);
      const bool is_cell = std::any_of(differences.begin(), differences.end(),
                                       [](const auto& d) { return d.second.is_on_axis; });
      if (!is_cell && (!least || differences.size() < least->size())) least = differences;
    }
    return least.value_or(Differences{});
  }

  void compare(const std::string& hash, std::size_t w, Differences& differences) {
    const Work& work = schedule_.work[w];
    if (work.hash == hash) return;
    const Json &old = then(hash), &now = this->now(w);
    if (!old.is_object()) return;
    compare_seeds(old, now, differences);
    compare_settings(hash, w, differences);
    for (const auto& [name, input] : work.inputs)
      if (const auto at = old.at("inputs").find(name); at != old.at("inputs").end())
        compare(at->get<std::string>(), input, differences);
  }

  static void compare_seeds(const Json& old, const Json& now, Differences& differences) {
    if (old.at("seed") == now.at("seed")) return;
    const auto stage = now.at("stage").get<std::string>();
    const bool is_on_axis = old.at("varies").get<bool>() || now.at("varies").get<bool>();
    differences[stage + " seed"] = {message("stage \"", stage, "\": seed = ", now.at("seed").dump(),
                                            ", it was made with seed = ", old.at("seed").dump(),
                                            "; another seed is added by [grid] seeds"),
                                    is_on_axis};
  }

  void compare_settings(const std::string& hash, std::size_t w, Differences& differences) {
    const Json &old = then(hash), &now = this->now(w);
    const auto budgets = same_budgets_of(before_.out / before_.folders.at(hash) / kStepPlanName);
    const Work& work = schedule_.work[w];
    const Experiment& experiment = schedule_.experiments[work.experiment];
    const ByteSize budget{experiment.options.memory.budget.bytes / experiment.budget_sharers};
    const bool has_adapter = takes_adapter(schedule_.stage_of(work), experiment.options.model);
    const bool is_budget_same = budgets && budgets->holds(budget);
    const auto stage = now.at("stage").get<std::string>();
    std::set<std::string> keys;
    for (const Json* record : {&old, &now})
      for (const auto& [key, value] : record->at("settings").items()) keys.insert(key);
    for (const std::string& key : keys) {
      const std::string before = old.at("settings").value(key, ""),
                        after = now.at("settings").value(key, "");
      if (before == after || (!has_adapter && key.starts_with(kAdapterSetting)) ||
          (is_budget_same && key == kBudgetSetting))
        continue;
      bool is_on_axis = false;
      for (const Json* record : {&old, &now})
        for (const Json& axis : record->at("axes"))
          is_on_axis = is_on_axis || is_of_axis(key, stage, axis.get<std::string>());
      if (key == kRecomputationSetting && !is_on_axis) continue;  // it changes no bit
      std::string text = line(stage, key, before, after, now);
      if (key == kBudgetSetting) text += same_budgets_text(budgets, experiment.budget_sharers);
      differences[stage + " " + key] = {std::move(text), is_on_axis};
    }
  }

  static std::string line(const std::string& stage, const std::string& key,
                          const std::string& before, const std::string& after, const Json& now) {
    const std::string own = key.starts_with(stage + ".") ? key.substr(stage.size() + 1) : key;
    const std::string where = message("stage \"", stage, "\": ");
    if (key == "tokenizer.words")
      return where +
             "the words of the file's data and tasks, which make its vocabulary, are others";
    if (before.starts_with("sha256:") && after.starts_with("sha256:"))
      return message(where, own, " = ", now.at("paths").value(key, ""),
                     " does not hold what it was made with");
    if (key == kBudgetSetting) return where + budget_line(before, after);
    const auto shown = [&](const std::string& value) {
      return value.empty() ? "without " + own : message(own, " = ", shortened(value, kLongest));
    };
    return message(where, shown(after), ", it was made ", before.empty() ? "" : "with ",
                   shown(before));
  }

  const Json& then(const std::string& hash) {
    const auto [at, is_new] = then_.emplace(hash, Json());
    if (!is_new) return at->second;
    const auto folder = before_.folders.find(hash);
    if (folder == before_.folders.end()) return at->second;
    const auto path = before_.out / folder->second / kWorkName;
    if (std::filesystem::exists(path)) at->second = Json::parse(read_file(path), nullptr, false);
    const bool is_whole = at->second.is_object() && at->second.contains("settings") &&
                          at->second.contains("inputs") && at->second.contains("axes") &&
                          at->second.contains("seed") && at->second.contains("varies") &&
                          at->second.contains("stage") && at->second.contains("model");
    if (!is_whole) at->second = Json();
    return at->second;
  }

  const Json& now(std::size_t w) {
    if (now_[w].is_null()) now_[w] = work_record(schedule_, schedule_.work[w], files_);
    return now_[w];
  }

  const RunSchedule& schedule_;
  const FolderIndex& before_;
  InputFiles files_;
  std::map<std::string, Json> then_;
  std::vector<Json> now_;
  std::map<std::string, std::size_t> index_of_;
  std::map<std::string, std::vector<std::size_t>> of_stage_;
};

}  // namespace

Growth growth_of(const RunSchedule& schedule, const FolderIndex& before) {
  return Comparison(schedule, before).all();
}

}  // namespace lldm
