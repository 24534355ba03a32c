// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstdint>

#include "lldm/concepts/any_forward_process.hpp"
#include "lldm/concepts/plan.hpp"
#include "lldm/draws/stream.hpp"

namespace lldm {

/// What to ask a model so that the answers add up to a likelihood bound of a text.
///
/// A type is a ScoreEstimator if, for a text with R >= 1 scored positions,
///   1. `plan(text, process, draws)` gives the noised copies, queries and weights: a pure function
///   of its
///      arguments (equal draws, equal plans);
///   2. `target(R)` names what the score estimates and whether it is unbiased for it;
///   3. `nominal_copies(R)` is the number of forward passes per text that its options ask for: what
///      budgets compare;
///   4. `reads_schedule()` says whether the process's schedule has any influence.
/// It touches no model.  Laws: tests/conformance/score_estimator_test.cpp (mean, variance and
/// gradient against exact enumeration). See  ForwardProcess - how a position is noised; ScoreEngine
/// - evaluates the plan;  Objective - uses S.
template <class E>
concept ScoreEstimator =
    requires(const E& estimator, const Text& text, const AnyForwardProcess& process,
             const TextDraws& draws, std::int64_t scored) {
      { estimator.plan(text, process, draws) } -> std::same_as<ScorePlan>;
      { estimator.target(scored) } -> std::same_as<Target>;
      { estimator.nominal_copies(scored) } -> std::same_as<std::int64_t>;
      { estimator.reads_schedule() } -> std::same_as<bool>;
    };

}  // namespace lldm
