// SPDX-License-Identifier: MIT
// For which budgets a stage's steps are done in the same way.
#pragma once

#include "experiment/budget_range.hpp"
#include "stage/step_plan.hpp"

namespace lldm {

/// The budgets around `budget` (0: none) that lead choose_step to steps of the same bits as
/// `chosen`, its choice: gradient path, tokens of a pass and copies are the same.  Recomputation,
/// which changes no bit, may differ.
BudgetRange same_budgets(const StepModel& model, const StepSizes& sizes,
                         const ObjectiveNeeds& needs, Combination combination,
                         const StepAsked& asked, const DeviceProfile& profile, ByteSize budget,
                         const ChosenStep& chosen);

}  // namespace lldm
