// SPDX-License-Identifier: MIT
#include "stage/step_choices.hpp"

#include <algorithm>
#include <array>

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

/// Sizes of a pass that differ: a micro-batch at once, its halves, down to one copy.
std::vector<std::int64_t> sizes_of_a_pass(const StepSizes& sizes) {
  std::vector<std::int64_t> list;
  for (std::int64_t tokens = tokens_worth(sizes, 0); list.size() < 8; tokens /= 2) {
    list.push_back(std::max(tokens, sizes.longest));
    if (tokens <= sizes.longest) break;
  }
  return list;
}

}  // namespace

StepChoice choice_of(const StepModel& model, const StepSizes& sizes, const ObjectiveNeeds& needs,
                     const StepSettings& settings, const DeviceProfile& profile, ByteSize budget) {
  const StepPlan plan = plan_step(model, sizes, needs, settings, budget);
  return {.storage = model.pass.precision.storage,
          .is_streamed = has_streamed(model),
          .recomputation = model.pass.recomputation,
          .path = settings.path,
          .max_tokens_per_forward = settings.max_tokens_per_forward,
          .pairwise_copies = settings.pairwise_copies,
          .is_reference_cached = !model.has_reference,
          .tokens_per_forward = plan.tokens_per_forward,
          .locked_host_bytes = locked_host_bytes(model, plan),
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
  const bool is_adapter = model.pass.adapter_values > 0;
  for (const WeightStorage storage : kStorages) {
    // In another storage trained weights are other weights.
    if (storage != model.pass.precision.storage && !is_adapter) continue;
    for (const FrozenWeights placement : placements_of(model))
      for (const Recomputation recomputation : recomputations_of(model)) {
        StepModel other = model;
        set_storage(other, storage);
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
                               const TrainingStage& stage) {
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
  if (now.path == GradientPath::retain || now.path == GradientPath::pairwise)
    add("gradient_path = \"replay\"", model, sizes, settings);
  if (stage.optimizer.batch_size > 1) {
    StepSizes half = sizes;
    for (MicroBatchLoad& texts : half.micro_batches) texts.resize((texts.size() + 1) / 2);
    if (!half.validation.empty()) half.validation.resize((half.validation.size() + 1) / 2);
    add(message("optimizer.batch_size = ", (stage.optimizer.batch_size + 1) / 2), model, half, now);
  }
  if (model.has_reference) {
    other = model;
    other.has_reference = false;
    add("reference.cache = \"DIR\"", other, sizes, now);
  }
  if (model.pass.adapter_values > 0) {
    other = model;
    set_storage(other, WeightStorage::nf4);
    add("[model] storage = \"nf4\" (other numbers)", other, sizes, now);
  }
  return list;
}

}  // namespace

std::string advice_text(const StepModel& model, const StepSizes& sizes, const ObjectiveNeeds& needs,
                        const ChosenStep& chosen, const TrainingStage& stage) {
  std::vector<Advice> list = all_advice(model, sizes, needs, chosen, stage);
  std::ranges::stable_sort(list, {}, &Advice::peak_bytes);
  const std::int64_t now = chosen.plan.memory.peak_bytes();
  std::string text;
  for (std::size_t i = 0; i < std::min<std::size_t>(3, list.size()); ++i)
    if (list[i].peak_bytes < now)
      text += message(text.empty() ? "" : "\n", "  with ", list[i].key, " it needs ",
                      bytes_text(list[i].peak_bytes));
  return message(text, text.empty() ? "" : "\n", "  or a [memory] budget of ",
                 bytes_text_above(now));
}

}  // namespace lldm
