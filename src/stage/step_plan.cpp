// SPDX-License-Identifier: MIT
#include "stage/step_plan.hpp"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <tuple>

#include "lldm/distributed/process_group.hpp"
#include "lldm/model/model_folder.hpp"
#include "lldm/model/model_options.hpp"
#include "lldm/score/engine.hpp"
#include "model/device_parts.hpp"
#include "model/device_products.hpp"
#include "model/model_size.hpp"
#include "stage/step_passes.hpp"
#include "train/update_by_operations.hpp"

namespace lldm {
namespace {

std::int64_t number_bytes(const StepModel& model) {
  return static_cast<std::int64_t>(c10::elementSize(model.pass.precision.rows()));
}

/// Of all trained numbers once: of bfloat16 weights the matrices are narrow, as they are.
std::int64_t trained_bytes(const StepModel& model) {
  const bool is_narrow =
      model.pass.trains_weights && model.pass.precision.storage == WeightStorage::bfloat16;
  return is_narrow ? model.weight_bytes : model.trained * number_bytes(model);
}

/// What weights take on the device when their matrices are streamed: on the CPU the slab is there
/// too.
std::int64_t streamed_bytes(const StepModel& model) {
  const std::int64_t layers = std::max<std::int64_t>(1, model.pass.shape.layers);
  const std::int64_t ring = model.matrix_bytes / layers * std::min(layers, model.frozen.blocks);
  return model.weight_bytes + ring - (model.pass.is_on_cpu ? 0 : model.matrix_bytes);
}

std::vector<PlanLine> held_lines(const StepModel& model, const StepSizes& sizes) {
  const ModelShape& shape = model.pass.shape;
  const std::int64_t number = number_bytes(model), tables = shape.table_values * number;
  const bool is_adapter = model.pass.adapter_values > 0;
  const std::int64_t adapter = is_adapter ? model.trained * number : 0;
  const std::int64_t frozen = has_streamed(model) ? streamed_bytes(model) : model.weight_bytes;
  // With an adapter the reference is the same weights beside a copy of the adapter.
  const std::int64_t reference = !model.has_reference || is_adapter ? 0 : frozen + tables;
  std::vector<PlanLine> lines = {
      {"weights", MemoryPurpose::weights, (is_adapter ? frozen : model.weight_bytes) + tables},
      {"reference", MemoryPurpose::weights, reference},
      {"adapter", MemoryPurpose::adapter, adapter * (model.has_reference ? 2 : 1)},
      {"gradients", MemoryPurpose::gradients, trained_bytes(model)},
      {"gradient sums", MemoryPurpose::gradients, model.gradient_sums},
      {"optimizer", MemoryPurpose::optimizer, model.optimizer_bytes}};
  if (model.pass.is_on_cpu)  // what states on the host are moved through is memory of the device
    lines.push_back({"optimizer's ring", MemoryPurpose::staging, model.optimizer_staging});
  if (sizes.micro_batches_per_step > 1)
    lines.push_back({"gradient noise", MemoryPurpose::workspace, 8 * model.followed_values});
  return lines;
}

}  // namespace

void set_storage(StepModel& model, WeightStorage storage) {
  model.pass.precision.storage = storage;
  const auto& [shape, precision] = std::tie(model.pass.shape, model.pass.precision);
  model.weight_bytes = static_cast<std::int64_t>(weight_bytes(shape, precision));
  model.matrix_bytes = static_cast<std::int64_t>(block_matrix_bytes(shape, precision));
  if (!model.pass.trains_weights) return;
  set_optimizer(model, model.optimizer);
  if (model.gradient_sums > 0) model.gradient_sums = trained_bytes(model);
}

bool has_streamed(const StepModel& model) {
  return model.frozen.is_streamed() && (model.pass.adapter_values > 0 || model.has_reference);
}

/// Beside states and gradients on a GPU, where 8-bit AdamW and Adafactor are tensor operations over
/// parts: float32 copies, random bits, codes and their steps.  Counted by reading, not measured.
std::int64_t device_workspace(const OptimizerOptions& optimizer,
                              const std::vector<std::vector<std::int64_t>>& sizes) {
  const bool is_8bit = optimizer.type == "adamw_8bit";
  if (!is_8bit && optimizer.type != "adafactor") return 0;
  std::int64_t most = 0;
  for (const std::vector<std::int64_t>& size : sizes) {
    std::int64_t numbers = 1;
    for (const std::int64_t side : size) numbers *= side;
    most = std::max(most, numbers);
  }
  constexpr std::int64_t k8BitBytes = 96, kAdafactorBytes = 72;
  return is_8bit ? k8BitBytes * std::min(most, kDevicePartNumbers)
                 : kAdafactorBytes * std::min(most, kDevicePartNumbers);
}

void set_optimizer(StepModel& model, const OptimizerOptions& optimizer) {
  const bool is_narrow =
      model.pass.trains_weights && model.pass.precision.storage == WeightStorage::bfloat16;
  const OptimizerBytes bytes =
      optimizer_bytes(optimizer, model.trained_sizes, is_narrow ? 2 : number_bytes(model),
                      model.pass.is_on_cpu ? "cpu" : "cuda");
  model.optimizer = optimizer;
  model.optimizer_bytes = bytes.device;
  model.optimizer_host = bytes.host;
  model.optimizer_staging = bytes.staging;
  model.optimizer_workspace =
      model.pass.is_on_cpu ? 0 : device_workspace(optimizer, model.trained_sizes);
  // Moments in codes are looked up and sought among 256: on the CPU five times AdamW's pass.
  const bool is_slow = optimizer.type == "adamw_8bit" && model.pass.is_on_cpu;
  model.optimizer_moves = StepModel{}.optimizer_moves * (is_slow ? 5 : 1);
}

void set_exchange(StepModel& model, Reduction reduction) {
  model.exchange = {.what = "sums of processes"};
  // Another's gradients beside the sums and the own ones (SharedGradient).
  if (reduction == Reduction::ordered) model.exchange.gradients = trained_bytes(model);
  // Of 16 bits: in float32, slice by slice, where they lie if all have a GPU of their own.
  constexpr std::int64_t kFloatBytes = 4;
  const bool is_narrow = trained_bytes(model) < kFloatBytes * model.trained;
  if (reduction == Reduction::fast && is_narrow)
    model.exchange.staging = kFloatBytes * std::min(ProcessGroup::kSlice, model.trained);
}

HostNeeds host_needs(const StepModel& model, const StepPlan& plan) {
  if (model.pass.is_on_cpu) return {.bytes = plan.memory.peak_bytes()};
  const std::int64_t states = model.optimizer_host + model.optimizer_staging;
  const ModelShape& shape = model.pass.shape;
  const bool is_offloaded = model.pass.recomputation == Recomputation::offload;
  // LibTorch's locked blocks are powers of two.
  const std::int64_t rows =
      is_offloaded
          ? shape.layers * static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(
                               number_bytes(model) * shape.width * plan.tokens_kept)))
          : 0;
  const std::int64_t copied = rows + (has_streamed(model) ? model.matrix_bytes : 0);
  return {.bytes = copied + states, .locked = copied + model.optimizer_staging};
}

