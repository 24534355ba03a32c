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
#include "lldm/data/response_length.hpp"
#include "lldm/experiment/data_options.hpp"
#include "lldm/experiment/long_rows.hpp"
#include "lldm/experiment/report_role.hpp"
#include "lldm/experiment/score_padding.hpp"
#include "lldm/registry/registry.hpp"
#include "lldm/train/train_options.hpp"

namespace lldm {

/// What rows of a file a stage can read.
enum class RowsWanted : std::uint8_t {
  texts,            // {text}
  answers,          // {prompt, response} or conversations
  pairs,            // {prompt, chosen, rejected}
  pairs_or_ranked,  // the same, or {prompt, answers}, or {prompt, completion, label}
};

/// One source of rows that a stage reads.
struct StageRows {
  std::string key;  // where its table stands: "data", "validation" or "pairs"
  DataRef data;
  RowsWanted wanted = RowsWanted::pairs;
  std::int64_t limit = 0;  // the stage's own: so many of the rows are used; 0: all
};

/// What a stage scores texts with, and how answers lie on their canvas.
struct StageScoring {
  ComponentRef<Role::forward_process> process;
  std::vector<ComponentRef<Role::score_estimator>> estimators;
  std::string key = "score_estimator";  // where the estimators stand
  bool enumerates = false;              // it also enumerates masks, as the estimator `exact` does
  ResponseLength response_length = {};
  ScorePadding score_padding = ScorePadding::include;
  LongRows long_rows = LongRows::error;
  PromptBoundary boundary = PromptBoundary::separate;
};

/// What a stage that trains says of the model it makes.
struct StageTraining {
  ReportRole role = ReportRole::none;
  ComponentRef<Role::objective> objective = {};
  OptimizerOptions optimizer = {};
  std::int64_t validation_rows = 0;  // held out of `data`
  bool plans_gradient_path = false;  // by the memory budget
  bool allows_benchmarks = false;    // rows of sets that models are measured by may be trained on
  std::filesystem::path benchmarks = {};  // a file of such sets beside the built-in ones
};

/// Items that a stage answers or changes: the first `limit` of a task (0: all).
struct StageItems {
  ComponentRef<Role::task> task;
  std::int64_t limit = 0;
};

/// What a stage leaves behind for other stages.
enum class StageProduct : std::uint8_t {
  unknown,  // a plugin's kind that does not say: nobody is refused
  none,
  model,
  pairs,          // chosen and rejected answers
  sampled_pairs,  // the same, and every answer that was sampled, with its grade
};

/// Whether [model] adapter has a part in what a stage makes, and so in the hash of its work.
enum class AdapterUse : std::uint8_t {
  unknown,  // a plugin's kind that does not say: it may
  none,     // rows are made, models measured, as they are
  trained,  // where it starts from weights; fresh ones are trained whole
};

/// What the rest of the house asks of a stage, whatever its kind.
struct StageFacts {
  // Stages, or model folders (with a slash), that every piece of its work reads.
  std::vector<std::string> inputs = {};
  // Measured one by one, each by a piece of work of its own; else empty.
  std::vector<std::string> models = {};
  std::string from = {};                  // of `inputs`, the one model it starts from; "": none
  std::vector<std::string> sampled = {};  // models whose masks a sampler replaces
  std::vector<StageRows> rows = {};       // the first: what it trains on or scores
  std::optional<StageScoring> scoring = {};
  std::optional<StageTraining> training = {};
  std::vector<StageItems> items = {};     // whose words a vocabulary holds, as those of
  std::vector<std::string> prompts = {};  // prompts that the file gives
  StageProduct product = StageProduct::unknown;
  AdapterUse adapter = AdapterUse::unknown;
  std::int64_t rows_per_item = 1;  // of pairs that it makes, at most
  bool records_steps = false;      // its rows keep the order in which answers were written
  bool gives_rows = false;         // its result has `rows`, each one of the report
  std::int64_t shown_answers = 0;  // of a measured model, in the report

  /// `models`, then `inputs`.
  [[nodiscard]] std::vector<std::string> all_inputs() const;
  /// The rows of the table `key`; null if it has none.
  [[nodiscard]] const StageRows* rows_at(std::string_view key) const;
  /// Whether it trains a model that starts from no other.
  [[nodiscard]] bool trains_new_model() const { return training && from.empty(); }
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
