// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "lldm/concepts/any_objective.hpp"
#include "lldm/concepts/component.hpp"
#include "lldm/concepts/objective.hpp"
#include "lldm/config/component_ref.hpp"

namespace lldm {

/// sum_k weight_k * term_k, each term normalised by its own denominator.
///
/// A term for single answers (sft, pretraining) inside a sum for pairs reads the first answer (the
/// chosen one) of the same ScoreSet: no further forward pass.  The sum is `each` as soon as one
/// term is, or when a linear term stands beside a loss of the difference.
class WeightedSum {
 public:
  /// Keys of a term's table that belong to the sum; the others are the term's own.
  struct TermWeight {
    double weight = 1.0;
    static constexpr auto describe() {
      return std::tuple{field("weight", &TermWeight::weight, "Factor of this term.")};
    }
    bool operator==(const TermWeight&) const = default;
  };
  struct Options {
    std::vector<ComponentRef<Role::objective, TermWeight>> terms;
    static constexpr auto describe() {
      return std::tuple{field("terms", &Options::terms,
                              "The objectives that are added, each with its `weight` (default 1).")
                            .required()};
    }
  };
  static constexpr std::string_view name() { return "weighted_sum"; }
  static constexpr std::string_view description() {
    return "sum of objectives with weights, each normalised by itself; `terms = [...]` alone names "
           "it";
  }
  WeightedSum(const Options& options, const Services& services);
  struct Term {
    std::string name;
    AnyObjective objective;
    double weight = 1.0;
  };
  /// ConfigError without terms, when group sizes above 1 differ, or when a term for single answers
  /// in a sum for pairs divides by its own micro-batch (llada_parity).
  explicit WeightedSum(std::vector<Term> terms);

  [[nodiscard]] ObjectiveNeeds needs() const { return needs_; }
  [[nodiscard]] ObjectiveResult evaluate(const ScoreSet& scores) const;

 private:
  std::vector<Term> terms_;
  ObjectiveNeeds needs_;
};
static_assert(Component<WeightedSum> && Objective<WeightedSum>);

/// loss_sum divided by what the objective declares: the loss that is trained.  [] float64.
at::Tensor normalised_loss(const ObjectiveResult& result, Denominator denominator,
                           const StepTotals& totals);

}  // namespace lldm
