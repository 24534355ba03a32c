// SPDX-License-Identifier: MIT
#include "stage/training_memory.hpp"

#include <algorithm>
#include <functional>
#include <vector>

#include "lldm/errors.hpp"
#include "lldm/model/adapter_base.hpp"
#include "lldm/model/model_folder.hpp"
#include "model/head.hpp"

namespace lldm {
namespace {

struct StepSizes {
  std::int64_t longest = 0;             // tokens of the longest text
  std::int64_t micro_batch_tokens = 0;  // of all copies of one micro-batch, at most
};

constexpr std::int64_t kMostRowsSeen = std::int64_t{1} << 24;  // rows whose order is looked at

/// Rows of a corpus are all as long as the longest, but for a few.
StepSizes corpus_sizes(const RowSource& source, const TrainingSetup& setup,
                       const AnyScoreEstimator& estimator) {
  constexpr std::int64_t kMostAsked = 256;
  StepSizes sizes;
  std::int64_t of_a_row = 0;
  for (std::int64_t i = 0; i < std::min(source.size(), kMostAsked); ++i) {
    std::int64_t tokens = 0;
    for (const TrainingRow& text : source.row(i)) {
      const std::int64_t length = text.answers.front().length();
      sizes.longest = std::max(sizes.longest, length);
      tokens += length * estimator.nominal_copies(length);
    }
    of_a_row = std::max(of_a_row, tokens);
  }
  sizes.micro_batch_tokens = of_a_row * setup.optimizer.batch_size;
  return sizes;
}

StepSizes step_sizes(const TrainingSetup& setup, const AnyScoreEstimator& estimator,
                     const ObjectiveNeeds& needs) {
  StepSizes sizes;
  std::vector<std::int64_t> per_row;
  if (setup.source) return corpus_sizes(*setup.source, setup, estimator);
  for (const TrainingRow& row : setup.rows) {
    std::int64_t tokens = 0;
    for (const Text& text : row.answers) {
      sizes.longest = std::max(sizes.longest, text.length());
      tokens += text.length() * estimator.nominal_copies(text.num_scored());
    }
    per_row.push_back(tokens);
  }
  // The order of the rows is known beforehand: the heaviest micro-batch of the whole stage.
  const auto rows = static_cast<std::int64_t>(setup.rows.size());
  const std::int64_t per_step =
      setup.optimizer.batch_size * setup.optimizer.gradient_accumulation_steps;
  const auto per_micro_batch = static_cast<std::size_t>(
      needs.use == ScoreUse::coupled ? per_step : setup.optimizer.batch_size);
  const std::int64_t steps = setup.optimizer.total_steps(rows);
  if (steps > kMostRowsSeen / per_step) {  // longer than reading the order is worth: the bound
    std::sort(per_row.begin(), per_row.end(), std::greater<>());
    for (std::size_t k = 0; k < per_micro_batch; ++k)
      sizes.micro_batch_tokens += per_row[k % per_row.size()];
    return sizes;
  }
  RowOrder order(setup.draws, rows, per_step);
  for (std::int64_t step = 0; step < steps; ++step) {
    std::int64_t tokens = 0;
    std::size_t count = 0;
    for (const auto& entry : order.step(step, setup.optimizer.row_limit(rows))) {
      if (count++ % per_micro_batch == 0) tokens = 0;
      tokens += per_row[static_cast<std::size_t>(entry.row)];
      sizes.micro_batch_tokens = std::max(sizes.micro_batch_tokens, tokens);
    }
  }
  return sizes;
}

PlanInputs plan_inputs(const RunContext& run, const Work& work, const ModelBundle& bundle,
                       const TrainingSetup& setup, const StepSizes& sizes) {
  const ModelShape shape = bundle.model->shape();
  PlanInputs in;
  in.parameters = shape.parameters;
  in.trainable_parameters = num_trained(*bundle.model);
  in.width = shape.width;
  in.layers = shape.layers;
  in.heads = shape.heads;
  in.mlp_width = shape.mlp_width;
  in.vocabulary = shape.vocabulary;
  const auto bytes = static_cast<std::int64_t>(c10::elementSize(bundle.model->dtype()));
  in.compute_bytes = in.gradient_bytes = in.optimizer_bytes = bytes;
  in.weight_bytes =
      static_cast<double>(bundle.model->weight_bytes()) / static_cast<double>(shape.parameters);
  // With an adapter the reference is the same weights without it.
  const bool is_shared = bundle.model->has_adapter();
  if (setup.reference && !is_shared)
    in.reference_parameters = shape.parameters + shape.table_values;
  if (is_shared) {
    const bool is_continued = setup.reference && is_adapter_folder(bundle.folder);
    in.adapter_values = in.trainable_parameters * (is_continued ? 2 : 1);
  }
  in.longest_sequence = sizes.longest;
  in.tokens_per_forward = std::min(std::max(setup.engine.max_tokens_per_forward, sizes.longest),
                                   sizes.micro_batch_tokens);
  if (run.device == "cpu" && bundle.model->dtype() == at::kFloat)
    in.tokens_per_forward = std::max(in.tokens_per_forward, kLeastRows);
  in.table_values = shape.table_values;
  in.logits_chunk_rows = head_chunk_rows(shape.vocabulary, bytes, !is_shared);
  const auto recomputation = run.experiment(work).options.model.recomputation;
  in.activations = block_activations(run.device, recomputation);
  // The sums of weights and updates, a file at a time.
  if (is_shared && !bundle.base)
    in.publishing_bytes = std::min(kMaxShardBytes, shape.parameters * bytes);
  in.block_gradient_values = is_shared ? 0 : block_gradient_values(shape);
  in.budget = run.experiment(work).options.memory.budget;
  return in;
}

MemoryPlan plan_path(PlanInputs in, GradientPath path, const ObjectiveNeeds& needs,
                     const StepSizes& sizes) {
  in.side_buffers = path == GradientPath::pairwise ? pairwise_buffers(needs) : 0;
  if (path == GradientPath::pairwise)  // answer by answer, kPairwiseCopies at a time
    in.tokens_per_forward = std::min(in.tokens_per_forward, kPairwiseCopies * sizes.longest);
  in.queried_rows = in.tokens_per_forward;
  in.kept_forwards =
      path == GradientPath::retain
          ? (sizes.micro_batch_tokens + in.tokens_per_forward - 1) / in.tokens_per_forward
          : 1;
  return plan_memory(in);
}

}  // namespace

std::int64_t num_trained(const Model& model) {
  std::int64_t count = 0;
  for (const NamedParameter& parameter : model.parameters())
    if (parameter.value.requires_grad()) count += parameter.value.numel();
  return count;
}

ActivationModel block_activations(const std::string& device, Recomputation recomputation) {
  ActivationModel model = ActivationModel::with_flash_attention();
  // q, k, v, the attention's output, the rows, the middle rows and a gradient; gate and factor.
  model.width_vectors = 7;
  model.mlp_vectors = 2;
  if (device != "cpu") {  // the same is kept, but every operation makes a tensor of its own
    model.transient_width_vectors = 16;
    model.transient_mlp_vectors = 8;
  }
  switch (recomputation) {
    case Recomputation::none:
      return model;
    case Recomputation::selective:
      return model.recomputed(3, /*keeps_attention=*/true);
    case Recomputation::full:
      return model.recomputed(1, /*keeps_attention=*/false);
  }
  return model;
}

TrainingMemory plan_training_memory(const RunContext& run, const Work& work,
                                    const TrainingStage& stage, const ModelBundle& bundle,
                                    const AnyScoreEstimator& estimator,
                                    const AnyForwardProcess& process, const ObjectiveNeeds& needs,
                                    const TrainingSetup& setup) {
  StepSizes sizes = step_sizes(setup, estimator, needs);
  // Two streams: the clean tokens lie beside the noised ones.
  if (process.block_size() > 0) sizes.longest *= 2, sizes.micro_batch_tokens *= 2;
  const PlanInputs inputs = plan_inputs(run, work, bundle, setup, sizes);
  const Combination combination = estimator.target(1).combination;
  std::vector<GradientPath> candidates = {stage.gradient_path};
  if (stage.gradient_path == GradientPath::automatic)
    candidates = exact_gradient_paths(needs, combination);
  for (const GradientPath path : candidates) {
    check_gradient_path(path, needs, combination);
    const MemoryPlan plan = plan_path(inputs, path, needs, sizes);
    if (plan.fits() || path == candidates.back()) {
      plan.require_fit();
      return {path, plan.peak_bytes(), plan.text()};
    }
  }
  throw Error("plan_training_memory: no gradient path");
}

}  // namespace lldm
