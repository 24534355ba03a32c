// SPDX-License-Identifier: MIT
// What can be known to fail before anything is trained: check_fit and missing_files of run.hpp.

#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <tuple>

#include "experiment/bound_data.hpp"
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

  void canvas(const Stage& stage, const Value& length, const ModelOptions& model,
              const Value* table) {
    if (!length.is_integer() || !model.path.empty()) return;
    if (length.as_integer() >= model.max_length)
      diagnostics.error(place_of(table, stage, "response_length"),
                        message("stage \"", stage.name, "\": response_length = ",
                                length.as_integer(), " leaves no room for a prompt"),
                        message("[model] max_length is ", model.max_length));
  }
};

/// Whether the first row of a file can be read as a conversation.
bool has_messages(const std::filesystem::path& file) {
  try {
    return detect_row_form(file.string(), {RowForm::conversation}) == RowForm::conversation;
  } catch (const Error&) {
    return false;
  }
}

/// Whether the first row of a file is of a form that such a stage reads; else what is wrong.
std::string form_problem(const std::filesystem::path& file, StageKind kind, bool has_take) {
  const char* wanted = "prompt, chosen and rejected";
  std::vector<RowForm> accepted = {RowForm::preference};
  if (kind == StageKind::preference) {
    wanted = "prompt, chosen and rejected, or prompt and answers";
    accepted.push_back(RowForm::ranked);
  } else if (kind == StageKind::pretraining) {
    wanted = "text";
    accepted = {RowForm::text};
  } else if (kind == StageKind::sft && !has_take) {
    wanted = "prompt and response, or conversations";
    accepted = {RowForm::prompt_response, RowForm::conversation};
  }
  RowForm form;
  try {
    form = detect_row_form(file.string());
  } catch (const Error& unclear) {  // of two forms, say: what this stage reads decides
    try {
      static_cast<void>(detect_row_form(file.string(), accepted));
      return "";
    } catch (const Error&) {
      return unclear.what();
    }
  }
  if (std::find(accepted.begin(), accepted.end(), form) != accepted.end()) return "";
  if (kind == StageKind::sft && form == RowForm::preference && has_messages(file)) return "";
  const char* hint = "";
  if (kind == StageKind::sft && has_take)
    hint = "\n  take belongs to files of pairs: remove it";
  else if (kind == StageKind::sft && form == RowForm::preference)
    hint = "\n  take = \"chosen\" (or \"rejected\") reads one answer of each pair";
  return message(file.string(), ": rows are of form \"", row_form_name(form), "\", a ",
                 to_string(kind), " stage reads ", wanted,
                 kind == StageKind::sft && has_take ? " where take is given" : "", hint);
}

/// The last two parts of a path: the hub's name, where the path was meant as one.
std::string hub_name(const std::filesystem::path& path) {
  return (path.parent_path().filename() / path.filename()).generic_string();
}

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
  for (std::size_t c = 0; c < loaded.cells.size(); ++c) {
    const Member* tables = loaded.cells[c].root.find("stage");
    const Experiment& experiment = loaded.experiments[c];
    check_sizes(experiment, loaded.cells[c].root, registry, SizeLimit::any_machine, diagnostics);
    check_process_fit(experiment, tables ? &tables->value : nullptr, registry, diagnostics);
    for (std::size_t s = 0; s < experiment.stages.size(); ++s) {
      const Stage& stage = experiment.stages[s];
      const Value* table = tables ? &tables->value.as_array()[s] : nullptr;
      Fit fit{registry, services, diagnostics};
      if (const auto* training = std::get_if<TrainingStage>(&stage.options)) {
        fit.objective(stage, *training, table);
        fit.canvas(stage, training->response_length, experiment.options.model, table);
      }
      if (const auto* study = std::get_if<StudyStage>(&stage.options)) {
        fit.study(stage, *study, table);
        fit.canvas(stage, study->response_length, experiment.options.model, table);
      }
    }
  }
}

/// The stages whose files are read when `stage` is asked for.
std::set<std::string> stages_read(const Experiment& experiment, const std::string& stage) {
  std::set<std::string> names;
  bool makes_words = false;
  for (auto it = experiment.stages.rbegin(); it != experiment.stages.rend(); ++it) {
    if (stage != "all" && it->name != stage && !names.contains(it->name)) continue;
    names.insert(it->name);
    for (const std::string& input : it->inputs()) names.insert(input);
    const auto* training = std::get_if<TrainingStage>(&it->options);
    makes_words = makes_words || (training && training->from.empty());
  }
  // A word vocabulary is made of the words of every file.
  if (makes_words && experiment.options.model.path.empty() &&
      experiment.options.tokenizer.type == TokenizerType::words)
    for (const Stage& other : experiment.stages) names.insert(other.name);
  return names;
}

/// Every file is looked at once, however many cells read it.
struct FileCheck {
  Diagnostics& diagnostics;
  std::map<std::tuple<std::string, StageKind, bool>, std::string> known = {};

  void source(const Stage& stage, const Value& data) {
    const Member* file = data.find("file");
    if (!file || !file->value.is_string()) return;
    const std::string path = file->value.as_string();
    const bool has_take = data.find("take") != nullptr;
    const auto [at, is_new] = known.try_emplace({path, stage.kind, has_take}, "");
    std::error_code ignored;
    if (is_new)
      at->second = std::filesystem::exists(path, ignored) ? form_problem(path, stage.kind, has_take)
                                                 : path + " does not exist";
    if (!at->second.empty())
      diagnostics.error(stage.position, message("stage \"", stage.name, "\": ", at->second), "");
  }

  void stage(const Stage& stage) {
    std::error_code ignored;
    for (const std::string& input : stage.inputs())
      if (input.find('/') != std::string::npos && !std::filesystem::is_directory(input, ignored))
        diagnostics.error(stage.position,
                          message("stage \"", stage.name, "\": no model folder ", input),
                          message("to fetch it from the Hugging Face hub: hf download ",
                                  hub_name(input), " --local-dir ", input));
    if (const auto* training = std::get_if<TrainingStage>(&stage.options))
      for (const Value* rows : {&training->data, &training->validation}) source(stage, *rows);
    if (const auto* evaluation = std::get_if<EvaluateStage>(&stage.options))
      source(stage, evaluation->pairs);
    if (const auto* study = std::get_if<StudyStage>(&stage.options)) source(stage, study->pairs);
  }
};

}  // namespace

std::vector<std::string> missing_files(const LoadedExperiment& loaded, const std::string& stage) {
  Diagnostics diagnostics;
  FileCheck check{diagnostics};
  for (const Experiment& experiment : loaded.experiments) {
    const std::set<std::string> read = stages_read(experiment, stage);
    for (const Stage& one : experiment.stages)
      if (read.contains(one.name)) check.stage(one);
  }
  std::vector<std::string> lines;
  for (const config::Diagnostic& error : diagnostics.errors()) lines.push_back(error.text());
  return lines;
}

void check_fit(const LoadedExperiment& loaded, const Registry& registry) {
  Diagnostics diagnostics;
  check_stage_fit(loaded, registry, diagnostics);
  diagnostics.throw_if_any();
}

}  // namespace lldm
