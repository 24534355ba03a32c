// SPDX-License-Identifier: MIT
#include "experiment/work_identity.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <set>

#include "experiment/command_files.hpp"
#include "experiment/key_readings.hpp"
#include "experiment/work_names.hpp"
#include "lldm/config/document.hpp"
#include "lldm/config/reader.hpp"
#include "lldm/errors.hpp"
#include "lldm/memory/device.hpp"
#include "lldm/plugin/loader.hpp"
#include "lldm/storage/sha256.hpp"
#include "memory/bitsandbytes.hpp"
#include "storage/input_file.hpp"

namespace lldm {
namespace {

using config::Value;

/// Keys of stages that change no number of a result.  A table `reference` says where scores are
/// kept, not what they are; `show` is how many answers the report prints; `role` is how it
/// compares; `settled` is what a run made of keys that are there.
constexpr std::array<std::string_view, 7> kChangeNoNumber = {
    "role", "logging_steps", "save_steps", "save_total_limit", "reference", "show", "settled"};

struct Flattener {
  WorkSettings& settings;
  InputFiles& files;

  void add(const std::string& key, const Value& value) {
    if (value.is_table()) {
      for (const std::string& file : command_files(value))
        add(key + ".command." + file, Value::string(file));
      for (const config::Member& member : value.as_table())
        add(key + "." + member.key, member.value);
    } else if (value.is_array() && holds_more(value)) {
      for (std::size_t i = 0; i < value.as_array().size(); ++i)
        add(message(key, ".", i), value.as_array()[i]);
    } else if (const std::string hash = files.digest_of(value); !hash.empty()) {
      settings.values[key] = "sha256:" + hash;
      settings.paths[key] = value.as_string();
    } else {
      settings.values[key] = config::to_toml(value);
    }
  }

