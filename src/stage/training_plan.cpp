// SPDX-License-Identifier: MIT
// What a training stage will cost, from the file alone.

#include <algorithm>
#include <filesystem>

#include "experiment/key_readings.hpp"
#include "lldm/concepts/any_forward_process.hpp"
#include "lldm/concepts/any_objective.hpp"
#include "lldm/concepts/any_score_estimator.hpp"
#include "lldm/errors.hpp"
#include "lldm/memory/bytes.hpp"
#include "lldm/memory/device.hpp"
#include "lldm/model/model_options.hpp"
#include "lldm/registry/registry.hpp"
#include "lldm/services.hpp"
#include "model/adapter_targets.hpp"
#include "model/planned_model.hpp"
#include "stage/any_ids.hpp"
#include "stage/fewer_copies.hpp"
#include "stage/kinds.hpp"
#include "stage/known_rows.hpp"
#include "stage/step_choices.hpp"
#include "stage/training_memory.hpp"

namespace lldm {
namespace {

bool has_adapter(const TrainingStage& stage, const ModelOptions& model) {
  return model.adapter.type == AdapterType::lora && !starts_fresh(stage, model);
}

/// Of the tensors that are trained: an adapter's, or all.
std::vector<std::vector<std::int64_t>> trained_sizes(const TransformerConfig& config,
                                                     const AdapterOptions* adapter) {
  std::vector<std::vector<std::int64_t>> sizes;
  if (!adapter) {
    for (const auto& [name, shape] : tensor_shapes(config)) sizes.push_back(shape);
    return sizes;
  }
  for (const AdaptedMatrix& matrix : adapted_matrices(config, lora_options(*adapter))) {
    sizes.push_back({adapter->rank, matrix.columns});
    sizes.push_back({matrix.rows, adapter->rank});
  }
  return sizes;
}

/// With an adapter the reference is the same weights beside a copy of it; a cache is filled by the
/// policy before its first step.
StepModel planned_step_model(const ExperimentOptions& options, const TrainingStage& stage,
                             const TransformerConfig& config, const ObjectiveNeeds& needs) {
  const AdapterOptions& adapter = options.model.adapter;
  const bool is_lora = has_adapter(stage, options.model);
  ModelShape shape = shape_of(config);
  if (is_lora) shape.adapter = adapter_shape(config, lora_options(adapter));
  return step_model(
      options, stage,
      {.shape = shape,
       .adapter_values = is_lora ? num_adapter_values(config, lora_options(adapter)) : 0,
       .trained_sizes = trained_sizes(config, is_lora ? &adapter : nullptr),
       .has_reference = needs.reference && stage.reference.cache.empty(),
       .publishes_sums = is_lora && adapter.publish == AdapterPublishing::merged},
      device_kind(options.device) == "cuda" ? "cuda" : "cpu");
}

bool has_validation(const TrainingStage& stage) {
  return stage.validation_rows > 0 || stage.validation.is_given();
}

/// The folder that the stage's model comes from, through whatever stages; "" for a fresh one, or
/// that of [model].
std::string first_start(const TrainingStage& stage, const Experiment& experiment) {
  std::string name = stage.from;
  while (const Stage* maker = experiment.find(name)) name = maker->facts.from;
  return name;
}

std::string steps_of(const OptimizerOptions& optimizer) {
  if (optimizer.steps > 0) return std::to_string(optimizer.steps);
  return message(optimizer.epochs, " epochs");
}

/// A line for each purpose that the plan takes over its soft budget.
std::string passed_budgets(const ExperimentOptions& options, const MemoryPlan& plan) {
  std::string lines;
  for (const auto& [purpose, soft] : budgets_of(options.memory.budgets))
    if (const std::int64_t bytes = plan.bytes(purpose); soft.bytes > 0 && bytes > soft.bytes)
      lines +=
          message(kMemoryPurposeNames[static_cast<std::size_t>(purpose)], ": ", bytes_text(bytes),
                  " planned, above its soft budget of ", bytes_text(soft.bytes), "\n");
  return lines;
}

/// [model] is one for all stages, and fresh weights are trained as they lie.
bool is_for_frozen_weights(const StepChoice& choice) {
  return !choice.is_configured &&
         (choice.storage == WeightStorage::int8 || choice.storage == WeightStorage::nf4);
}

std::string lengths_text(const KnownRows* known, std::int64_t longest) {
  if (!known)
    return message("if every text has ", longest, " tokens, the most that the model takes");
  if (known->rows.empty()) return message("if every text has ", longest, " tokens, as its rows");
  const std::size_t count = known->rows.size();
  return message("of its ", count, count == 1 ? " row" : " rows", ", the longest text of ", longest,
                 " tokens");
}

std::string count_text(std::int64_t count) {
  return count < 1000000 ? std::to_string(count)
                         : message(count / 1000000, ".", count / 100000 % 10, "M");
}

/// How much of the model is trained; an update is of no higher rank than its matrix.
std::string trained_text(const TransformerConfig& config, std::int64_t parameters,
                         const AdapterOptions* adapter) {
  if (!adapter) return message("all ", count_text(parameters), " parameters are trained");
  const auto matrices = adapted_matrices(config, lora_options(*adapter));
  const auto above = std::ranges::count_if(matrices, [&](const AdaptedMatrix& matrix) {
    return adapter->rank > std::min(matrix.rows, matrix.columns);
  });
  return message(count_text(num_adapter_values(config, lora_options(*adapter))),
                 " numbers are trained beside ", count_text(parameters), ": an adapter of rank ",
                 adapter->rank, " of ", matrices.size(), " matrices",
                 above == 0 ? "" : message(", ", above, " of which have a shorter side"));
}

}  // namespace

StagePlan TrainingKind::plan(const Options& stage, const Experiment& experiment,
                             const Registry& registry) {
  Services services{registry, Draws(0, "plan")};
  services.tokenizer = std::make_shared<const AnyIds>();
  StagePlan plan;
  const std::string folder = first_start(stage, experiment);
  ModelOptions model = experiment.options.model;
  if (!folder.empty()) model.max_length = length_limit(experiment);
  const auto found = experiment.known_rows.find(stage.name);
  const KnownRows* known = found == experiment.known_rows.end() ? nullptr : found->second.get();
  const std::string problem = known ? known->problem : "";
  const std::int64_t vocabulary = known ? known->vocabulary : 0;
  if (!problem.empty()) known = nullptr;
  const TransformerConfig config = planned_config(model, folder, plan.note, vocabulary);
  const ModelShape shape = shape_of(config);
  if (!problem.empty()) plan.note += message("  its rows cannot be read: ", problem, "\n");
  const std::int64_t longest = std::max<std::int64_t>(
      1, known ? std::min(shape.max_length, known->longest) : shape.max_length);
  plan.lengths = lengths_text(known, longest);
  plan.trained = trained_text(
      config, shape.parameters,
      has_adapter(stage, experiment.options.model) ? &experiment.options.model.adapter : nullptr);
  const auto process = registry.make<AnyForwardProcess>(stage.forward_process, services);
  const auto estimator = registry.make<AnyScoreEstimator>(stage.score_estimator, services);
  const ObjectiveNeeds needs = registry.make<AnyObjective>(stage.objective, services).needs();
  const std::int64_t canvas = stage.response_length.value_or(longest);
  plan.copies_per_text = estimator.nominal_copies(canvas);
  const ExperimentOptions& options = experiment.options;
  StepModel step = planned_step_model(options, stage, config, needs);
  const auto sizes_by = [&](const AnyScoreEstimator& by) {
    const StepParts parts{by, process, needs, stage.optimizer};
    if (!known || known->rows.empty())
      return sizes_of_bound(parts, longest, canvas, has_validation(stage));
    TrainingSetup setup;
    setup.draws = known->draws;
    setup.rows = known->rows;
    setup.validation = known->validation;
    setup.engine.max_tokens_per_forward = stage.max_tokens_per_forward;
    return sizes_of_rows(parts, setup);
  };
  const StepSizes sizes = sizes_by(estimator);
  const Combination combination = estimator.target(1).combination;
  const DeviceProfile profile = profile_of(options, step.pass.is_on_cpu ? "cpu" : "cuda");
  const ByteSize budget = profile.usable(options.memory.budget);
  const ByteSize limit = budget.bytes > 0 ? budget : profile.room();
  const ChosenStep chosen =
      choose_step(step, sizes, needs, combination, asked_step(stage, options), profile, budget);
  step.pass.recomputation = chosen.recomputation;
  plan.memory = chosen.plan.memory;
  plan.note += passed_budgets(options, *plan.memory);
  if (!step.pass.is_on_cpu) plan.host_bytes = host_needs(step, chosen.plan).bytes;
  plan.gradient_path = chosen.plan.settings.path;
  plan.tokens_per_forward = chosen.plan.tokens_per_forward;
  if (experiment.lists_choices) {
    plan.choices = step_choices(step, sizes, needs, combination, chosen, profile, limit);
    const StepAsked asked = asked_step(stage, options);
    plan.choices.front().is_path_open = asked.path == GradientPath::automatic;
    plan.choices.front().is_recomputation_open = asked.recomputation == Recomputation::automatic;
    if (trains_fresh_weights(experiment)) std::erase_if(plan.choices, is_for_frozen_weights);
    plan.fewer =
        fewer_copies(stage.score_estimator, canvas, services, [&](const AnyScoreEstimator& other) {
          StepModel model = step;
          const StepSizes fewer = sizes_by(other);
          const ChosenStep way = choose_step(model, fewer, needs, other.target(1).combination,
                                             asked_step(stage, options), profile, budget);
          model.pass.recomputation = way.recomputation;
          return choice_of(model, fewer, needs, way.plan.settings, profile, limit);
        });
  }
  const OptimizerOptions& optimizer = stage.optimizer;
  plan.steps = steps_of(optimizer);
  plan.batch = std::to_string(optimizer.batch_size * optimizer.gradient_accumulation_steps);
  plan.estimator = std::string(stage.score_estimator.type());
  plan.reference_cache = stage.reference.cache;
  if (optimizer.steps > 0)
    plan.forward_passes = optimizer.steps * optimizer.batch_size *
                          optimizer.gradient_accumulation_steps *
                          std::max<std::int64_t>(1, needs.group_size) * plan.copies_per_text;
  return plan;
}

}  // namespace lldm
