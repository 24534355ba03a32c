// SPDX-License-Identifier: MIT
// What a training stage will cost, from the file alone.

#include <algorithm>
#include <filesystem>

#include "experiment/key_readings.hpp"
#include "lldm/concepts/any_forward_process.hpp"
#include "lldm/concepts/any_objective.hpp"
#include "lldm/concepts/any_score_estimator.hpp"
#include "lldm/errors.hpp"
#include "lldm/memory/device.hpp"
#include "lldm/model/adapter_base.hpp"
#include "lldm/model/model_folder.hpp"
#include "lldm/model/model_options.hpp"
#include "lldm/registry/registry.hpp"
#include "lldm/services.hpp"
#include "model/adapter_targets.hpp"
#include "model/head.hpp"
#include "model/model_size.hpp"
#include "model/planned_model.hpp"
#include "stage/any_ids.hpp"
#include "stage/kinds.hpp"
#include "stage/training_memory.hpp"

namespace lldm {
namespace {

bool has_adapter(const TrainingStage& stage, const ModelOptions& model) {
  return model.adapter.type == AdapterType::lora && !starts_fresh(stage, model);
}

/// Whether the stage goes on with an adapter: its reference is a copy of that.
bool starts_with_adapter(const TrainingStage& stage, const Experiment& experiment) {
  const Stage* maker = experiment.find(stage.from);
  if (!maker) return is_adapter_folder(stage.from);
  const ModelOptions& model = experiment.options.model;
  return model.adapter.publish == AdapterPublishing::adapter &&
         (!maker->facts.from.empty() || !model.path.empty());
}

PlanInputs model_inputs(const ExperimentOptions& options, const TrainingStage& stage,
                        const TransformerConfig& config) {
  const ModelShape shape = shape_of(config);
  const bool is_lora = has_adapter(stage, options.model);
  PlanInputs in;
  in.parameters = shape.parameters;
  in.trainable_parameters =
      is_lora ? num_adapter_values(config, lora_options(options.model.adapter)) : in.parameters;
  in.table_values = shape.table_values;
  in.width = shape.width;
  in.layers = shape.layers;
  in.heads = shape.heads;
  in.mlp_width = shape.mlp_width;
  in.vocabulary = shape.vocabulary;
  const Precision precision = precision_of(options.model);
  in.compute_bytes = in.gradient_bytes = in.optimizer_bytes =
      static_cast<std::int64_t>(c10::elementSize(precision.rows()));
  in.weight_bytes = weight_bytes(shape, precision) /
                    static_cast<double>(std::max<std::int64_t>(1, in.parameters));
  in.logits_chunk_rows = head_chunk_rows(shape.vocabulary, 4, !is_lora);
  in.activations = block_activations(device_kind(options.device), options.model.recomputation);
  if (is_lora && options.model.adapter.publish == AdapterPublishing::merged)
    in.publishing_bytes = std::min(kMaxShardBytes, in.parameters * in.compute_bytes);
  in.block_gradient_values = is_lora ? 0 : block_gradient_values(shape);
  in.budget = options.memory.budget;
  return in;
}

MemoryPlan with_path(PlanInputs in, GradientPath path, std::int64_t forwards) {
  in.side_buffers = path == GradientPath::pairwise ? 1 : 0;
  in.kept_forwards = path == GradientPath::retain ? forwards : 1;
  return plan_memory(in);
}

std::string steps_of(const OptimizerOptions& optimizer) {
  if (optimizer.steps > 0) return std::to_string(optimizer.steps);
  return message(optimizer.epochs, " epochs");
}

}  // namespace

StagePlan TrainingKind::plan(const Options& stage, const Experiment& experiment,
                             const Registry& registry) {
  Services services{registry, Draws(0, "plan")};
  services.tokenizer = std::make_shared<const AnyIds>();
  StagePlan plan;
  const bool from_folder = stage.from.find('/') != std::string::npos;
  ModelOptions model = experiment.options.model;
  if (from_folder) model.max_length = length_limit(experiment);
  const TransformerConfig config = planned_config(model, from_folder ? stage.from : "", plan.note);
  const ModelShape shape = shape_of(config);
  const auto rows_of_stage = experiment.row_lengths.find(stage.name);
  const bool is_known = rows_of_stage != experiment.row_lengths.end();
  const std::int64_t longest = std::max<std::int64_t>(
      1, is_known ? std::min(shape.max_length, rows_of_stage->second) : shape.max_length);
  plan.lengths = message(longest, is_known ? " tokens, as the longest of its rows"
                                           : " tokens, the most that the model takes");
  // Under block diffusion the clean tokens lie beside the noised ones.
  const std::int64_t streams =
      registry.make<AnyForwardProcess>(stage.forward_process, services).block_size() > 0 ? 2 : 1;
  const std::int64_t canvas = stage.response_length.value_or(longest);
  plan.copies_per_text =
      registry.make<AnyScoreEstimator>(stage.score_estimator, services).nominal_copies(canvas);
  const ObjectiveNeeds needs = registry.make<AnyObjective>(stage.objective, services).needs();
  const std::int64_t answers = std::max<std::int64_t>(1, needs.group_size);
  const std::int64_t rows =
      stage.optimizer.batch_size *
      (needs.use == ScoreUse::coupled ? stage.optimizer.gradient_accumulation_steps : 1);
  const std::int64_t tokens = rows * answers * plan.copies_per_text * longest * streams;
  PlanInputs in = model_inputs(experiment.options, stage, config);
  // With an adapter the reference is the same weights with the adapter switched off, or with a copy
  // of the one it began with; a cache is filled by the policy before its first step.
  const bool is_lora = has_adapter(stage, experiment.options.model),
             has_copy = needs.reference && stage.reference.cache.empty();
  if (has_copy && !is_lora) in.reference_parameters = in.parameters + in.table_values;
  if (is_lora)
    in.adapter_values =
        in.trainable_parameters * (has_copy && starts_with_adapter(stage, experiment) ? 2 : 1);
  in.tokens_per_forward =
      std::min(std::max(stage.max_tokens_per_forward, longest * streams), tokens);
  in.longest_sequence = std::min(longest * streams, in.tokens_per_forward);
  if (device_kind(experiment.options.device) != "cuda")
    in.tokens_per_forward = std::max(in.tokens_per_forward, kLeastRows);
  in.queried_rows = plan.tokens_per_forward = in.tokens_per_forward;
  const std::int64_t forwards = (tokens + in.tokens_per_forward - 1) / in.tokens_per_forward;
  if (stage.gradient_path == GradientPath::automatic) {
    plan.memory = with_path(
        in, needs.use == ScoreUse::linear ? GradientPath::linear : GradientPath::retain, forwards);
    if (!plan.memory->fits()) plan.memory = with_path(in, GradientPath::replay, forwards);
  } else {
    plan.memory = with_path(in, stage.gradient_path, forwards);
  }
  const OptimizerOptions& optimizer = stage.optimizer;
  plan.steps = steps_of(optimizer);
  plan.batch = std::to_string(optimizer.batch_size * optimizer.gradient_accumulation_steps);
  plan.estimator = std::string(stage.score_estimator.type());
  plan.reference_cache = stage.reference.cache;
  if (optimizer.steps > 0)
    plan.forward_passes = optimizer.steps * optimizer.batch_size *
                          optimizer.gradient_accumulation_steps * answers * plan.copies_per_text;
  return plan;
}

}  // namespace lldm