  bool holds_more(const Value& list) {
    return std::any_of(list.as_array().begin(), list.as_array().end(), [&](const Value& value) {
      return value.is_table() || value.is_array() || !files.digest_of(value).empty();
    });
  }
};

void collect_texts(const Value& value, std::set<std::string>& texts) {
  if (value.is_string()) texts.insert(value.as_string());
  if (value.is_array())
    for (const Value& element : value.as_array()) collect_texts(element, texts);
  if (value.is_table())
    for (const config::Member& member : value.as_table()) collect_texts(member.value, texts);
}

/// The plugins whose components a stage names, by what their files hold.
void add_plugins(Flattener& flat, const Experiment& experiment, const Stage& stage) {
  if (experiment.plugin_files.empty()) return;
  std::set<std::string> texts;
  collect_texts(stage.resolved, texts);
  for (const auto& [name, file] : experiment.plugin_files)
    if (texts.contains(name))
      flat.add("plugins." + name, Value::string(std::filesystem::absolute(file).string()));
}

/// "auto" is what it stands for on this machine.
std::string device_of(const Experiment& experiment) {
  const std::string& wish = experiment.options.device;
  return wish == "auto" ? select_device(wish).device : device_kind(wish);
}

/// The adapter's keys become those of a file without one; what they were stays in `formerly`.
void leave_out_adapter(Flattener& flat) {
  std::map<std::string, std::string>& values = flat.settings.values;
  for (auto at = values.lower_bound(kAdapterSetting);
       at != values.end() && at->first.starts_with(kAdapterSetting);)
    flat.settings.formerly.insert(values.extract(at++));
  flat.add(kAdapterSetting, config::write_options(AdapterOptions()));
  values.erase("model.adapter.publish");
}

/// The parts of the file beside the stage that decide its result.
void add_file(Flattener& flat, const Cell& cell, const Experiment& experiment, const Stage& stage) {
  const Value options = config::write_options(experiment.options);
  for (const char* key : {"model", "tokenizer", "template"})
    if (const config::Member* member = options.find(key);
        member && (key != std::string_view("template") || cell.root.find(key)))
      flat.add(key, member->value);
  const ModelOptions& model = experiment.options.model;
  // What a key without a say has stood for since before it had one.
  if (model.max_length == 0)
    flat.settings.values["model.max_length"] = std::to_string(kFreshMaxLength);
  else if (model.max_length == kFreshMaxLength && length_limit(experiment) > 0)
    flat.settings.values["model.max_length"] += ", of longer ones";
  if (model.vocab_size == 0) flat.settings.values.erase("model.vocab_size");
  if (model.adapter.type == AdapterType::none) flat.settings.values.erase("model.adapter.publish");
  if (!takes_adapter(stage, model)) leave_out_adapter(flat);
  flat.settings.values["threads"] = std::to_string(experiment.options.threads);
  flat.settings.values["device"] = config::to_toml(Value::string(device_of(experiment)));
  // It chooses among gradient paths and sizes of a pass, which round differently (BegunWork finds
  // the work again by another budget that chooses the same).
  if (const ByteSize budget = experiment.options.memory.budget;
      budget.bytes > 0 && goes_by_budget(stage, experiment.options))
    flat.settings.values[kBudgetSetting] = std::to_string(budget.bytes);
  // Passed, it cuts the chunks of logits, whose sums a trained head's gradient adds up.
  if (const ByteSize soft = experiment.options.memory.budgets.logits;
      soft.bytes > 0 && stage.facts.training)
    flat.settings.values["memory.budgets.logits"] = std::to_string(soft.bytes);
  add_plugins(flat, experiment, stage);
  if (const auto words = experiment.words.find(stage.name); words != experiment.words.end())
    flat.settings.values["tokenizer.words"] = words->second;
}

/// Family, model and name of the first one: virtual machines give different kinds one name.
std::string processor() {
  std::ifstream in = open_input("/proc/cpuinfo");
  std::string said;
  for (std::string line; std::getline(in, line) && !line.empty();)
    if (line.starts_with("cpu family") || line.starts_with("model"))
      said +=
          message(said.empty() ? "" : ", ", line.substr(std::min(line.size(), line.find(':') + 2)));
  return said.empty() ? "unknown" : said;
}

}  // namespace

std::string WorkSettings::text() const {
  std::string lines;
  for (const auto& [key, value] : values) lines += key + "=" + value + "\n";
  return lines;
}

WorkSettings without_adapter(WorkSettings settings) {
  std::erase_if(settings.values,
                [](const auto& value) { return value.first.starts_with(kAdapterSetting); });
  return settings;
}

bool takes_adapter(const Stage& stage, const ModelOptions& model) {
  if (stage.facts.adapter != AdapterUse::trained) return stage.facts.adapter == AdapterUse::unknown;
  return !stage.facts.from.empty() || !model.path.empty();
}

bool goes_by_budget(const Stage& stage, const ExperimentOptions& options) {
  if (!stage.facts.training) return false;
  // A trained head's gradient is a sum over chunks of logits, which fit the budget.
  const bool is_fresh = stage.facts.from.empty() && options.model.path.empty();
  const bool may_cut_head = (is_fresh || options.model.adapter.type == AdapterType::none) &&
                            options.model.storage == WeightStorage::plain;
  return stage.facts.training->plans_gradient_path || may_cut_head;
}

bool changes_no_number(std::string_view key) {
  return std::find(kChangeNoNumber.begin(), kChangeNoNumber.end(), key) != kChangeNoNumber.end();
}

WorkSettings work_settings(const Cell& cell, const Experiment& experiment, const Stage& stage,
                           const std::string& model, InputFiles& files) {
  WorkSettings settings;
  Flattener flat{settings, files};
  add_file(flat, cell, experiment, stage);
  for (const config::Member& member : stage.resolved.as_table()) {
    // The model that a study or an evaluation compares with decides numbers; a cache does not.
    const bool names_model = member.key == "reference" && member.value.is_string();
    if (changes_no_number(member.key) && !names_model) continue;
    const std::string key = stage.name + "." + member.key;
    if (member.key == "prompts") settings.values[key] = config::to_toml(member.value);
    // Every model is measured by itself, on draws that do not depend on which other models are.
    else if (stage.facts.models.empty() || member.key != "models")
      flat.add(key, member.value);
  }
  if (!stage.facts.models.empty()) flat.add(stage.name + ".model", Value::string(model));
  return settings;
}

nlohmann::ordered_json work_record(const RunSchedule& schedule, const Work& work,
                                   InputFiles& files) {
  const Experiment& experiment = schedule.experiments[work.experiment];
  const Cell& cell = schedule.cells[work.experiment];
  const WorkSettings settings =
      work_settings(cell, experiment, schedule.stage_of(work), work.model, files);
  nlohmann::ordered_json record = {{"scheme", kWorkScheme},
                                   {"hash", work.hash},
                                   {"stage", work.stage},
                                   {"model", work.model},
                                   {"seed", work.seed},
                                   {"varies", work.seed != experiment.options.seed},
                                   {"axes", nlohmann::ordered_json::array()},
                                   {"settings", settings.values},
                                   {"paths", settings.paths},
                                   {"inputs", nlohmann::ordered_json::object()}};
  for (const auto& [path, value] : cell.axes) record["axes"].push_back(path);
  for (const auto& [name, input] : work.inputs) record["inputs"][name] = schedule.work[input].hash;
  return record;
}

nlohmann::ordered_json made_by(const Experiment& experiment) {
  nlohmann::ordered_json made = {{"build", build_id()},
                                 {"device", device_of(experiment)},
                                 {"threads", experiment.options.threads},
                                 {"processor", processor()}};
  if (made.at("device") != "cpu") {
    for (const EnvironmentFact& fact : environment_facts())
      if (fact.name == "cuda") made["cuda"] = fact.value;  // the card, the driver
    made["bitsandbytes"] = memory::bitsandbytes_version();
  }
  return made;
}

}  // namespace lldm
