// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "lldm/concepts/objective.hpp"
#include "lldm/objective/any_objective.hpp"

namespace lldm {

/// sum_k weight_k * term_k, each term normalised by its own denominator.
///
/// A term for single answers (sft, pretraining) inside a sum for pairs reads the first answer (the
/// chosen one) of the same ScoreSet: no further forward pass.  The sum is `each` as soon as one
/// term is.
class WeightedSum {
 public:
  struct Term {
    std::string name;
    AnyObjective objective;
    double weight = 1.0;
  };
  /// ConfigError without terms or when group sizes above 1 differ.
  explicit WeightedSum(std::vector<Term> terms);

  [[nodiscard]] ObjectiveNeeds needs() const { return needs_; }
  [[nodiscard]] ObjectiveResult evaluate(const ScoreSet& scores) const;

 private:
  std::vector<Term> terms_;
  ObjectiveNeeds needs_;
};
static_assert(Objective<WeightedSum>);

/// loss_sum divided by what the objective declares: the loss that is trained.  [] float64.
at::Tensor normalised_loss(const ObjectiveResult& result, Denominator denominator,
                           const StepTotals& totals);

}  // namespace lldm