namespace {

/// Numbers that are copied for a file of sums: matrices with an update (their two sides A and B
/// follow one another), and where weights are not plain, all that is decoded or widened.
std::int64_t summed_values(const StepModel& model) {
  if (model.pass.precision.storage != WeightStorage::plain) return model.pass.shape.parameters;
  std::int64_t values = 0;
  for (std::size_t i = 0; i + 1 < model.trained_sizes.size(); i += 2)
    values += model.trained_sizes[i].back() * model.trained_sizes[i + 1].front();
  return values;
}

}  // namespace

StepModel step_model(const ExperimentOptions& options, const TrainingStage& stage,
                     const ModelFacts& facts, const std::string& device) {
  StepModel model;
  const ModelShape& shape = facts.shape;
  const Precision precision = precision_of(options.model);
  const bool is_adapter = facts.adapter_values > 0;
  model.pass = {.shape = shape,
                .precision = precision,
                .recomputation = options.model.recomputation,
                .is_on_cpu = device == "cpu",
                .trains_weights = !is_adapter,
                .adapter_values = facts.adapter_values,
                .has_dropout = is_adapter && options.model.adapter.dropout > 0};
  model.optimizer = stage.optimizer;
  model.trained_sizes = facts.trained_sizes;
  set_storage(model, precision.storage);
  model.frozen = {options.memory.frozen_weights, options.memory.streamed_blocks};
  model.trained = is_adapter ? facts.adapter_values : shape.parameters;
  set_optimizer(model, stage.optimizer);
  if (stage.reduction.value_or(Reduction::fast) == Reduction::ordered)
    model.gradient_sums = trained_bytes(model);
  model.has_reference = facts.has_reference;
  model.followed_values =
      is_adapter ? options.model.adapter.rank * shape.width : shape.mlp_width * shape.width;
  if (facts.publishes_sums)
    model.publishing_bytes = std::min(kMaxShardBytes, summed_values(model) * number_bytes(model));
  return model;
}

