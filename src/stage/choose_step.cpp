// SPDX-License-Identifier: MIT
#include "stage/choose_step.hpp"

#include <algorithm>

#include "lldm/score/engine.hpp"
#include "model/device_products.hpp"
#include "model/head.hpp"
#include "stage/step_time.hpp"

namespace lldm {

std::vector<GradientPath> candidate_paths(GradientPath asked, const ObjectiveNeeds& needs,
                                          Combination combination) {
  if (asked == GradientPath::automatic) return exact_gradient_paths(needs, combination);
  check_gradient_path(asked, needs, combination);
  return {asked};
}

std::int64_t tokens_worth(const StepSizes& sizes, std::int64_t asked) {
  const std::int64_t whole = std::max(sizes.longest, sizes.most_tokens());
  return asked > 0 ? std::max(sizes.longest, std::min(asked, whole)) : whole;
}

std::int64_t usual_head_rows(const StepModel& model) {
  PassModel pass = model.pass;
  pass.has_device_products = !has_untrusted_products();
  if (!cuts_trained_head(pass)) return 0;
  return head_chunk_rows(pass.shape.logit_columns,
                         static_cast<std::int64_t>(c10::elementSize(pass.precision.rows())),
                         /*is_trained=*/true);
}

namespace {

/// From the fewest passes to the most.
std::vector<std::int64_t> open_tokens(const StepSizes& sizes, std::int64_t asked) {
  if (asked > 0) return {asked};
  std::vector<std::int64_t> list;
  for (std::int64_t tokens =
           std::min(tokens_worth(sizes, 0), std::max(kMostPassTokens, sizes.longest));
       ; tokens /= 2) {
    list.push_back(std::max(tokens, sizes.longest));
    if (tokens <= sizes.longest) return list;
  }
}

/// Of an answer in one pass, most first: with a budget as many as fill it.
std::vector<std::int64_t> open_copies(const StepSizes& sizes, GradientPath path,
                                      std::int64_t max_tokens, bool has_budget,
                                      const StepAsked& asked) {
  if (asked.pairwise_copies > 0) return {asked.pairwise_copies};
  std::vector<std::int64_t> list;
  if (path == GradientPath::pairwise && has_budget) {
    std::int64_t most = 0;
    for (const MicroBatchLoad& texts : sizes.micro_batches)
      for (const TextLoad& text : texts)
        most = std::max(most,
                        std::min(text.copies, max_tokens / std::max<std::int64_t>(1, text.length)));
    for (; most > kPairwiseCopies; most /= 2) list.push_back(most);
  }
  list.push_back(kPairwiseCopies);
  return list;
}

/// Of a trained head's logits at once, in rows: what is asked for, or the usual.
std::int64_t first_head_rows(const StepModel& model, const StepAsked& asked) {
  const std::int64_t usual = usual_head_rows(model);
  return usual > 0 && asked.head_rows > 0 ? cut_head_rows(asked.head_rows) : usual;
}

/// One way to do the steps.
struct Way {
  ChosenStep step;
  std::int64_t peak = 0;
  double seconds = 0;  // where they decide
};

/// Whether the fastest of those that fit is taken; else the first one: where the paths alone are
/// open their order is that of their costs.
bool is_timed(const StepAsked& asked) {
  return asked.recomputation == Recomputation::automatic || asked.max_tokens_per_forward == 0;
}

/// Of these settings, and, where rows of logits are open, of fewer and fewer, each of which saves a
/// hundredth of the peak: for less there is no reason for other bits.  The first half may cut off a
/// few rows alone; where two in a row save nothing, something else holds most.
std::vector<StepPlan> plans_by_head_rows(const StepModel& model, const StepSizes& sizes,
                                         const ObjectiveNeeds& needs, StepSettings settings,
                                         ByteSize budget, bool are_rows_open) {
  std::vector<StepPlan> plans = {plan_step(model, sizes, needs, settings, budget)};
  if (!are_rows_open) return plans;
  const auto rows = head_row_choices(settings.head_rows, plans.front().queries_per_forward);
  int in_vain = 0;
  for (std::size_t i = 1; i < rows.size() && in_vain < 2; ++i) {
    settings.head_rows = rows[i];
    StepPlan plan = plan_step(model, sizes, needs, settings, budget);
    const std::int64_t before = plans.back().memory.peak_bytes();
    const bool saves = plan.memory.peak_bytes() <= before - before / 100;
    in_vain = saves ? 0 : in_vain + 1;
    if (saves) plans.push_back(std::move(plan));
  }
  return plans;
}

/// All that are open.
std::vector<Way> open_ways(StepModel model, const StepSizes& sizes, const ObjectiveNeeds& needs,
                           Combination combination, const StepAsked& asked,
                           const DeviceProfile& profile, ByteSize budget) {
  std::vector<Recomputation> recomputations = {asked.recomputation};
  if (asked.recomputation == Recomputation::automatic) {
    recomputations = {Recomputation::none, Recomputation::selective, Recomputation::full};
    // On the CPU the host's memory is the device's.
    if (!model.pass.is_on_cpu) recomputations.push_back(Recomputation::offload);
  }
  const std::int64_t first = first_head_rows(model, asked);
  const bool are_rows_open = first > 0 && asked.head_rows == 0 && budget.bytes > 0;
  std::vector<Way> ways;
  for (const GradientPath path : candidate_paths(asked.path, needs, combination))
    for (const Recomputation recomputation : recomputations) {
      model.pass.recomputation = recomputation;
      for (const std::int64_t tokens : open_tokens(sizes, asked.max_tokens_per_forward))
        for (const std::int64_t copies : open_copies(sizes, path, tokens, budget.bytes > 0, asked))
          for (const StepPlan& plan : plans_by_head_rows(
                   model, sizes, needs, {path, tokens, copies, first}, budget, are_rows_open)) {
            Way way{{plan, recomputation}, plan.memory.peak_bytes()};
            if (is_timed(asked))
              for (const auto& part : step_seconds(model, sizes, plan, profile))
                way.seconds += part.second;
            ways.push_back(std::move(way));
          }
    }
  return ways;
}

/// The one that a limit leads to; the least where none fits.
const Way& pick(const std::vector<Way>& ways, bool is_timed, std::int64_t limit) {
  const Way *least = nullptr, *best = nullptr;
  for (const Way& way : ways) {
    if (!least || way.peak < least->peak) least = &way;
    if (way.peak > limit) continue;
    if (!is_timed) return way;
    if (!best || way.seconds < best->seconds) best = &way;
  }
  return best ? *best : *least;
}

/// Without a budget what the profile's device has.
std::int64_t limit_of(ByteSize budget, const DeviceProfile& profile) {
  return budget.bytes > 0 ? budget.bytes : profile.room().bytes;
}

}  // namespace

ChosenStep choose_step(StepModel model, const StepSizes& sizes, const ObjectiveNeeds& needs,
                       Combination combination, const StepAsked& asked,
                       const DeviceProfile& profile, ByteSize budget) {
  return pick(open_ways(std::move(model), sizes, needs, combination, asked, profile, budget),
              is_timed(asked), limit_of(budget, profile))
      .step;
}

BudgetRange same_budgets(const StepModel& model, const StepSizes& sizes,
                         const ObjectiveNeeds& needs, Combination combination,
                         const StepAsked& asked, const DeviceProfile& profile, ByteSize budget,
                         const ChosenStep& chosen) {
  const auto ways_with = [&](std::int64_t bytes) {
    return open_ways(model, sizes, needs, combination, asked, profile, ByteSize{bytes});
  };
  const auto is_same = [&](const Way& way) {
    return way.step.plan.settings == chosen.plan.settings;
  };
  const std::vector<Way> ways = ways_with(1);
  // From each of these budgets on, up to the next, the choice is one.
  std::vector<std::int64_t> borders;
  for (const Way& way : ways) borders.push_back(way.peak);
  std::ranges::sort(borders);
  const auto [first, last] = std::ranges::unique(borders);
  borders.erase(first, last);
  const auto holds = [&](std::size_t i) {
    return is_same(pick(ways, is_timed(asked), borders[i]));
  };
  BudgetRange range{.without =
                        is_same(pick(ways_with(0), is_timed(asked), limit_of({0}, profile)))};
  // The last border that the budget reaches; without a budget the last one with this choice.
  std::size_t at = borders.size();
  while (at > 0 && (budget.bytes > 0 ? borders[at - 1] > budget.bytes : !holds(at - 1))) --at;
  if (at == 0 || !holds(at - 1)) return range;
  std::size_t begin = at - 1, end = at;
  while (begin > 0 && holds(begin - 1)) --begin;
  while (end < borders.size() && holds(end)) ++end;
  range.from = borders[begin];
  range.below = end < borders.size() ? borders[end] : BudgetRange::kNoEnd;
  return range;
}

}  // namespace lldm
