// SPDX-License-Identifier: MIT
// One bound stage: what it is told, and what everybody but its own kind may know of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lldm/concepts/any_stage_kind.hpp"
#include "lldm/config/component_ref.hpp"
#include "lldm/config/diagnostics.hpp"
#include "lldm/config/value.hpp"
#include "lldm/experiment/data_options.hpp"
#include "lldm/experiment/report_role.hpp"
#include "lldm/registry/registry.hpp"

namespace lldm {

/// What rows of a file a stage can read.
enum class RowsWanted : std::uint8_t {
  texts,            // {text}
  answers,          // {prompt, response} or conversations
  pairs,            // {prompt, chosen, rejected}
  pairs_or_ranked,  // the same, or {prompt, answers}
};

/// The rows a stage reads.
struct StageRows {
  std::string key;  // where its table stands: "data" or "pairs"
  BoundData data;
  RowsWanted wanted = RowsWanted::pairs;
};

/// What a stage scores texts with.
struct StageScoring {
  ComponentRef<Role::forward_process> process;
  std::vector<ComponentRef<Role::score_estimator>> estimators;
  std::string key = "score_estimator";  // where the estimators stand
  bool enumerates = false;              // it also enumerates masks, as the estimator `exact` does
};

/// What a stage that trains says of the model it makes.
struct StageTraining {
  ReportRole role = ReportRole::none;
  std::string from;  // "": a new model
  std::string estimator;
};

/// What the rest of the house asks of a stage, whatever its kind.
struct StageFacts {
  std::vector<std::string> inputs;   // stages, or model folders (with a slash), that it reads
  std::vector<std::string> models;   // measured one by one, each a piece of work; else empty
  std::vector<std::string> sampled;  // models whose masks a sampler replaces
  std::optional<StageRows> rows = {};
  std::optional<StageScoring> scoring = {};
  std::optional<StageTraining> training = {};
  std::vector<ComponentRef<Role::task>> tasks = {};  // whose words a vocabulary holds
  std::vector<std::string> prompts = {};             // whose words a vocabulary holds
  bool records_steps = false;  // its rows keep the order in which answers were written
};

/// One bound stage.
struct Stage {
  std::string name;
  AnyStageKind kind;
  config::Position position;
  config::Value resolved;               // every key of the stage, defaults filled in
  std::shared_ptr<const void> options;  // of the kind's own Options type
  StageFacts facts;

  /// The options, for the kind itself; null if the stage is of a kind with other options.
  template <class Options>
  [[nodiscard]] const Options* as() const {
    return static_cast<const Options*>(kind.holds(typeid(Options)) ? options.get() : nullptr);
  }
};

}  // namespace lldm
