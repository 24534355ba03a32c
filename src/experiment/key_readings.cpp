// SPDX-License-Identifier: MIT
#include "experiment/key_readings.hpp"

#include <algorithm>
#include <functional>

#include "lldm/config/reader.hpp"
#include "lldm/errors.hpp"
#include "lldm/registry/registry.hpp"

namespace lldm {
namespace {

using config::Diagnostics;
using config::Member;
using config::Position;
using config::Value;

/// Keys of [model] by who reads them.
const std::set<std::string> kSizes = {"width",      "layers",   "heads",    "kv_heads", "mlp_width",
                                      "rope_theta", "norm_eps", "qkv_bias", "tie_head"};
const std::set<std::string> kStart = {"embedding_std", "linear_gain", "head_std"};

/// Every key without keys of its own, with its path.
void for_each_leaf(const Value& table, const std::string& path,
                   const std::function<void(const std::string&, const Member&)>& visit) {
  for (const Member& member : table.as_table()) {
    const std::string own = path.empty() ? member.key : path + "." + member.key;
    if (member.value.is_table())
      for_each_leaf(member.value, own, visit);
    else
      visit(own, member);
  }
}

}  // namespace

bool is_override(const Position& position) {
  return position.source && position.source->name == "--set";
}

void KeyReadings::add(const Value& table, const std::set<std::string>& shared) {
  shared_.insert(shared.begin(), shared.end());
  for_each_leaf(table, "", [&](const std::string&, const Member& member) {
    for (const Position& place : {member.position, member.value.position()})
      if (place.source) places_.insert(place);
  });
}

bool KeyReadings::has(const Member& member) const {
  return places_.contains(member.position) || places_.contains(member.value.position());
}

void tell_overridden(const std::vector<Cell>& cells, const std::vector<std::string>& tables,
                     const KeyReadings& readings, Diagnostics& diagnostics) {
  const auto tell = [&](const std::string& path, const Member& member) {
    const bool is_type = member.key == "type";
    const bool is_set = is_override(member.position);
    if (!member.position.source || readings.has(member) || (is_type && !is_set)) return;
    const std::string hint = message("it is a default: name the stage, as in STAGE.", path);
    const std::string text =
        message(path, " has no effect: every stage that could read it has its own");
    if (is_set)
      diagnostics.error(member.position, "--set " + text, hint);
    else
      diagnostics.warning(member.position, text, hint);
  };
  for (const Cell& cell : cells)
    for (const std::string& key : tables) {
      const Member* table = cell.root.find(key);
      if (!table || !readings.is_used(key)) continue;
      if (table->value.is_table())
        for_each_leaf(table->value, key, tell);
      else
        tell(key, *table);
    }
}

void check_default_table(const std::string& key, const Value& table, const Registry& registry,
                         Diagnostics& diagnostics) {
  if (!table.is_table()) return;
  Diagnostics found = diagnostics.aside();
  const std::string where = "[" + key + "]";
  if (key == "optimizer") {
    OptimizerOptions options;
    config::read_table(table, config::fields<OptimizerOptions>(), &options,
                       config::ReadContext{found, where});
  } else if (table.find("type")) {
    static_cast<void>(
        registry.check_component({.role = key, .table = table, .where = where}, found));
  }
  std::set<Position> known;
  for (const config::Diagnostic& error : diagnostics.errors()) known.insert(error.position);
  for (const config::Diagnostic& error : found.errors())
    if (error.message.find(" is missing") == std::string::npos && !known.contains(error.position))
      diagnostics.error(error.position, error.message, error.hint);
}

bool reads_tokenizer(const Experiment& experiment) {
  return experiment.stages.empty() ||
         std::ranges::any_of(experiment.stages,
                             [](const Stage& stage) { return stage.facts.trains_new_model(); });
}

bool makes_model(const Experiment& experiment) {
  return experiment.options.model.path.empty() && !experiment.stages.empty() &&
         reads_tokenizer(experiment);
}

std::int64_t length_limit(const Experiment& experiment) {
  return makes_model(experiment) ? 0 : experiment.options.model.max_length;
}

bool reads_model_key(const Experiment& experiment, const std::string& key) {
  if (experiment.stages.empty() || makes_model(experiment)) return true;
  const bool reads_path = reads_tokenizer(experiment);
  if (key == "path") return reads_path;
  const bool reads_sizes = reads_path || experiment.options.needs.has_value();
  return !kStart.contains(key) && (reads_sizes || !kSizes.contains(key));
}

namespace {

/// Whether a stage starts from what is neither a stage nor a folder, which is told elsewhere.
bool has_unknown_start(const Experiment& experiment) {
  return std::ranges::any_of(experiment.stages, [&](const Stage& stage) {
    const std::string& from = stage.facts.from;
    return !from.empty() && from.find('/') == std::string::npos && !experiment.find(from);
  });
}

}  // namespace

void check_model_tables(const Experiment& experiment, const Value& root, Diagnostics& diagnostics) {
  if (has_unknown_start(experiment)) return;
  const bool reads_path = reads_tokenizer(experiment);
  const char* why = reads_path ? "[model] `path` has it" : "every stage starts from a model folder";
  if (const Member* table = root.find("tokenizer"); table && !reads_path)
    diagnostics.error(table->position, "[tokenizer] is read by no stage of this file",
                      message(why, ", which has its own tokenizer: leave it out"));
  const Member* model = root.find("model");
  if (!model || !model->value.is_table()) return;
  for (const Member& member : model->value.as_table())
    if (!reads_model_key(experiment, member.key))
      diagnostics.error(member.position,
                        message("[model] ", member.key, " is read by no stage of this file"),
                        message(why,
                                member.key == "path" ? ", named by `from`"
                                : reads_path         ? ": no new weights are made"
                                                     : ": its config.json has the sizes",
                                "; leave it out"));
}

}  // namespace lldm
