// SPDX-License-Identifier: MIT
#include "lldm/experiment/experiment.hpp"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include "experiment/bound_data.hpp"
#include "experiment/key_readings.hpp"
#include "experiment/stage_checks.hpp"
#include "lldm/config/reader.hpp"
#include "lldm/errors.hpp"
#include "lldm/plugin/loader.hpp"
#include "lldm/registry/registry.hpp"

namespace lldm {
namespace {

using config::Diagnostics;
using config::Value;

/// Top-level role tables, and the kinds of stage that take them as defaults.
const std::vector<std::pair<std::string, std::set<StageKind>>>& shared_tables() {
  using K = StageKind;
  static const std::vector<std::pair<std::string, std::set<StageKind>>> tables = {
      {"forward_process", {K::pretraining, K::sft, K::preference, K::evaluate, K::study}},
      {"score_estimator", {K::preference, K::evaluate}},
      {"objective", {K::preference, K::study}},
      {"optimizer", {K::pretraining, K::sft, K::preference}},
      {"sampler", {K::synthesize, K::evaluate, K::sample}},
      {"task", {K::synthesize, K::evaluate, K::sample}}};
  return tables;
}

/// `x = "name"` and `x = { type = "name" }` say the same, and `terms` alone names a weighted sum.
Value as_component(const Value& value) {
  if (const config::Member* terms = value.find("terms"); terms && !value.find("type")) {
    Value sum = value;
    sum.set("type", Value::string("weighted_sum", terms->position), terms->position);
    return sum;
  }
  if (!value.is_string()) return value;
  Value table = Value::table({}, value.position());
  table.set("type", value, value.position());
  return table;
}

Value component(std::string_view type,
                std::initializer_list<std::pair<const char*, Value>> keys = {}) {
  Value table;
  table.set("type", Value::string(std::string(type)));
  for (const auto& [key, value] : keys) table.set(key, value);
  return table;
}

/// What a kind uses where neither the file nor the stage says anything.
Value kind_defaults(StageKind kind) {
  Value table;
  const Value bernoulli = component(
      "monte_carlo_elbo", {{"draws", Value::integer(1)}, {"count", Value::string("bernoulli")}});
  // Named here so that their own defaults are filled in: config.resolved.toml says all, and is its
  // own resolved form.
  if (kind != StageKind::synthesize && kind != StageKind::sample)
    table.set("forward_process", component("masked"));
  if (kind == StageKind::synthesize || kind == StageKind::evaluate || kind == StageKind::sample)
    table.set("sampler", component("fixed_length"));
  switch (kind) {
    case StageKind::pretraining:
      table.set("score_estimator", bernoulli);
      table.set("objective", component("pretraining"));
      table.set("random_length_share", Value::real(0.01));
      break;
    case StageKind::sft:
      table.set("score_estimator", bernoulli);
      table.set("objective", component("sft"));
      break;
    case StageKind::preference:
      table.set("score_estimator", component("monte_carlo_elbo"));
      table.set("objective", component("dpo"));
      break;
    case StageKind::evaluate:
      table.set("score_estimator",
                component("monte_carlo_elbo", {{"draws", Value::integer(16)},
                                               {"pairing", Value::string("stratified")}}));
      break;
    case StageKind::study:
      table.set("objective", component("dpo"));
      break;
    case StageKind::synthesize:
    case StageKind::sample:
      break;
  }
  return table;
}

/// A default table with the component that the first kind of stage would take.
Value with_type(const std::string& key, StageKind kind, const Value& table) {
  const Value defaults = kind_defaults(kind);
  const config::Member* own = defaults.find(key);
  const Value given = as_component(table);
  if (!own || !given.is_table() || given.find("type")) return given;
  Value with = given;
  with.set("type", own->value.find("type")->value);
  return with;
}

/// Lays kind defaults, the file's role tables and the stage's own table on one another.
Value effective_stage(const Value& root, const Value& stage, StageKind kind,
                      std::set<std::string>& used) {
  Value table = kind_defaults(kind);
  const bool scores_pairs = kind != StageKind::evaluate || stage.find("pairs") != nullptr;
  const bool generates = kind != StageKind::evaluate || stage.find("pairs") == nullptr;
  const bool injects = stage.text_of("method") == "inject";
  for (const auto& [key, kinds] : shared_tables()) {
    const config::Member* shared = root.find(key);
    if (!shared || !kinds.contains(kind)) continue;
    if ((key == "score_estimator" || key == "forward_process") && !scores_pairs) continue;
    if ((key == "sampler" || key == "task") && !generates) continue;
    if (key == "sampler" && injects) continue;
    if (key == "task" && stage.find("prompts")) continue;
    used.insert(key);
    Value over;
    over.set(key, as_component(shared->value), shared->position);
    table = merged(table, over);
  }
  Value own = stage;
  for (const auto& [key, kinds] : shared_tables())
    if (config::Member* member = own.find(key)) member->value = as_component(member->value);
  table = merged(table, own);
  table.set_position(stage.position());
  return table;
}

/// A model folder (anything with a slash) is relative to the file that names it, as every path.
std::string model_path(const std::string& name, const Value* given) {
  if (name.find('/') == std::string::npos || name.starts_with('/') || !given) return name;
  const auto& source = given->position().source;
  if (!source) return name;
  return std::filesystem::absolute(source->folder / name).lexically_normal().string();
}

/// A resolved stage is its own resolved form: it names no key that is not read.
void drop_unread(StageKind kind, Value& table) {
  const auto drop = [&](std::initializer_list<const char*> keys) {
    for (const char* key : keys) table.erase(key);
  };
  if (kind == StageKind::evaluate && !table.find("pairs"))
    drop({"score_estimator", "forward_process", "response_length", "score_padding"});
  if (kind == StageKind::evaluate && table.find("pairs")) drop({"sampler", "show"});
  if (kind == StageKind::synthesize && table.text_of("method") == "inject") drop({"sampler"});
  if (kind == StageKind::evaluate && table.text_of("reference").empty()) drop({"reference"});
  if (const config::Member* rows = table.find("validation");
      rows && rows->value.is_table() && rows->value.as_table().empty())
    drop({"validation"});
}

const Value* value_of(const Value& table, std::string_view key) {
  const config::Member* member = table.find(key);
  return member ? &member->value : nullptr;
}

struct Binder {
  const Registry& registry;
  Diagnostics& diagnostics;

