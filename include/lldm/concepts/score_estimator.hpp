// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstdint>

#include "lldm/concepts/adaptation.hpp"
#include "lldm/concepts/any_forward_process.hpp"
#include "lldm/concepts/plan.hpp"
#include "lldm/draws/stream.hpp"

namespace lldm {

/// What to ask a model so that the answers add up to a likelihood bound of a text.
///
/// A type is a ScoreEstimator if, for a text with R >= 1 scored positions,
///   1. `plan(text, process, draws)` gives the noised copies, queries and weights: a pure function
///      of its arguments (equal draws, equal plans);
///   2. `target(R)` names what the score estimates and whether it is unbiased for it;
///   3. `nominal_copies(R)` is the number of forward passes per text that its options ask for: what
///      budgets compare;
///   4. `reads_schedule()` says whether the process's schedule has any influence.
/// It touches no model.  Laws: tests/conformance/score_estimator_test.cpp (mean, variance and
/// gradient against exact enumeration).
/// See  ForwardProcess - how a position is noised;  ScoreEngine - evaluates the plan;
///      Objective - uses S.
template <class E>
concept ScoreEstimator =
    requires(const E& estimator, const Text& text, const AnyForwardProcess& process,
             const TextDraws& draws, std::int64_t scored) {
      { estimator.plan(text, process, draws) } -> std::same_as<ScorePlan>;
      { estimator.target(scored) } -> std::same_as<Target>;
      { estimator.nominal_copies(scored) } -> std::same_as<std::int64_t>;
      { estimator.reads_schedule() } -> std::same_as<bool>;
    };

/// A ScoreEstimator whose target depends on the process that noises the text, not on R alone.
///   5. `target(R, process)` names it for the process in use; `target(R)` is the one for the
///      process that the estimator is meant for, and both have one combination.
/// An estimator that is none means the same bound of every process that it accepts.
/// Laws: tests/conformance/declared_targets_test.cpp.
template <class E>
concept ProcessTargetEstimator =
    ScoreEstimator<E> &&
    requires(const E& estimator, std::int64_t scored, const AnyForwardProcess& process) {
      { estimator.target(scored, process) } -> std::same_as<Target>;
    };

/// A ScoreEstimator whose cost follows the noise of the steps before.
///   6. `adaptation()` is the rule: smallest and largest number of evaluations, the wanted error;
///   7. `at(n)` is an estimator of n evaluations, min <= n <= max, with the target of this one;
///      `nominal_copies(R)` of this one is that of `at(max)`.
/// Laws: tests/unit/train/adaptive_test.cpp.
template <class E>
concept AdaptiveEstimator = ScoreEstimator<E> && requires(const E& estimator, std::int64_t n) {
  { estimator.adaptation() } -> std::same_as<Adaptation>;
  { estimator.at(n) } -> ScoreEstimator;
};

}  // namespace lldm
