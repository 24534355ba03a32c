// SPDX-License-Identifier: MIT
#include "lldm/experiment/experiment.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "config/path_variables.hpp"
#include "experiment/key_readings.hpp"
#include "experiment/stage_checks.hpp"
#include "lldm/config/options_check.hpp"
#include "lldm/config/reader.hpp"
#include "lldm/errors.hpp"
#include "lldm/plugin/loader.hpp"
#include "lldm/registry/registry.hpp"
#include "model/hub_cache.hpp"

namespace lldm {
namespace {

using config::Diagnostics;
using config::Value;

/// Role tables of the file, each the default of stages that take it.
constexpr std::array<const char*, 6> kRoleTables = {
    "forward_process", "score_estimator", "objective", "optimizer", "sampler", "task"};

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

/// Lays the kind's defaults, the file's role tables and the stage's own table on one another.
Value effective_stage(const Value& root, const Value& stage, const AnyStageKind& kind,
                      std::set<std::string>& used) {
  Value table = kind.defaults();
  const std::vector<std::string> taken = kind.file_defaults(&stage);
  for (const char* key : kRoleTables) {
    const config::Member* shared = root.find(key);
    if (!shared || std::find(taken.begin(), taken.end(), key) == taken.end()) continue;
    used.insert(key);
    Value over;
    over.set(key, as_component(shared->value), shared->position);
    table = merged(table, over);
  }
  Value own = stage;
  for (const char* key : kRoleTables)
    if (config::Member* member = own.find(key)) member->value = as_component(member->value);
  table = merged(table, own);
  table.set_position(stage.position());
  return table;
}

/// The first kind of stage that takes a default table; null if none does.
const AnyStageKind* first_taker(const std::string& key, const Registry& registry) {
  for (const RegisteredStageKind& known : registry.stage_kinds())
    if (const auto taken = known.kind.file_defaults(nullptr);
        std::ranges::find(taken, key) != taken.end())
      return &known.kind;
  return nullptr;
}

/// A default table with the component that the first kind of stage would take.
Value with_type(const std::string& key, const Value& table, const Registry& registry) {
  const AnyStageKind* kind = first_taker(key, registry);
  const Value defaults = kind ? kind->defaults() : Value();
  const config::Member* own = defaults.find(key);
  const Value given = as_component(table);
  if (!own || !given.is_table() || given.find("type")) return given;
  Value with = given;
  with.set("type", own->value.find("type")->value);
  return with;
}

/// A model folder (anything with a slash) is a path as every other: variables of the environment
/// are put in, and it is relative to the file that names it.  A name of the hub whose snapshot is
/// in the hub's cache is that folder.  `who`: "stage "x": from".
void make_absolute(Value& model, const std::string& who, Diagnostics& diagnostics) {
  if (!model.is_string()) return;
  if (const std::string variable = config::unset_variable(model.as_string()); !variable.empty())
    return diagnostics.missing(
        model.position(),
        message(who, " needs the environment variable ", variable, ", which is not set"),
        message("got ", config::in_quotes(model.as_string()), "; set it: export ", variable,
                "=FOLDER"));
  const std::string name = config::with_variables(model.as_string());
  if (name != model.as_string()) model = Value::string(name, model.position());
  const auto source = model.position().source;
  const bool is_relative = name.find('/') != std::string::npos && !name.starts_with('/') && source;
  if (is_relative)
    if (const auto snapshot = named_snapshot(name, source->folder)) {
      model = Value::string(std::filesystem::absolute(*snapshot).string(), model.position());
      return;
    }
  if (is_relative)
    model =
        Value::string(std::filesystem::absolute(source->folder / name).lexically_normal().string(),
                      model.position());
  if (const std::string bare = config::bare_variable(name);
      !bare.empty() && !std::filesystem::exists(model.as_string()))
    diagnostics.error(model.position(),
                      message(who, " names no model: \"$", bare, "\" is taken as it stands"),
                      message("a variable of the environment is written ${", bare, "}"));
}

void make_models_absolute(Value& table, const std::string& stage, Diagnostics& diagnostics) {
  for (const char* key : {"from", "reference", "models"}) {
    config::Member* member = table.find(key);
    if (!member) continue;
    const std::string who = message("stage \"", stage, "\": ", key);
    make_absolute(member->value, who, diagnostics);
    if (member->value.is_array())
      for (Value& model : member->value.as_array()) make_absolute(model, who, diagnostics);
  }
}

/// A resolved stage is its own resolved form: it names no key that is not read.
void bind(Stage& stage, Value table, const Registry& registry, Diagnostics& diagnostics) {
  make_models_absolute(table, stage.name, diagnostics);
  stage.options =
      stage.kind.read(table, {diagnostics, message("stage \"", stage.name, "\""), &registry});
  stage.resolved = stage.kind.write(stage.options.get());
  for (const UnreadKey& unread : stage.kind.unread(table)) stage.resolved.erase(unread.key);
  stage.facts = stage.kind.facts(stage.options.get());
}

const AnyStageKind* kind_of(const Value& table, const Registry& registry,
                            Diagnostics& diagnostics) {
  const std::string name(table.text_of("kind"));
  if (const AnyStageKind* kind = registry.find_stage_kind(name)) return kind;
  std::vector<std::string> names;
  for (const RegisteredStageKind& known : registry.stage_kinds())
    names.emplace_back(known.kind.name());
  const config::Member* member = table.find("kind");
  diagnostics.error(
      member ? member->value.position() : table.position(),
      member ? message("no kind of stage is named \"", name, "\"") : "[[stage]] has no `kind`",
      config::did_you_mean(name, names, "kinds"));
  return nullptr;
}

}  // namespace

std::vector<std::string> default_tables() { return {kRoleTables.begin(), kRoleTables.end()}; }

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

const Stage* Experiment::find(std::string_view name) const {
  for (const Stage& stage : stages)
    if (stage.name == name) return &stage;
  return nullptr;
}

namespace {

void check_unused(const Value& root, const std::set<std::string>& used, const Registry& registry,
                  Diagnostics& diagnostics) {
  for (const char* key : kRoleTables) {
    const config::Member* member = root.find(key);
    if (!member || used.contains(key)) continue;
    std::string readers;
    for (const RegisteredStageKind& known : registry.stage_kinds()) {
      const std::vector<std::string> taken = known.kind.file_defaults(nullptr);
      if (std::find(taken.begin(), taken.end(), key) != taken.end())
        readers += (readers.empty() ? "" : ", ") + std::string(known.kind.name());
    }
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
  if (const config::Member* model = root.find("model"))
    if (const config::Member* path = model->value.find("path"); path && path->value.is_string()) {
      const auto& source = path->value.position().source;
      if (const auto snapshot = named_snapshot(config::with_variables(path->value.as_string()),
                                               source ? source->folder : std::filesystem::path()))
        experiment.options.model.path = std::filesystem::absolute(*snapshot);
    }
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
    const AnyStageKind* kind = kind_of(table, registry, diagnostics);
    if (!kind) continue;
    Stage stage{.name = std::string(table.text_of("name")),
                .kind = *kind,
                .position = table.position(),
                .resolved = {},
                .options = {},
                .facts = {}};
    check_stage_table(stage, table, diagnostics);
    const Value effective = effective_stage(root, table, *kind, used);
    if (readings) readings->add(effective, used);
    bind(stage, effective, registry, diagnostics);
    check_stage_rows(stage, table, diagnostics);
    experiment.stages.push_back(std::move(stage));
  }
  check_references(experiment, diagnostics);
  check_unused(root, used, registry, diagnostics);
  for (const char* key : kRoleTables)
    if (const config::Member* shared = root.find(key); shared && used.contains(key))
      check_default_table(key, with_type(key, shared->value, registry), registry, diagnostics);
  check_model_tables(experiment, root, diagnostics);
  return experiment;
}

namespace {

/// Leaves out of a table what nobody reads, and beside [model] `path` every default: it would
/// contradict the folder's own sizes and tokens.
void keep_read(Value& resolved, const char* key, const Value& root, const Experiment& experiment) {
  const config::Member* given = root.find(key);
  const bool has_path = !experiment.options.model.path.empty();
  const bool is_model = key == std::string_view("model");
  std::erase_if(resolved.find(key)->value.as_table(), [&](const config::Member& member) {
    const bool is_read =
        is_model ? reads_model_key(experiment, member.key) : reads_tokenizer(experiment);
    return !is_read || (has_path && !(given && given->value.find(member.key)));
  });
  if (resolved.find(key)->value.as_table().empty()) resolved.erase(key);
}

}  // namespace

void MemoryOptions::check(config::OptionsCheck& check) const {
  if (streamed_blocks != kStreamedBlocks && frozen_weights != FrozenWeights::streamed)
    check.warning("streamed_blocks", "streamed_blocks has no effect: weights are not streamed",
                  "it is read with frozen_weights = \"streamed\"");
}

std::vector<std::pair<MemoryPurpose, ByteSize>> budgets_of(const PurposeBudgets& budgets) {
  using enum MemoryPurpose;
  return {{weights, budgets.weights},         {adapter, budgets.adapter},
          {gradients, budgets.gradients},     {optimizer, budgets.optimizer},
          {activations, budgets.activations}, {logits, budgets.logits},
          {staging, budgets.staging},         {workspace, budgets.workspace}};
}

Value resolved_document(const Experiment& experiment, const Value& root) {
  Value resolved = config::write_options(experiment.options);
  for (const char* key : kRoleTables) resolved.erase(key);  // laid into the stages
  Value stages = Value::array();
  for (const Stage& stage : experiment.stages) stages.as_array().push_back(stage.resolved);
  resolved.set("stage", stages);
  for (const char* key : {"model", "tokenizer"}) keep_read(resolved, key, root, experiment);
  // A model folder's own template counts where the file names none.
  if (!root.find("template")) resolved.erase("template");
  resolved.erase("grid");
  if (const config::Member* grid = root.find("grid")) resolved.set("grid", grid->value);
  return resolved;
}

}  // namespace lldm