namespace {

std::int64_t readouts_of(const MicroBatchLoad& texts) {
  std::int64_t readouts = 0;
  for (const TextLoad& text : texts) readouts += text.readouts();
  return readouts;
}

/// What a micro-batch's scores and their slopes hold, eight bytes a query each: those of the
/// reference, and on each path (engine_paths.cpp, engine_pairwise.cpp) what it keeps.
std::int64_t score_bytes(const MicroBatchLoad& texts, bool has_reference, GradientPath path) {
  const std::int64_t kept = path == GradientPath::retain     ? 3
                            : path == GradientPath::pairwise ? 1
                                                             : 2;
  return 8 * readouts_of(texts) * (kept + (has_reference ? 1 : 0));
}

/// Beside them while readouts become scores and back (combine.cpp): products, places, exponentials
/// and their slopes.
std::int64_t combining_bytes(const MicroBatchLoad& texts, Combination combination) {
  return 8 * readouts_of(texts) * (combination == Combination::log_mean_exp ? 11 : 4);
}

/// Of a readout of two log-probabilities (log_posteriors): both, five factors, and four on their
/// way, in float64.
constexpr std::int64_t kPosteriorBytes = 8 * (2 + 5 + 4);

/// Ids, places, counts and scalars, which no moment counts, and what one is read too low.  With a
/// quarter of a percent 18 of 344 drawn stages held more than was planned, some of causes that are
/// mended.
PlanLine small_tensors(std::int64_t bytes) {
  constexpr std::int64_t kShare = 200, kLeast = 4096;
  return {"small tensors", MemoryPurpose::workspace, kLeast + bytes / kShare};
}

}  // namespace

StepPlan plan_step(const StepModel& model, const StepSizes& sizes, const ObjectiveNeeds& needs,
                   const StepSettings& settings, ByteSize budget) {
  PassModel pass = model.pass;
  pass.has_patterns = sizes.has_patterns;
  pass.is_by_operations = pass.is_on_cpu
                              ? sizes.has_patterns
                              : has_untrusted_parts() || !takes_fused_parts(pass.precision.rows(),
                                                                            pass.precision.compute,
                                                                            pass.shape.head_width);
  pass.has_device_products = !has_untrusted_products();
  pass.head_rows = settings.head_rows;
  StepPlan plan;
  plan.settings = settings;
  PlanInputs in;
  in.budget = budget;
  in.held = held_lines(model, sizes);
  // While pairs are back-propagated, and no longer: the reference has scored them before.
  const std::int64_t buffers =
      settings.path == GradientPath::pairwise ? trained_bytes(model) * pairwise_buffers(needs) : 0;
  std::int64_t most_scores = 0;
  for (const MicroBatchLoad& texts : sizes.micro_batches) {
    const std::int64_t scores = score_bytes(texts, model.has_reference, settings.path);
    most_scores = std::max(most_scores, scores);
    // Measured, not derived: of posteriors a replay holds a number a readout more, and two while
    // scores are made.
    const bool is_pair = !texts.empty() && texts.front().rows_per_readout > 1;
    const std::int64_t more =
        is_pair && settings.path == GradientPath::replay ? 8 * readouts_of(texts) : 0;
    for (const std::vector<Pack>& graphs :
         graphs_of(texts, settings, sizes.is_bound, sizes.has_patterns)) {
      std::int64_t kept = 0;
      for (const Pack& pack : graphs) {
        plan.tokens_per_forward = std::max(plan.tokens_per_forward, pack.tokens);
        plan.queries_per_forward = std::max(plan.queries_per_forward, pack.queries);
        kept += pack.tokens;
      }
      plan.tokens_kept = std::max(plan.tokens_kept, kept);
      for (PlanMoment moment : training_moments(pass, graphs)) {
        moment.gradients += buffers;
        if (moment.what == kScoresMoment) {
          if (settings.path != GradientPath::retain) moment = {.what = kScoresMoment};
          moment.workspace += scores + 2 * more + combining_bytes(texts, sizes.combination);
        } else {
          moment.workspace += scores + more;
        }
        in.moments.push_back(moment);
      }
    }
  }
  const auto add = [&](const std::vector<PlanMoment>& moments) {
    in.moments.insert(in.moments.end(), moments.begin(), moments.end());
  };
  const std::vector<Pack> by_policy = scored_by_policy(sizes, needs, settings),
                          by_reference = scored_by_reference(model, sizes, settings);
  add(moments_of(pass, by_policy));
  std::int64_t posteriors = 0;
  for (const auto* packs : {&by_policy, &by_reference})
    for (const Pack& pack : *packs) posteriors = std::max(posteriors, pack.posteriors);
  if (posteriors > 0)
    in.moments.push_back(
        {.what = "posteriors", .workspace = most_scores + kPosteriorBytes * posteriors});
  PassModel scoring = pass;
  scoring.has_dropout = false;
  add(moments_of(scoring, by_reference));
  add(without_graph(pass, sizes, plan, most_bytes(in.moments)));
  if (sizes.micro_batches_per_step > 1)
    in.moments.push_back({.what = "gradient noise", .workspace = 24 * model.followed_values});
  if (model.publishing_bytes > 0)
    in.moments.push_back({.what = "publishing", .staging = model.publishing_bytes});
  if (model.exchange.bytes() > 0) in.moments.push_back(model.exchange);
  if (model.optimizer_workspace > 0)
    in.moments.push_back({.what = "optimizer", .workspace = model.optimizer_workspace});
  for (const PlanLine& line : in.held) plan.held_bytes += line.bytes;
  in.held.push_back(small_tensors(plan.held_bytes + most_bytes(in.moments)));
  plan.memory = plan_memory(in);
  return plan;
}

}  // namespace lldm
