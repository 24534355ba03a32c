// SPDX-License-Identifier: MIT
// The forward passes of a stage, as the engine makes them, and what they hold.
#pragma once

#include <cstdint>
#include <vector>

#include "lldm/memory/planner.hpp"
#include "stage/step_plan.hpp"

namespace lldm {

/// The forward passes with a graph that a micro-batch makes on this path, by the graphs that are
/// alive together.
std::vector<std::vector<Pack>> graphs_of(const MicroBatchLoad& texts, const StepSettings& settings,
                                         bool is_bound, bool has_patterns);

/// What the reference scores in a step, without a graph.
std::vector<Pack> scored_by_reference(const StepModel& model, const StepSizes& sizes,
                                      const StepSettings& settings);

/// What the policy scores without a graph in a step, as it is trained.
std::vector<Pack> scored_by_policy(const StepSizes& sizes, const ObjectiveNeeds& needs,
                                   const StepSettings& settings);

/// What passes without a graph hold.
std::vector<PlanMoment> moments_of(const PassModel& pass, const std::vector<Pack>& packs);

/// [bytes] of the moment that holds most; 0: none.
std::int64_t most_bytes(const std::vector<PlanMoment>& moments);

/// What passes hold that are cut as memory has it: validation, the look behind the last step, and
/// reading paths that the model walks itself.  In passes (`plan.scored_tokens`, set here) that hold
/// no more than `step_bytes`, what the rest of a step holds, or else no larger than a step's.
std::vector<PlanMoment> without_graph(const PassModel& pass, const StepSizes& sizes, StepPlan& plan,
                                      std::int64_t step_bytes);

}  // namespace lldm
