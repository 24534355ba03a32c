// SPDX-License-Identifier: MIT
// What a study measures biases from.
#pragma once

#include <optional>
#include <string>

#include "lldm/plugin/component_ref.hpp"
#include "lldm/score/plan.hpp"

namespace lldm {

/// The estimator that gives `elbo` itself: by enumeration, or with so many stratified draws.
ComponentRef<Role::score_estimator> elbo_truth(std::int64_t draws);

/// The estimator that gives the target of `estimator` itself; nothing where neither enumeration nor
/// a finer estimate of it is known (block_elbo, left_to_right, eubo, recorded and denoised paths).
std::optional<ComponentRef<Role::score_estimator>> own_truth(
    const ComponentRef<Role::score_estimator>& estimator, const Target& target, std::int64_t draws);

}  // namespace lldm
