// SPDX-License-Identifier: MIT
// What can be known to fail before anything is trained: check_fit of run.hpp.

#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <tuple>
#include "experiment/bound_data.hpp"
#include "experiment/input_checks.hpp"
#include "experiment/size_checks.hpp"
#include "lldm/concepts/any_objective.hpp"
#include "lldm/concepts/any_score_estimator.hpp"
#include "lldm/config/diagnostics.hpp"
#include "lldm/errors.hpp"
#include "lldm/forward/masked.hpp"
#include "lldm/memory/manager.hpp"
#include "lldm/registry/registry.hpp"
#include "lldm/run/plan.hpp"
#include "lldm/schedule/linear.hpp"
#include "lldm/score/combine.hpp"
#include "lldm/score/gradient_path.hpp"
#include "lldm/services.hpp"
#include "run/process_fit.hpp"
#include "score/evaluations.hpp"

namespace lldm {
namespace {

using config::Diagnostics;
using config::Member;
using config::Position;
using config::Value;

/// The place of a key of a stage's own table; else the stage's.
Position place_of(const Value* table, const Stage& stage, std::string_view key) {
  const Member* member = table ? table->find(key) : nullptr;
  return member ? member->position : stage.position;
}

struct Fit {
  const Registry& registry;
  const Services& services;
  Diagnostics& diagnostics;

  void objective(const Stage& stage, const TrainingStage& training, const Value* table) {
    ObjectiveNeeds needs;
    Combination combination = Combination::sum;
    try {
      combination = registry.make<AnyScoreEstimator>(training.score_estimator, services)
                        .target(1)
                        .combination;
    } catch (const ConfigError& error) {
      diagnostics.error(place_of(table, stage, "score_estimator"),
                        message("stage \"", stage.name, "\": ", error.what()), "");
      return;
    }
    try {
      needs = registry.make<AnyObjective>(training.objective, services).needs();
    } catch (const ConfigError& error) {
      diagnostics.error(place_of(table, stage, "objective"),
                        message("stage \"", stage.name, "\": ", error.what()), "");
      return;
    }
    const bool is_preference = stage.kind == StageKind::preference;
    if ((needs.group_size > 1) != is_preference) {
      diagnostics.error(
          place_of(table, stage, "objective"),
          message("stage \"", stage.name, "\": objective \"", training.objective.type(),
                  "\" compares ", needs.group_size, " answer(s), a ", to_string(stage.kind),
                  " stage has ", is_preference ? "at least 2" : "1"),
          is_preference ? "use a loss over pairs, such as dpo" : "use pretraining or sft");
      return;
    }
    for (const auto& [key, rows] :
         {std::pair{"data", &training.data}, std::pair{"validation", &training.validation}}) {
      if (rows->as_table().empty()) continue;
      const std::string problem = data_problem(*rows, needs.group_size);
      if (problem.empty()) continue;
      diagnostics.error(place_of(table, stage, key),
                        message("stage \"", stage.name, "\": ", problem), "");
      return;
    }
    if (needs.use == ScoreUse::parts)
      if (const std::string problem = parts_problem(training); !problem.empty()) {
        diagnostics.error(place_of(table, stage, "score_estimator"),
                          message("stage \"", stage.name, "\": ", problem), "");
        return;
      }
    cache(stage, training, needs, table);
    if (training.gradient_path == GradientPath::automatic) return;
    try {
      check_gradient_path(training.gradient_path, needs, combination);
    } catch (const ConfigError& error) {
      diagnostics.error(place_of(table, stage, "gradient_path"),
                        message("stage \"", stage.name, "\": ", error.what()), "");
    }
  }

  /// A reference cache needs a reference, and plans that are known before the first step.
  void cache(const Stage& stage, const TrainingStage& training, const ObjectiveNeeds& needs,
             const Value* table) {
    if (training.reference.cache.empty()) return;
    if (!needs.reference)
      diagnostics.error(
          place_of(table, stage, "reference"),
          message("stage \"", stage.name, "\": reference.cache is not read: objective \"",
                  training.objective.type(), "\" has no reference"),
          "remove it");
    if (registry.make<AnyScoreEstimator>(training.score_estimator, services).adaptation())
      diagnostics.error(place_of(table, stage, "reference"),
                        message("stage \"", stage.name,
                                "\": reference.cache cannot be filled for the estimator \"",
                                training.score_estimator.type(),
                                "\": how many evaluations it asks for is known step by step only"),
                        "use an estimator of fixed cost, or no reference.cache");
    if (std::filesystem::exists(training.reference.cache) &&
        !std::filesystem::is_directory(training.reference.cache))
      diagnostics.error(place_of(table, stage, "reference"),
                        message("stage \"", stage.name, "\": reference.cache: ",
                                training.reference.cache.string(), " is a file"),
                        "a cache is a folder, with one file per reference");
  }

