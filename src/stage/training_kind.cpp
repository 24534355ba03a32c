// SPDX-License-Identifier: MIT
// What pretraining, sft and preference share: facts, and mistakes between their parts.
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <filesystem>

#include "lldm/concepts/any_objective.hpp"
#include "lldm/concepts/any_score_estimator.hpp"
#include "lldm/config/options_check.hpp"
#include "lldm/errors.hpp"
#include "lldm/forward/masked.hpp"
#include "lldm/model/model_options.hpp"
#include "lldm/schedule/linear.hpp"
#include "lldm/score/combine.hpp"
#include "lldm/score/gradient_path.hpp"
#include "score/evaluations.hpp"
#include "stage/data_source.hpp"
#include "stage/kinds.hpp"

namespace lldm {
namespace {

/// Why the rows cannot hold as many answers as the objective compares; "" if they can, or if that
/// shows elsewhere.
std::string data_problem(const DataRef& data, const ObjectiveNeeds& needs,
                         std::string_view objective) {
  const std::int64_t answers = needs.group_size;
  if (data.is_generated()) return "";
  if (!data.options.stage.empty()) return take_problem(data.options.take, answers);
  if (std::string problem = file_take_problem(data, answers); !problem.empty()) return problem;
  if (answers < 2 || !std::filesystem::exists(data.options.file)) return "";
  try {
    const RowForm form = detect_row_form(data.options.file, {}, reader_options(data.options));
    if (form == RowForm::unpaired && !needs.unpaired)
      return message(data.options.file.string(),
                     ": rows are of form \"unpaired\" (prompt, completion, label), objective \"",
                     objective, "\" compares ", answers,
                     " answers\n  objective = \"kto\" trains on labelled answers");
    if (answers < 3) return "";
    if (form != RowForm::ranked)
      return message(data.options.file.string(), ": rows are of form \"", row_form_name(form),
                     "\", a loss over ", answers, " answers reads prompt and answers");
  } catch (const Error&) {  // told where files are looked at
  }
  return "";
}

/// Why a loss of parts has no meaning for the estimator's plans, found on a pair of small texts
/// (of different lengths, unless the canvas makes all answers alike); else "".
std::string parts_problem(const TrainingStage& training, const StageFit& fit) {
  const bool is_alike = training.response_length.has_value();
  const AnyForwardProcess process = MaskedProcess(0, LinearSchedule());
  const Draws draws(0, "preflight");
  ScoreBatch batch;
  batch.group_size = 2;
  try {
    const auto estimator =
        fit.registry.make<AnyScoreEstimator>(training.score_estimator, fit.services);
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
    (void)fit.registry.make<AnyObjective>(training.objective, fit.services).evaluate(set);
  } catch (const ShapeError& error) {
    return error.what();
  }
  return "";
}

/// A reference cache needs a reference, and plans that are known before the first step.
void check_cache(const TrainingStage& training, const ObjectiveNeeds& needs,
                 const AnyScoreEstimator& estimator, const StageFit& fit) {
  if (training.reference.cache.empty()) return;
  if (!needs.reference)
    fit.error("reference",
              message("reference.cache is not read: objective \"", training.objective.type(),
                      "\" has no reference"),
              "remove it");
  if (estimator.adaptation())
    fit.error("reference",
              message("reference.cache cannot be filled for the estimator \"",
                      training.score_estimator.type(),
                      "\": how many evaluations it asks for is known step by step only"),
              "use an estimator of fixed cost, or no reference.cache");
  if (std::filesystem::exists(training.reference.cache) &&
      !std::filesystem::is_directory(training.reference.cache))
    fit.error("reference",
              message("reference.cache: ", training.reference.cache.string(), " is a file"),
              "a cache is a folder, with one file per reference");
}

/// Whether objective, rows and estimator go together; everything wrong goes to `fit`.
void check_objective(const TrainingStage& training, const StageFit& fit, std::int64_t answers,
                     const AnyScoreEstimator& estimator, const ObjectiveNeeds& needs) {
  if ((needs.group_size > 1) != (answers > 1))
    return fit.error("objective",
                     message("objective \"", training.objective.type(), "\" compares ",
                             needs.group_size, " answer(s), a ", fit.stage.kind.name(),
                             " stage has ", answers > 1 ? "at least 2" : "1"),
                     answers > 1 ? "use a loss over pairs, such as dpo" : "use pretraining or sft");
  for (const StageRows& rows : fit.stage.facts.rows)
    if (const std::string problem = data_problem(rows.data, needs, training.objective.type());
        !problem.empty())
      return fit.error(rows.key, problem);
  if (needs.use == ScoreUse::parts)
    if (const std::string problem = parts_problem(training, fit); !problem.empty())
      return fit.error("score_estimator", problem);
  check_cache(training, needs, estimator, fit);
  const auto check_path = [&](const char* key, GradientPath path) {
    if (path != GradientPath::automatic)
      fit.tries(key, [&] { check_gradient_path(path, needs, estimator.target(1).combination); });
  };
  check_path("gradient_path", training.gradient_path);
  if (training.settled) check_path("settled", training.settled->gradient_path);
}

/// Products in float16 take a loss scale, and weights that updates below its last bit reach.
void check_loss_scale(const TrainingStage& training, const ModelOptions& model, bool is_whole,
                      const StageFit& fit) {
  if (model.dtype == ModelDtype::float16) {
    if (is_whole && model.storage == WeightStorage::bfloat16)
      fit.error(
          "optimizer",
          "[model] dtype = \"float16\" trains weights in float32, and storage is \"bfloat16\"",
          "dtype = \"bfloat16\" trains bfloat16 weights; or storage = \"float32\", or an "
          "adapter");
    return;
  }
  const OptimizerOptions& optimizer = training.optimizer;
  for (const auto& [key, is_given] :
       {std::pair{"loss_scale", optimizer.loss_scale.has_value()},
        std::pair{"loss_scale_growth_interval", optimizer.loss_scale_growth_interval.has_value()}})
    if (is_given)
      fit.error("optimizer", message("optimizer.", key, " has no effect: no product is in float16"),
                "it is read with [model] dtype = \"float16\"");
}

/// What an optimizer would refuse when the stage is run (require_float32_or_bfloat16).
void check_optimizer_dtype(const TrainingStage& training, const ModelOptions& model,
                           const StageFit& fit) {
  const std::string& type = training.optimizer.type;
  const bool is_on_host = training.optimizer.resident == OptimizerResidence::host;
  if (model.dtype != ModelDtype::float64 ||
      (!is_on_host && type != "adamw_8bit" && type != "adafactor"))
    return;
  fit.error("optimizer",
            message("optimizer.", is_on_host ? "resident = \"host\"" : "type = ",
                    is_on_host ? "" : config::in_quotes(type),
                    " does not train [model] dtype = \"float64\""),
            "adamw on the device does; the others train float32 and bfloat16 weights");
}

/// Whether the weights themselves are trained.
bool is_whole(const TrainingStage& training, const ModelOptions& model) {
  const bool is_fresh = training.from.empty() && model.path.empty();
  return is_fresh || model.adapter.type == AdapterType::none;
}

/// What is settled stands for keys that the file leaves open.
void check_settled(const TrainingStage& training, const StageFit& fit) {
  const ModelOptions& model = fit.experiment.options.model;
  if (training.settled && training.settled->head_rows > 0 &&
      (!is_whole(training, model) || model.storage != WeightStorage::plain))
    fit.error("settled", "settled.head_rows has no effect: no head in float32 is trained",
              "remove it");
  const Recomputation asked = fit.experiment.options.model.recomputation;
  if (training.settled && asked != Recomputation::automatic &&
      training.settled->recomputation != Recomputation::automatic &&
      training.settled->recomputation != asked)
    fit.error("settled", "settled.recomputation contradicts [model] recomputation",
              "it stands for recomputation = \"auto\" alone");
}

/// Codes stay as they are: a stage trains an adapter beside a folder's or an earlier stage's.
void check_storage(const TrainingStage& training, const StageFit& fit) {
  const ModelOptions& model = fit.experiment.options.model;
  const bool is_fresh = training.from.empty() && model.path.empty();
  const bool trains_whole = is_whole(training, model);
  if (training.optimizer.rounding && (model.storage != WeightStorage::bfloat16 || !trains_whole))
    fit.error("optimizer",
              "optimizer.rounding has no effect: no weight that this stage trains is bfloat16",
              "it is read with [model] storage = \"bfloat16\" and without an adapter");
  check_loss_scale(training, model, trains_whole, fit);
  check_optimizer_dtype(training, model, fit);
  if (can_be_trained(model.storage)) return;
  if (is_fresh)
    fit.error("from",
              "[model] storage: fresh weights are trained, which takes storage = \"float32\" or "
              "\"bfloat16\"",
              "start from a folder or a stage, or leave storage out");
  else if (trains_whole)
    fit.error("kind",
              "[model] storage: weights of int8 and nf4 are not trained, and there is no adapter",
              "[model] adapter = { type = \"lora\" }, or storage = \"float32\" or \"bfloat16\"");
}

}  // namespace

void TrainingStage::check(config::OptionsCheck& check) const {
  if (check.is_set("validation") && validation_rows > 0)
    check.error("validation", "`validation` and validation_rows both give rows for validation",
                "give one of them");
  if (eval_steps > 0 && validation_rows == 0 && !check.is_set("validation"))
    check.warning("eval_steps", "eval_steps has no effect with validation_rows = 0",
                  "validation_rows says how many rows are held out");
  if (settled && settled->gradient_path != GradientPath::automatic &&
      gradient_path != GradientPath::automatic && settled->gradient_path != gradient_path)
    check.error("settled", "settled.gradient_path contradicts gradient_path",
                "it stands for gradient_path = \"auto\" alone");
  if (settled && settled->max_tokens_per_forward > 0 && max_tokens_per_forward > 0 &&
      settled->max_tokens_per_forward != max_tokens_per_forward)
    check.error("settled", "settled.max_tokens_per_forward contradicts max_tokens_per_forward",
                "it stands for max_tokens_per_forward = 0 alone");
  if (settled && settled->pairwise_copies > 0) {
    const GradientPath path =
        gradient_path == GradientPath::automatic ? settled->gradient_path : gradient_path;
    if (path != GradientPath::pairwise)
      check.error(
          "settled",
          message("settled.pairwise_copies has no effect: the gradient path is ", to_string(path)),
          "it is read beside pairwise alone");
  }
  if (benchmarks && allow_benchmarks.value_or(false))
    check.error("benchmarks", "allow_benchmarks lets through what these sets would refuse",
                "give one of them");
}

std::vector<UnreadKey> TrainingKind::unread(const config::Value& own) {
  if (own.find("validation")) return {};
  return {{"validation"}};
}

StageFacts TrainingKind::facts_of(const Options& options, RowsWanted wanted) {
  StageFacts facts;
  facts.product = StageProduct::model;
  facts.adapter = AdapterUse::trained;
  facts.from = options.from;
  if (!options.from.empty()) facts.inputs.push_back(options.from);
  add_rows(facts, "data", options.data, wanted);
  add_rows(facts, "validation", options.validation, wanted);
  facts.scoring =
      StageScoring{.process = options.forward_process,
                   .estimators = {options.score_estimator},
                   .response_length = options.response_length,
                   .score_padding = options.score_padding,
                   .long_rows = options.long_rows.value_or(LongRows::error),
                   .boundary = options.prompt_boundary.value_or(PromptBoundary::separate)};
  facts.training =
      StageTraining{.role = options.role,
                    .objective = options.objective,
                    .optimizer = options.optimizer,
                    .validation_rows = options.validation_rows,
                    // On `pairwise` the copies of an answer in one pass.
                    .plans_gradient_path = options.gradient_path == GradientPath::automatic ||
                                           options.gradient_path == GradientPath::pairwise ||
                                           options.max_tokens_per_forward == 0,
                    .allows_benchmarks = options.allow_benchmarks.value_or(false),
                    .benchmarks = options.benchmarks.value_or("")};
  return facts;
}

void TrainingKind::check_parts(const Options& options, const StageFit& fit, std::int64_t answers) {
  check_storage(options, fit);
  check_settled(options, fit);
  std::optional<AnyScoreEstimator> estimator;
  std::optional<ObjectiveNeeds> needs;
  const bool is_made = fit.tries("score_estimator", [&] {
    estimator = fit.registry.make<AnyScoreEstimator>(options.score_estimator, fit.services);
  }) && fit.tries("objective", [&] {
    needs = fit.registry.make<AnyObjective>(options.objective, fit.services).needs();
  });
  if (is_made) check_objective(options, fit, answers, *estimator, *needs);
}

}  // namespace lldm
