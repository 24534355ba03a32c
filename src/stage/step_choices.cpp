// SPDX-License-Identifier: MIT
#include "stage/step_choices.hpp"

#include <algorithm>
#include <array>
#include <functional>

#include "lldm/errors.hpp"
#include "lldm/memory/bytes.hpp"
#include "model/model_size.hpp"
#include "stage/step_time.hpp"

namespace lldm {
namespace {

constexpr std::array kStorages = {WeightStorage::plain, WeightStorage::bfloat16,
                                  WeightStorage::int8, WeightStorage::nf4};

/// Ways that move bytes to the host are worth listing where the device has memory of its own.
std::vector<Recomputation> recomputations_of(const StepModel& model) {
  std::vector<Recomputation> list = {Recomputation::none, Recomputation::selective,
                                     Recomputation::full};
  if (!model.pass.is_on_cpu) list.push_back(Recomputation::offload);
  return list;
}
std::vector<FrozenWeights> placements_of(const StepModel& model) {
  std::vector<FrozenWeights> list = {FrozenWeights::resident};
  const bool is_frozen = model.pass.adapter_values > 0 || model.has_reference;
  if (!model.pass.is_on_cpu && is_frozen) list.push_back(FrozenWeights::streamed);
  return list;
}

bool is_on_host(const StepModel& model) {
  return model.optimizer.resident == OptimizerResidence::host;
}

/// The file's own storage, and others that its weights may be in.
std::vector<WeightStorage> storages_of(const StepModel& model) {
  if (!model.pass.trains_weights) return {kStorages.begin(), kStorages.end()};
  const at::ScalarType compute = model.pass.precision.compute;
  if (compute != at::kFloat && compute != at::kBFloat16) return {model.pass.precision.storage};
  return {WeightStorage::plain, WeightStorage::bfloat16};
}

/// The file's own optimizer, AdamW's states on the host beside a GPU, and, where all weights are
/// trained, as codes of 8 bits.
std::vector<OptimizerOptions> optimizers_of(const StepModel& model) {
  const OptimizerOptions& own = model.optimizer;
  std::vector<OptimizerOptions> list = {own};
  if (own.type != "adamw") return list;
  if (!model.pass.is_on_cpu && !own.rounding) {
    list.push_back(own);
    list.back().resident =
        is_on_host(model) ? OptimizerResidence::device : OptimizerResidence::host;
  }
  if (model.pass.trains_weights) {
    list.push_back(own);
    list.back().type = "adamw_8bit";
    list.back().resident.reset();
  }
  return list;
}

/// Whether another way gives the numbers of the file's but for last bits.  Beside bfloat16 weights
/// states on the host keep float32 copies of them.
bool has_same_numbers(const StepChoice& choice, const StepChoice& now) {
  const bool keeps_copies = choice.trains_weights && choice.storage == WeightStorage::bfloat16;
  return choice.storage == now.storage && choice.optimizer == now.optimizer &&
         (!keeps_copies || choice.is_optimizer_on_host == now.is_optimizer_on_host);
}

/// Sizes of a pass that differ: a micro-batch at once, its halves, down to one copy.
std::vector<std::int64_t> sizes_of_a_pass(const StepSizes& sizes) {
  std::vector<std::int64_t> list;
  for (std::int64_t tokens = tokens_worth(sizes, 0); list.size() < 8; tokens /= 2) {
    list.push_back(std::max(tokens, sizes.longest));
    if (tokens <= sizes.longest) break;
  }
  return list;
}

using CostOf = std::function<StepChoice(const StepModel&, const StepSettings&)>;

/// Of one storage and optimizer: where weights lie, recomputations, paths, cached scores, passes.
void add_ways(const StepModel& model, const StepSizes& sizes, const ObjectiveNeeds& needs,
              Combination combination, const CostOf& of, std::vector<StepChoice>& list) {
  StepModel other = model;
  for (const FrozenWeights placement : placements_of(model))
    for (const Recomputation recomputation : recomputations_of(model)) {
      other.frozen.where = placement;
      other.pass.recomputation = recomputation;
      for (const GradientPath path : candidate_paths(GradientPath::automatic, needs, combination))
        for (const bool is_cached : {false, true}) {
          if (is_cached && !model.has_reference) continue;
          other.has_reference = model.has_reference && !is_cached;
          if (placement == FrozenWeights::streamed && !has_streamed(other)) continue;
          std::int64_t before = 0;  // a larger limit may give the same passes
          for (const std::int64_t tokens : sizes_of_a_pass(sizes)) {
            StepChoice choice =
                of(other, {path, tokens, std::max(kPairwiseCopies, tokens / sizes.longest)});
            if (choice.tokens_per_forward == before) continue;
            before = choice.tokens_per_forward;
            list.push_back(std::move(choice));
          }
        }
    }
}

}  // namespace

StepChoice choice_of(const StepModel& model, const StepSizes& sizes, const ObjectiveNeeds& needs,
                     const StepSettings& settings, const DeviceProfile& profile, ByteSize budget) {
  const StepPlan plan = plan_step(model, sizes, needs, settings, budget);
  const HostNeeds host = host_needs(model, plan);
  return {.storage = model.pass.precision.storage,
          .trains_weights = model.pass.trains_weights,
          .optimizer = model.optimizer.type,
          .is_optimizer_on_host = is_on_host(model),
          .is_streamed = has_streamed(model),
          .recomputation = model.pass.recomputation,
          .path = settings.path,
          .max_tokens_per_forward = settings.max_tokens_per_forward,
          .pairwise_copies = settings.pairwise_copies,
          .has_reference = needs.reference,
          .is_reference_cached = needs.reference && !model.has_reference,
          .tokens_per_forward = plan.tokens_per_forward,
          .held_bytes = plan.held_bytes,
          .host_bytes = model.pass.is_on_cpu ? 0 : host.bytes,
          .locked_host_bytes = host.locked,
          .memory = plan.memory,
          .seconds = step_seconds(model, sizes, plan, profile)};
}

std::vector<StepChoice> step_choices(const StepModel& model, const StepSizes& sizes,
                                     const ObjectiveNeeds& needs, Combination combination,
                                     const ChosenStep& chosen, const DeviceProfile& profile,
                                     ByteSize budget) {
  const auto of = [&](const StepModel& one, const StepSettings& settings) {
    return choice_of(one, sizes, needs, settings, profile, budget);
  };
  std::vector<StepChoice> list = {of(model, chosen.plan.settings)};
  list.front().is_configured = true;
  for (const WeightStorage storage : storages_of(model))
    for (const OptimizerOptions& optimizer : optimizers_of(model)) {
      StepModel other = model;
      other.optimizer = optimizer;
      set_storage(other, storage);
      set_optimizer(other, optimizer);
      add_ways(other, sizes, needs, combination, of, list);
    }
  for (StepChoice& choice : list) choice.has_same_numbers = has_same_numbers(choice, list.front());
  return list;
}

namespace {

struct Advice {
  std::string key;
  std::int64_t peak_bytes;
};

/// What the peak would be with one key changed.
std::vector<Advice> all_advice(const StepModel& model, const StepSizes& sizes,
                               const ObjectiveNeeds& needs, const ChosenStep& chosen,
                               const Advised& advised) {
  std::vector<Advice> list;
  const auto add = [&](std::string key, const StepModel& other, const StepSizes& other_sizes,
                       const StepSettings& settings) {
    list.push_back(
        {std::move(key), plan_step(other, other_sizes, needs, settings, {}).memory.peak_bytes()});
  };
  const StepSettings& now = chosen.plan.settings;
  StepModel other = model;
  other.pass.recomputation = Recomputation::full;
  add("[model] recomputation = \"full\"", other, sizes, now);
  if (!model.pass.is_on_cpu) {
    other.pass.recomputation = Recomputation::offload;
    add("[model] recomputation = \"offload\"", other, sizes, now);
    other = model;
    other.frozen.where = FrozenWeights::streamed;
    if (has_streamed(other)) add("[memory] frozen_weights = \"streamed\"", other, sizes, now);
  }
  StepSettings settings = now;
  settings.max_tokens_per_forward = sizes.longest;
  add(message("max_tokens_per_forward = ", sizes.longest), model, sizes, settings);
  settings = now;
  settings.path = GradientPath::replay;
  for (const GradientPath path : exact_gradient_paths(needs, advised.combination))
    if (settings.path = path; path != now.path && path != GradientPath::retain)
      add(message("gradient_path = \"", to_string(path), "\""), model, sizes, settings);
  if (const std::int64_t batch_size = advised.stage.optimizer.batch_size; batch_size > 1) {
    StepSizes half = sizes;
    for (MicroBatchLoad& texts : half.micro_batches) texts.resize((texts.size() + 1) / 2);
    for (MicroBatchLoad& texts : half.validation) texts.resize((texts.size() + 1) / 2);
    add(message("optimizer.batch_size = ", (batch_size + 1) / 2), model, half, now);
  }
  if (model.has_reference) {
    other = model;
    other.has_reference = false;
    add("reference.cache = \"DIR\"", other, sizes, now);
  }
  other = model;
  const bool is_adapter = !model.pass.trains_weights;
  set_storage(other, is_adapter ? WeightStorage::nf4 : WeightStorage::bfloat16);
  if (storages_of(model).size() > 1 && (!is_adapter || advised.takes_codes))
    add(message("[model] storage = ", is_adapter ? "\"nf4\"" : "\"bfloat16\"", " (other numbers)"),
        other, sizes, now);
  for (const OptimizerOptions& optimizer : optimizers_of(model)) {
    other = model;
    set_optimizer(other, optimizer);
    add(optimizer.type != model.optimizer.type ? "optimizer.type = \"adamw_8bit\" (other numbers)"
                                               : "optimizer.resident = \"host\"",
        other, sizes, now);
  }
  return list;
}

}  // namespace

std::string advice_text(const StepModel& model, const StepSizes& sizes, const ObjectiveNeeds& needs,
                        const ChosenStep& chosen, const Advised& advised, std::int64_t limit) {
  std::vector<Advice> list = all_advice(model, sizes, needs, chosen, advised);
  std::ranges::stable_sort(list, {}, &Advice::peak_bytes);
  const std::int64_t now = chosen.plan.memory.peak_bytes();
  std::string text;
  for (std::size_t i = 0; i < std::min<std::size_t>(3, list.size()); ++i)
    if (list[i].peak_bytes < now - now / 100)
      text += message(text.empty() ? "" : "\n", "  with ", list[i].key, " it needs ",
                      bytes_text(list[i].peak_bytes));
  if (!text.empty() && limit > 0 && list.front().peak_bytes > limit)
    text += "\n  none of them alone is enough";
  return text;
}

}  // namespace lldm