  /// Why the rows cannot hold as many answers as the objective compares; "" if they can, or if that
  /// shows elsewhere.
  [[nodiscard]] std::string data_problem(const Value& rows, std::int64_t answers) const {
    Diagnostics reported;  // elsewhere
    const BoundData data = bind_data(rows, registry, reported, "");
    if (reported.has_errors() || data.task) return "";
    if (!data.options.stage.empty()) return take_problem(data.options.take, answers);
    if (std::string problem = file_take_problem(rows, data.options.take, answers); !problem.empty())
      return problem;
    if (answers < 3 || !std::filesystem::exists(data.options.file)) return "";
    try {
      const RowForm form = detect_row_form(data.options.file);
      if (form != RowForm::ranked)
        return message(data.options.file.string(), ": rows are of form \"", row_form_name(form),
                       "\", a loss over ", answers, " answers reads prompt and answers");
    } catch (const Error&) {  // told where files are looked at
    }
    return "";
  }

  /// Why a loss of parts has no meaning for the estimator's plans, found on a pair of small texts
  /// (of different lengths, unless the canvas makes all answers alike); else "".
  [[nodiscard]] std::string parts_problem(const TrainingStage& training) const {
    const bool is_alike = training.response_length.is_integer();
    const AnyForwardProcess process = MaskedProcess(0, LinearSchedule());
    const Draws draws(0, "preflight");
    ScoreBatch batch;
    batch.group_size = 2;
    try {
      const auto estimator = registry.make<AnyScoreEstimator>(training.score_estimator, services);
      for (const std::uint64_t answer : {0, 1}) {
        Text text{.prompt = {1}, .response = {1, 1, 1}, .scored = -1};
        if (!is_alike && answer == 1) text.response.push_back(1);
        batch.plans.push_back(
            estimator.plan(text, process, TextDraws(draws, Purpose::noise, 0, 0, answer)));
      }
    } catch (const Error&) {
      return "";  // no plan of such texts: what is wrong shows with the rows
    }
    try {
      const CombinedScores scores =
          combine(batch.plans, at::zeros({static_cast<std::int64_t>(batch.plans[0].queries.size() +
                                                                    batch.plans[1].queries.size())},
                                         at::kDouble));
      ScoreSet set;
      set.policy = set.reference = scores.scores.view({1, 2});
      if (scores.parts.defined())
        set.parts = set.reference_parts = scores.parts.view({1, 2, scores.parts.size(1)});
      set.lengths = at::ones({1, 2}, at::kDouble);
      set.totals = {.tokens = 7, .rows = 2, .groups = 1, .first_tokens = 3};
      note_evaluations(batch, set);
      (void)registry.make<AnyObjective>(training.objective, services).evaluate(set);
    } catch (const ShapeError& error) {
      return error.what();
    }
    return "";
  }

  /// A study takes the loss of one pair as a function of its two scores and the reference's.
  void study(const Stage& stage, const StudyStage& study, const Value* table) {
    const auto tried = [&](const char* key, const auto& make) {
      try {
        make();
      } catch (const ConfigError& error) {
        diagnostics.error(place_of(table, stage, key),
                          message("stage \"", stage.name, "\": ", error.what()), "");
      }
    };
    for (const auto& estimator : study.score_estimators)
      tried("score_estimators",
            [&] { static_cast<void>(registry.make<AnyScoreEstimator>(estimator, services)); });
    tried("objective", [&] {
      const ObjectiveNeeds needs = registry.make<AnyObjective>(study.objective, services).needs();
      if (needs.group_size == 2 && needs.reference && needs.use != ScoreUse::coupled &&
          needs.use != ScoreUse::parts)
        return;
      throw ConfigError(message("objective \"", study.objective.type(),
                                "\" is no function of one pair's scores and its reference\n",
                                "  use dpo, ipo, hinge or another loss over single pairs"));
    });
  }