  template <class Options>
  void bind(Stage& stage, const Value& table) {
    Options options = config::read_options<Options>(
        table, diagnostics, message("stage \"", stage.name, "\""), &registry);
    if constexpr (std::is_same_v<Options, EvaluateStage>) {
      const Value* models = value_of(table, "models");
      for (std::size_t i = 0; i < options.models.size(); ++i)
        options.models[i] = model_path(options.models[i],
                                       models && models->is_array() && i < models->as_array().size()
                                           ? &models->as_array()[i]
                                           : nullptr);
      options.reference = model_path(options.reference, value_of(table, "reference"));
    } else {
      if constexpr (std::is_same_v<Options, StudyStage>)
        options.reference = model_path(options.reference, value_of(table, "reference"));
      options.from = model_path(options.from, value_of(table, "from"));
    }
    if constexpr (std::is_same_v<Options, TrainingStage>)
      if (table.find("data"))
        options.data =
            bind_data(options.data, registry, diagnostics, message("stage \"", stage.name, "\""))
                .resolved;
    if constexpr (std::is_same_v<Options, TrainingStage>)
      if (table.find("validation"))
        options.validation = bind_data(options.validation, registry, diagnostics,
                                       message("stage \"", stage.name, "\" `validation`:"))
                                 .resolved;
    if constexpr (std::is_same_v<Options, EvaluateStage> || std::is_same_v<Options, StudyStage>)
      if (table.find("pairs"))
        options.pairs =
            bind_data(options.pairs, registry, diagnostics, message("stage \"", stage.name, "\""))
                .resolved;
    stage.resolved = config::write_options(options);
    drop_unread(stage.kind, stage.resolved);
    stage.options = std::move(options);
  }
};

std::optional<StageKind> kind_of(const Value& table, Diagnostics& diagnostics) {
  const std::string kind(table.text_of("kind"));
  std::vector<std::string> names;
  for (const auto& choice : choices(std::type_identity<StageKind>{})) {
    if (choice.name == kind) return choice.value;
    names.emplace_back(choice.name);
  }
  const config::Member* member = table.find("kind");
  diagnostics.error(
      member ? member->value.position() : table.position(),
      member ? message("no kind of stage is named \"", kind, "\"") : "[[stage]] has no `kind`",
      config::did_you_mean(kind, names, "kinds"));
  return std::nullopt;
}

}  // namespace

std::vector<std::string> default_tables() {
  std::vector<std::string> keys;
  for (const auto& shared : shared_tables()) keys.push_back(shared.first);
  return keys;
}

std::vector<std::string> experiment_keys() {
  std::vector<std::string> keys;
  for (const auto& info : config::fields<ExperimentOptions>()) keys.push_back(info.key);
  keys.emplace_back("extends");
  // What is looked for at the top and stands one table below, for hints.
  for (const auto& info : config::fields<ExperimentOptions>())
    for (const auto& inner : info.fields) keys.push_back(info.key + "." + inner.key);
  for (const auto& info : config::fields<OptimizerOptions>())
    keys.push_back("optimizer." + info.key);
  return keys;
}

std::vector<std::string> Stage::inputs() const {
  std::vector<std::string> names;
  const auto add = [&](const std::string& name) {
    if (!name.empty()) names.push_back(name);
  };
  std::visit(
      [&](const auto& o) {
        using T = std::decay_t<decltype(o)>;
        if constexpr (std::is_same_v<T, EvaluateStage>) {
          for (const std::string& model : o.models) add(model);
          add(std::string(o.pairs.text_of("stage")));
          add(o.reference);
        } else {
          add(o.from);
          if constexpr (std::is_same_v<T, StudyStage>) {
            add(o.reference);
            add(std::string(o.pairs.text_of("stage")));
          }
          if constexpr (std::is_same_v<T, TrainingStage>) {
            add(std::string(o.data.text_of("stage")));
            add(std::string(o.validation.text_of("stage")));
          }
        }
      },
      options);
  return names;
}

const Stage* Experiment::find(std::string_view name) const {
  for (const Stage& stage : stages)
    if (stage.name == name) return &stage;
  return nullptr;
}

namespace {

void check_unused(const Value& root, const std::set<std::string>& used, Diagnostics& diagnostics) {
  for (const auto& [key, kinds] : shared_tables())
    if (const config::Member* member = root.find(key); member && !used.contains(key)) {
      std::string readers;
      for (const StageKind kind : kinds)
        readers += (readers.empty() ? "" : ", ") + std::string(to_string(kind));
      diagnostics.error(member->position, message("[", key, "] is read by no stage of this file"),
                        "it is the default of: " + readers);
    }
}

}  // namespace

Experiment bind_experiment(const Value& root, const Registry& registry, Diagnostics& diagnostics,
                           KeyReadings* readings) {
  Experiment experiment;
  experiment.options =
      config::read_options<ExperimentOptions>(root, diagnostics, "the file", &registry);
  check_experiment_name(experiment.options.name, root, diagnostics);
  if (const config::Member* plugins = root.find("plugins"); plugins && plugins->value.is_array()) {
    experiment.options.plugins.clear();  // a bare name is no path relative to the file
    for (const Value& plugin : plugins->value.as_array())
      if (plugin.is_string()) {
        const auto& source = plugin.position().source;
        experiment.options.plugins.push_back(
            plugin_file(plugin.as_string(), source ? source->folder : std::filesystem::path()));
      }
  }
  const config::Member* stages = root.find("stage");
  if (!stages) return experiment;
  if (!stages->value.is_array()) {
    diagnostics.error(stages->position, message("`stage` is ", stages->value.seen()),
                      "write stages as [[stage]] tables");
    return experiment;
  }
  std::set<std::string> used;
  for (const Value& table : stages->value.as_array()) {
    if (!table.is_table()) {
      diagnostics.error(table.position(), message("a stage is ", table.seen()), "write [[stage]]");
      continue;
    }
    const std::optional<StageKind> kind = kind_of(table, diagnostics);
    if (!kind) continue;
    Stage stage{.name = std::string(table.text_of("name")),
                .kind = *kind,
                .position = table.position(),
                .resolved = {},
                .options = {}};
    check_stage(stage, table, diagnostics);
    const Value effective = effective_stage(root, table, *kind, used);
    if (readings) readings->add(effective, used);
    Binder binder{registry, diagnostics};
    switch (*kind) {
      case StageKind::pretraining:
      case StageKind::sft:
      case StageKind::preference:
        binder.bind<TrainingStage>(stage, effective);
        break;
      case StageKind::synthesize:
        binder.bind<SynthesizeStage>(stage, effective);
        break;
      case StageKind::evaluate:
        binder.bind<EvaluateStage>(stage, effective);
        break;
      case StageKind::sample:
        binder.bind<SampleStage>(stage, effective);
        break;
      case StageKind::study:
        binder.bind<StudyStage>(stage, effective);
        break;
    }
    experiment.stages.push_back(std::move(stage));
  }
  check_references(experiment, diagnostics);
  check_unused(root, used, diagnostics);
  for (const auto& [key, kinds] : shared_tables())
    if (const config::Member* shared = root.find(key); shared && used.contains(key))
      check_default_table(key, with_type(key, *kinds.begin(), shared->value), registry,
                          diagnostics);
  check_model_tables(experiment, root, diagnostics);
  return experiment;
}

Value resolved_document(const Experiment& experiment, const Value& root) {
  Value resolved = config::write_options(experiment.options);
  for (const auto& [key, kinds] : shared_tables()) resolved.erase(key);  // laid into the stages
  Value stages = Value::array();
  for (const Stage& stage : experiment.stages) stages.as_array().push_back(stage.resolved);
  resolved.set("stage", stages);
  // A model folder's own template counts where the file names none.
  if (!root.find("template")) resolved.erase("template");
  resolved.erase("grid");
  if (const config::Member* grid = root.find("grid")) resolved.set("grid", grid->value);
  return resolved;
}

}  // namespace lldm
