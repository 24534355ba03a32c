// SPDX-License-Identifier: MIT
// The built-in kinds of stage (concepts/stage_kind.hpp).  Each has a file of its own name.
#pragma once

#include "lldm/experiment/stage_fit.hpp"
#include "lldm/experiment/stage_plan.hpp"
#include "lldm/stage/evaluate_options.hpp"
#include "lldm/stage/run_context.hpp"
#include "lldm/stage/sample_options.hpp"
#include "lldm/stage/study_options.hpp"
#include "lldm/stage/synthesize_options.hpp"
#include "lldm/stage/training_options.hpp"

namespace lldm {

/// Why a kind of training does not read a key of the others.
inline constexpr const char* kNoReference =
    "it belongs to preference stages: there is no reference here";
inline constexpr const char* kNeverCut = "it belongs to pretraining stages: answers are never cut";
inline constexpr const char* kNoCanvas =
    "it belongs to sft and preference stages: texts have no prompt and are not padded";

/// What pretraining, sft and preference share.
struct TrainingKind {
  using Options = TrainingStage;
  static StagePlan plan(const Options& options, const Experiment& experiment,
                        const Registry& registry);
  static Result run(const Options& options, const RunContext& run, const Work& work);

 protected:
  static std::vector<UnreadKey> unread(const config::Value& own);
  static StageFacts facts_of(const Options& options, RowsWanted wanted);
  /// `answers`: how many the kind's rows have; 2 stands for two or more.
  static void check_parts(const Options& options, const StageFit& fit, std::int64_t answers);
};

struct PretrainingKind : TrainingKind {
  static constexpr std::string_view name() { return "pretraining"; }
  static constexpr std::string_view description() { return "Trains on plain text."; }
  static config::Value defaults();
  static std::vector<std::string> file_defaults(const config::Value* own);
  static std::vector<UnreadKey> unread(const config::Value& own);
  static StageFacts facts(const Options& options);
  static void check(const Options& options, StageFit& fit);
};

struct SftKind : TrainingKind {
  static constexpr std::string_view name() { return "sft"; }
  static constexpr std::string_view description() { return "Trains on prompts and answers."; }
  static config::Value defaults();
  static std::vector<std::string> file_defaults(const config::Value* own);
  static std::vector<UnreadKey> unread(const config::Value& own);
  static StageFacts facts(const Options& options);
  static void check(const Options& options, StageFit& fit);
};

struct PreferenceKind : TrainingKind {
  static constexpr std::string_view name() { return "preference"; }
  static constexpr std::string_view description() {
    return "Trains on answers that are compared, against a frozen reference.";
  }
  static config::Value defaults();
  static std::vector<std::string> file_defaults(const config::Value* own);
  static std::vector<UnreadKey> unread(const config::Value& own);
  static StageFacts facts(const Options& options);
  static void check(const Options& options, StageFit& fit);
};

struct SynthesizeKind {
  using Options = SynthesizeStage;
  static constexpr std::string_view name() { return "synthesize"; }
  static constexpr std::string_view description() { return "Makes preference pairs."; }
  static config::Value defaults();
  static std::vector<std::string> file_defaults(const config::Value* own);
  static std::vector<UnreadKey> unread(const config::Value& own);
  static StageFacts facts(const Options& options);
  static Result run(const Options& options, const RunContext& run, const Work& work);
};

struct EvaluateKind {
  using Options = EvaluateStage;
  static constexpr std::string_view name() { return "evaluate"; }
  static constexpr std::string_view description() { return "Measures models."; }
  static config::Value defaults();
  static std::vector<std::string> file_defaults(const config::Value* own);
  static std::vector<UnreadKey> unread(const config::Value& own);
  static StageFacts facts(const Options& options);
  static void check(const Options& options, StageFit& fit);
  static Result run(const Options& options, const RunContext& run, const Work& work);
};

struct SampleKind {
  using Options = SampleStage;
  static constexpr std::string_view name() { return "sample"; }
  static constexpr std::string_view description() { return "Writes texts."; }
  static config::Value defaults();
  static std::vector<std::string> file_defaults(const config::Value* own);
  static StageFacts facts(const Options& options);
  static Result run(const Options& options, const RunContext& run, const Work& work);
};

struct StudyKind {
  using Options = StudyStage;
  static constexpr std::string_view name() { return "study"; }
  static constexpr std::string_view description() {
    return "Measures score estimators: bias, variances, cost.";
  }
  static config::Value defaults();
  static std::vector<std::string> file_defaults(const config::Value* own);
  static StageFacts facts(const Options& options);
  static void check(const Options& options, StageFit& fit);
  static Result run(const Options& options, const RunContext& run, const Work& work);
};

/// Notes the rows of the stage's option `key`, if it is given, and the stage that they come from.
/// `limit`: how many of them the stage uses; 0: all.
void add_rows(StageFacts& facts, const std::string& key, const DataRef& data, RowsWanted wanted,
              std::int64_t limit = 0);

/// Refuses rows that are no two answers to compare: one of them alone is no pair.
void check_pairs(const DataRef& pairs, config::OptionsCheck& check);

/// A table with `type` and further keys: how a kind names a default component.
config::Value component_table(
    std::string_view type, std::initializer_list<std::pair<const char*, config::Value>> keys = {});

void register_stage_kinds(Registry& registry);

}  // namespace lldm