  /// A canvas that leaves no room for a prompt in the longest text of the model `from`.
  void canvas(const Stage& stage, std::string_view key, const Value& length,
              const Experiment& experiment, const std::string& from, const Value* table) {
    if (!length.is_integer()) return;
    const std::optional<std::int64_t> longest = longest_text(experiment, from);
    if (!longest || length.as_integer() < *longest) return;
    const std::filesystem::path folder = root_folder(experiment, from);
    diagnostics.error(place_of(table, stage, key),
                      message("stage \"", stage.name, "\": response_length = ", length.as_integer(),
                              " leaves no room for a prompt"),
                      folder.empty()
                          ? message("[model] max_length is ", *longest)
                          : message("the longest text of ", folder.string(), " is ", *longest));
  }

  /// The canvas of the stage's sampler, for each of the models that it samples from.
  void sampler(const Stage& stage, const Experiment& experiment, const Value* table) {
    const Member* sampler = stage.resolved.find("sampler");
    const Member* length = sampler ? sampler->value.find("response_length") : nullptr;
    if (!length) return;
    std::vector<std::string> models;
    if (const auto* evaluation = std::get_if<EvaluateStage>(&stage.options))
      models = evaluation->models;
    if (const auto* sample = std::get_if<SampleStage>(&stage.options)) models = {sample->from};
    if (const auto* synthesis = std::get_if<SynthesizeStage>(&stage.options))
      models = {synthesis->from};
    for (const std::string& model : models)
      canvas(stage, "sampler", length->value, experiment, model, table);
  }

  void rows(const Stage& stage, const TrainingStage& training, RowCounts& counts,
            const Value* table) {
    if (const std::string problem = counts.problem(training); !problem.empty())
      diagnostics.error(
          place_of(table, stage, problem.starts_with("epochs") ? "optimizer" : "validation_rows"),
          message("stage \"", stage.name, "\": ", problem), "");
  }
};

void check_stage_fit(const LoadedExperiment& loaded, const Registry& registry,
                     Diagnostics& diagnostics) {
  MemoryManager memory;
  const Services services{.registry = registry,
                          .memory = memory,
                          .logger = null_logger(),
                          .draws = Draws(0, "preflight"),
                          .tokenizer = nullptr};
  static const std::array<std::string, 3> devices = {"cpu", "cuda", "auto"};
  const ExperimentOptions& file = loaded.experiments.front().options;
  if (std::find(devices.begin(), devices.end(), file.device) == devices.end()) {
    const Member* member = loaded.document.root.find("device");
    diagnostics.error(member ? member->position : Position(),
                      message("the file: no device is named \"", file.device, "\""),
                      config::did_you_mean(file.device, devices, "devices"));
  }
  RowCounts counts(registry, services);
  for (std::size_t c = 0; c < loaded.cells.size(); ++c) {
    const Member* tables = loaded.cells[c].root.find("stage");
    const Experiment& experiment = loaded.experiments[c];
    check_sizes(experiment, loaded.cells[c].root, registry, SizeLimit::any_machine, diagnostics);
    check_process_fit(experiment, tables ? &tables->value : nullptr, registry, diagnostics);
    for (std::size_t s = 0; s < experiment.stages.size(); ++s) {
      const Stage& stage = experiment.stages[s];
      const Value* table = tables ? &tables->value.as_array()[s] : nullptr;
      Fit fit{registry, services, diagnostics};
      fit.sampler(stage, experiment, table);
      if (const auto* training = std::get_if<TrainingStage>(&stage.options)) {
        fit.objective(stage, *training, table);
        fit.canvas(stage, "response_length", training->response_length, experiment, training->from,
                   table);
        fit.rows(stage, *training, counts, table);
      }
      if (const auto* study = std::get_if<StudyStage>(&stage.options)) {
        fit.study(stage, *study, table);
        fit.canvas(stage, "response_length", study->response_length, experiment, study->from,
                   table);
      }
    }
  }
}

}  // namespace

void check_fit(const LoadedExperiment& loaded, const Registry& registry) {
  Diagnostics diagnostics;
  check_stage_fit(loaded, registry, diagnostics);
  diagnostics.throw_if_any();
}

}  // namespace lldm
