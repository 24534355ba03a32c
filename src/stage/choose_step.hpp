// SPDX-License-Identifier: MIT
// How a stage's steps are done where the file leaves it open, and for which budgets it is the same.
#pragma once

#include "experiment/budget_range.hpp"
#include "stage/step_plan.hpp"

namespace lldm {

/// The paths that `asked` leaves, the fastest first: `linear` where the weights are known; else
/// `retain`, `pairwise` where it is exact, `replay`.
///
/// Errors  ConfigError if `asked` is not exact for the objective.
std::vector<GradientPath> candidate_paths(GradientPath asked, const ObjectiveNeeds& needs,
                                          Combination combination);

/// The most tokens of one pass that are worth naming: those of a micro-batch, at most `asked` (0:
/// any number), at least of a copy.
std::int64_t tokens_worth(const StepSizes& sizes, std::int64_t asked);

/// The rows of a trained head's logits at once where no budget asks for fewer; 0 where no head that
/// is cut by rows is trained.
std::int64_t usual_head_rows(const StepModel& model);

/// How the steps of a stage are done, where the file leaves it open: of its paths and (where they
/// are open) its recomputations and passes the fastest that fits the budget, without one the
/// profile's device; the least that there is where none does.  The same for the same file, rows,
/// profile and budget.
struct StepAsked {
  GradientPath path = GradientPath::automatic;
  std::int64_t max_tokens_per_forward = 0;                 // 0: open
  Recomputation recomputation = Recomputation::automatic;  // open
  std::int64_t pairwise_copies = 0;                        // 0: open
  std::int64_t head_rows = 0;                              // 0: open
};
struct ChosenStep {
  StepPlan plan;
  Recomputation recomputation = Recomputation::none;
};
ChosenStep choose_step(StepModel model, const StepSizes& sizes, const ObjectiveNeeds& needs,
                       Combination combination, const StepAsked& asked,
                       const DeviceProfile& profile, ByteSize budget);

/// The budgets around `budget` (0: none) that lead choose_step to steps of the same bits as
/// `chosen`, its choice: the settings are the same.  Recomputation, which changes no bit, may
/// differ.
BudgetRange same_budgets(const StepModel& model, const StepSizes& sizes,
                         const ObjectiveNeeds& needs, Combination combination,
                         const StepAsked& asked, const DeviceProfile& profile, ByteSize budget,
                         const ChosenStep& chosen);

}  // namespace lldm
