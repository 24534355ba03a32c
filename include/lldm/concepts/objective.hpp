// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstdint>

#include "lldm/concepts/score_set.hpp"

namespace lldm {

/// What `loss_sum` is divided by, summed over the whole optimizer step.
enum class Denominator : std::uint8_t {
  tokens,  // scored tokens
  rows,    // texts
  groups,  // prompts (pairs)
  none,    // the objective has divided by `totals` itself
};

/// How the loss depends on the scores; decides which gradient paths are exact for it.
enum class ScoreUse : std::uint8_t {
  linear,      // known weights: dLoss/dS does not depend on S
  difference,  // each group's loss depends on chosen - rejected alone
  each,        // each group's loss depends on its scores one by one
  parts,       // each group's loss depends on the parts of its scores
  coupled,     // groups depend on one another: needs the scores of the whole optimizer step
};

/// What an objective asks of the trainer.
struct ObjectiveNeeds {
  std::int64_t group_size = 2;  // answers per prompt, G
  bool reference = true;        // a frozen reference model's scores
  ScoreUse use = ScoreUse::each;
  Denominator denominator = Denominator::groups;
  /// Also the scores of every prompt with the first answer of the stage's next row that has another
  /// prompt (behind the last row comes the first), without gradient: auxiliary entries
  /// "mismatched_policy" and "mismatched_reference", [B].
  bool mismatched = false;
  /// Whether it also takes rows of one answer each that is wanted or not: G = 1, and
  /// auxiliary "wanted", [B] float64, 1 or 0.  The mismatched answer is then that of the row before
  /// with another prompt (before the first comes the last), as in TRL.
  bool unpaired = false;
  /// Weight of scored tokens behind the length of the group's shortest answer, in [0, 1]: 1 keeps
  /// the score as it is (LD-DPO's alpha).
  double beyond_shared_length = 1.0;
  /// Where rows are cut to random lengths: one draw for a whole step instead of one a row (as in
  /// LLaDA's code).
  bool random_length_by_batch = false;
};

/// A ScoreSet -> loss and metrics.
///
/// A type is an Objective if
///   1. `needs()` declares group size, reference, score use and denominator;
///   2. `evaluate(scores)` gives the loss summed over the set as a float64 scalar with autograd
///      through `scores.policy` (or `scores.parts`), and metrics by name.
/// It knows no tokens, no model, no noise: dLoss/dS comes from autograd on these small tensors.
/// Laws: tests/conformance/objective_test.cpp.
/// See  ScoreEstimator - where S comes from;  ScoreEngine - pushes dLoss/dS back through it.
template <class O>
concept Objective = requires(const O& objective, const ScoreSet& scores) {
  { objective.needs() } -> std::same_as<ObjectiveNeeds>;
  { objective.evaluate(scores) } -> std::same_as<ObjectiveResult>;
};

}  // namespace lldm
