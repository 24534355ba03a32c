// SPDX-License-Identifier: MIT
// What a step would cost with fewer noised copies of a text: proposed, never done.
#pragma once

#include <functional>
#include <vector>

#include "lldm/concepts/any_score_estimator.hpp"
#include "lldm/config/component_ref.hpp"
#include "lldm/experiment/stage_plan.hpp"
#include "lldm/services.hpp"

namespace lldm {

/// Every whole number among the estimator's options that says how many copies there are (`steps`,
/// `draws`, ...), lowered in stages down to 1, the rest as the file has it; by key, the largest
/// value first.  `cost` plans a step of an estimator.  Of estimators inside others nothing is
/// tried.
///
/// `canvas`: the scored tokens of a text.
std::vector<FewerCopies> fewer_copies(
    const ComponentRef<Role::score_estimator>& estimator, std::int64_t canvas,
    const Services& services, const std::function<StepChoice(const AnyScoreEstimator&)>& cost);

}  // namespace lldm
