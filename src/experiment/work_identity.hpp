// SPDX-License-Identifier: MIT
// What decides the result of a piece of work: the settings behind its hash, key by key.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "experiment/input_files.hpp"
#include "lldm/experiment/schedule.hpp"

namespace lldm {

/// Settings by key ("tuned.objective.beta", "model.width") as TOML.  A file counts by what it
/// holds, wherever it lies: "sha256:..." in place of its path.
struct WorkSettings {
  std::map<std::string, std::string> values;
  std::map<std::string, std::string> paths;  // of the keys that name files
  // What stands in hashes of older folders where the stage takes no adapter: that of its file.
  std::map<std::string, std::string> formerly = {};

  /// One line a key: what is hashed.
  [[nodiscard]] std::string text() const;
};

/// Whether a key of a stage changes no number: how often it logs and saves, what the report shows.
/// Such keys are in no hash, so they may change in a finished folder.
bool changes_no_number(std::string_view key);

/// The setting of a stage whose steps are done as the memory budget allows.
inline constexpr const char* kBudgetSetting = "memory.budget";
/// The setting that changes no bit of a training whose way of the steps is settled.
inline constexpr const char* kRecomputationSetting = "model.recomputation";
/// The settings of an adapter: this key and those that begin with it.
inline constexpr const char* kAdapterSetting = "model.adapter";
/// Whether [model] adapter has a part in what a stage makes (AdapterUse).
bool takes_adapter(const Stage& stage, const ModelOptions& model);
WorkSettings without_adapter(WorkSettings settings);
/// Whether a stage leaves open how its steps are done, which then depends on the budget.
bool goes_by_budget(const Stage& stage, const ExperimentOptions& options);

/// `model`: of an evaluate stage, the measured model; else "".
WorkSettings work_settings(const Cell& cell, const Experiment& experiment, const Stage& stage,
                           const std::string& model, InputFiles& files);

/// work.json: {"scheme", "hash", "stage", "model", "seed", "varies", "axes", "settings", "paths",
/// "inputs"}.  `varies`: the seed is one of [grid] seeds.
nlohmann::ordered_json work_record(const RunSchedule& schedule, const Work& work,
                                   InputFiles& files);

/// Lldm, LibTorch, compiler, threads, processor or device: what decides bits beside the file.
nlohmann::ordered_json made_by(const Experiment& experiment);

}  // namespace lldm
