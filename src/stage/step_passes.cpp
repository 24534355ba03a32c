// SPDX-License-Identifier: MIT
#include "stage/step_passes.hpp"

#include <algorithm>
#include <functional>
#include <span>
#include <utility>

#include "lldm/score/engine.hpp"
#include "model/head_chunks.hpp"

namespace lldm {
namespace {

/// As large as each of them in every way.
Pack largest_of(const std::vector<Pack>& packs) {
  Pack largest;
  for (const Pack& pack : packs) {
    largest.tokens = std::max(largest.tokens, pack.tokens);
    largest.queries = std::max(largest.queries, pack.queries);
    largest.largest_mask = std::max(largest.largest_mask, pack.largest_mask);
    largest.texts = std::max(largest.texts, pack.texts);
    largest.ids = std::max(largest.ids, pack.ids);
    largest.posteriors = std::max(largest.posteriors, pack.posteriors);
  }
  return largest;
}

/// Those that no other has both more tokens and more queries than, each as large in every other way
/// as any: few long texts may hold more than many queries do.
std::vector<Pack> front_of(std::vector<Pack> packs) {
  const Pack largest = largest_of(packs);
  const auto order = [](const Pack& pack) { return std::pair(pack.tokens, pack.queries); };
  std::ranges::sort(packs, std::greater(), order);
  std::vector<Pack> front;
  for (const Pack& pack : packs)
    if (front.empty() || pack.queries > front.back().queries) {
      front.push_back(largest);
      front.back().tokens = pack.tokens, front.back().queries = pack.queries;
    }
  return front;
}

}  // namespace

std::vector<std::vector<Pack>> graphs_of(const MicroBatchLoad& texts, const StepSettings& settings,
                                         bool is_bound, bool has_patterns) {
  std::vector<Pack> packs;
  if (settings.path == GradientPath::pairwise) {
    for (const TextLoad& text : texts)
      for (const Pack& pack :
           packs_of({&text, 1}, settings.max_tokens_per_forward, settings.pairwise_copies))
        packs.push_back(pack);
  } else {
    packs = packs_of(texts, settings.max_tokens_per_forward);
  }
  if (is_bound && !texts.empty()) {
    const bool is_pairwise = settings.path == GradientPath::pairwise;
    std::int64_t all = 0;  // that could be in one pass
    for (const TextLoad& text : texts)
      all = is_pairwise
                ? std::max(all, text.length * std::min(text.copies, settings.pairwise_copies))
                : all + text.tokens();
    packs.front().tokens =
        std::max(packs.front().tokens, std::min(all, settings.max_tokens_per_forward));
  }
  if (settings.path == GradientPath::retain) return {packs};
  if (has_patterns) {  // few long texts or many short ones may hold more
    std::ranges::sort(packs);
    const auto [first, last] = std::ranges::unique(packs);
    packs.erase(first, last);
    std::vector<std::vector<Pack>> each;
    for (const Pack& pack : packs) each.push_back({pack});
    return each;
  }
  // Logits of few queries exist twice (head_chunks.hpp): fewer may hold more.
  std::vector<std::vector<Pack>> each;
  if (is_bound) packs = {largest_of(packs)};
  for (const Pack& pack : front_of(packs)) each.push_back({pack});
  std::erase_if(packs, [](const Pack& pack) { return !are_few(pack.queries); });
  for (const Pack& pack : front_of(packs)) each.push_back({pack});
  return each;
}

std::vector<Pack> scored_by_reference(const StepModel& model, const StepSizes& sizes,
                                      const StepSettings& settings) {
  std::vector<Pack> packs;
  if (!model.has_reference) return packs;
  const std::int64_t copies =
      settings.pairwise_copies * scoring_factor(model.pass.shape.layers, model.pass.is_on_cpu);
  const auto add = [&](std::span<const TextLoad> texts, std::int64_t most_copies) {
    for (const Pack& pack : packs_of(texts, settings.max_tokens_per_forward, most_copies))
      packs.push_back(pack);
  };
  for (const MicroBatchLoad& texts : sizes.micro_batches) {
    if (settings.path != GradientPath::pairwise) add(texts, 0);
    for (const TextLoad& text : texts)
      if (settings.path == GradientPath::pairwise) add({&text, 1}, copies);
  }
  return packs;
}

std::vector<Pack> scored_by_policy(const StepSizes& sizes, const ObjectiveNeeds& needs,
                                   const StepSettings& settings) {
  std::vector<Pack> packs;
  if (settings.path != GradientPath::replay && !needs.mismatched) return packs;
  for (const MicroBatchLoad& texts : sizes.micro_batches)
    for (const Pack& pack : packs_of(texts, settings.max_tokens_per_forward)) packs.push_back(pack);
  return packs;
}

std::vector<PlanMoment> moments_of(const PassModel& pass, const std::vector<Pack>& packs) {
  std::vector<PlanMoment> moments;
  for (const Pack& pack : packs)
    for (const PlanMoment& moment : scoring_moments(pass, pack)) moments.push_back(moment);
  return moments;
}

std::int64_t most_bytes(const std::vector<PlanMoment>& moments) {
  std::int64_t most = 0;
  for (const PlanMoment& moment : moments) most = std::max(most, moment.bytes());
  return most;
}

namespace {

/// The passes that read paths which the model walks itself: a copy of every text at a time, from
/// one step of the path to the next (fewer queries may hold more, are_few).
std::vector<Pack> walks_of(std::span<const MicroBatchLoad> micro_batches, std::int64_t max_tokens) {
  std::vector<Pack> packs;
  for (const MicroBatchLoad& texts : micro_batches) {
    std::int64_t steps = 0;
    for (const TextLoad& text : texts) steps = std::max(steps, text.walked);
    for (std::int64_t step = 0; step < steps; ++step) {
      MicroBatchLoad read;
      for (const TextLoad& text : texts)
        if (step < text.walked)
          read.push_back({text.length, 1, text.of_copies[static_cast<std::size_t>(step)]});
      for (const Pack& pack : packs_of(read, max_tokens)) packs.push_back(pack);
    }
  }
  return packs;
}

std::int64_t most_tokens(std::span<const Pack> packs) {
  std::int64_t most = 0;
  for (const Pack& pack : packs) most = std::max(most, pack.tokens);
  return most;
}

}  // namespace

std::vector<PlanMoment> without_graph(const PassModel& pass, const StepSizes& sizes, StepPlan& plan,
                                      std::int64_t step_bytes) {
  PassModel scoring = pass;
  scoring.has_dropout = false;
  std::vector<MicroBatchLoad> beside = sizes.validation;
  beside.push_back(sizes.last_look);
  const std::int64_t least = std::max<std::int64_t>(
      1, std::min(plan.tokens_per_forward, plan.settings.max_tokens_per_forward));
  std::int64_t limit = plan.settings.max_tokens_per_forward;
  while (true) {
    std::vector<Pack> packs;
    for (const MicroBatchLoad& texts : beside)
      for (const Pack& pack : packs_of(texts, limit)) packs.push_back(pack);
    std::vector<PlanMoment> moments = moments_of(scoring, packs);
    std::int64_t most = most_tokens(packs);
    const auto walk = [&](const PassModel& model, std::span<const MicroBatchLoad> texts) {
      const std::vector<Pack> walks = walks_of(texts, limit);
      most = std::max(most, most_tokens(walks));
      for (const Pack& pack : walks)
        for (const PlanMoment& moment : walking_moments(model, pack)) moments.push_back(moment);
    };
    walk(pass, sizes.micro_batches);
    walk(scoring, beside);
    if (limit <= least || most_bytes(moments) <= step_bytes) {
      // What nobody looked at, the study of pairs say, fills no larger pass than these.
      plan.scored_tokens = std::max(least, std::min(limit, most));
      return moments;
    }
    limit = std::max(least, limit / 2);
  }
}

}  // namespace lldm
