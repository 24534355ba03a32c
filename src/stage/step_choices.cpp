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
/// As a run has them that is told this path and these tokens of a pass.
using SettingsOf = std::function<StepSettings(const StepModel&, GradientPath, std::int64_t)>;

/// Of one storage and optimizer: where weights lie, recomputations, paths, cached scores, passes.
void add_ways(const StepModel& model, const StepSizes& sizes, const ObjectiveNeeds& needs,
              Combination combination, const CostOf& of, const SettingsOf& settings_of,
              std::vector<StepChoice>& list) {
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
            StepChoice choice = of(other, settings_of(other, path, tokens));
            if (choice.tokens_per_forward == before) continue;
            before = choice.tokens_per_forward;
            list.push_back(std::move(choice));
          }
        }
    }
}

}  // namespace

std::vector<WeightStorage> storages_of(const StepModel& model) {
  if (!model.pass.trains_weights) return {kStorages.begin(), kStorages.end()};
  const at::ScalarType compute = model.pass.precision.compute;
  if (compute != at::kFloat && compute != at::kBFloat16) return {model.pass.precision.storage};
  return {WeightStorage::plain, WeightStorage::bfloat16};
}

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
          .head_rows = settings.head_rows,
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
  const auto settings_of = [&](const StepModel& one, GradientPath path, std::int64_t tokens) {
    const bool decides_more = path == GradientPath::pairwise || usual_head_rows(one) > 0;
    if (!decides_more) return StepSettings{path, tokens};
    const StepAsked asked{path, tokens, one.pass.recomputation};
    return choose_step(one, sizes, needs, combination, asked, profile, budget).plan.settings;
  };
  std::vector<StepChoice> list = {of(model, chosen.plan.settings)};
  list.front().is_configured = true;
  for (const WeightStorage storage : storages_of(model))
    for (const OptimizerOptions& optimizer : optimizers_of(model)) {
      StepModel other = model;
      other.optimizer = optimizer;
      set_storage(other, storage);
      set_optimizer(other, optimizer);
      add_ways(other, sizes, needs, combination, of, settings_of, list);
    }
  for (StepChoice& choice : list) choice.has_same_numbers = has_same_numbers(choice, list.front());
  return list;
}

}  // namespace lldm
