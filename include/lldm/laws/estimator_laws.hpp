// SPDX-License-Identifier: MIT
// The laws of a ScoreEstimator as checks that say what is wrong ("" if nothing), so that the same
// suite can be shown to reject known mistakes.
//
// Statistical checks compare a mean over N seeded draws with its exact value and allow
// 7 standard errors + 60 ranges / N (an empirical Bernstein bound, for rarely hit values): below
// 1e-10 a priori by comparison, below 1e-6 for all of them together.  Seeds are fixed.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "lldm/concepts/any_score_estimator.hpp"
#include "lldm/errors.hpp"
#include "lldm/laws/exact_targets.hpp"

namespace lldm::laws {

/// A toy model, a text and a process, with the table of everything a score can read.
struct World {
  ToyTable model;
  Text text;
  AnyForwardProcess process;
  SubsetTable subsets;
};

TextDraws draws_of(const Draws& draws, std::uint64_t row, std::uint64_t answer = 0);

/// Sample mean and what is needed to judge it.
class Sampled {
 public:
  void add(double x) {
    ++n_;
    sum_ += x;
    squares_ += x * x;
    low_ = n_ == 1 ? x : std::min(low_, x);
    high_ = n_ == 1 ? x : std::max(high_, x);
  }
  [[nodiscard]] double mean() const { return sum_ / n_; }
  [[nodiscard]] double variance() const {
    return std::max(0.0, (squares_ - sum_ * sum_ / n_) / (n_ - 1));
  }
  [[nodiscard]] double allowed() const {
    return 7.0 * std::sqrt(variance() / n_) + 60.0 * (high_ - low_) / n_ +
           1e-10 * (1.0 + std::max(std::abs(low_), std::abs(high_)));
  }
  [[nodiscard]] bool agrees(double exact) const { return std::abs(mean() - exact) <= allowed(); }

 private:
  double n_ = 0, sum_ = 0, squares_ = 0, low_ = 0, high_ = 0;
};

/// Which scored positions a copy of the plan hides.
std::size_t subset_of(const World& world, const ScorePlan& plan, std::int64_t copy);

/// The plan as weights on the subset table: dS / d log p(y_i | y without M, x).
std::vector<double> plan_weights(const World& world, const ScorePlan& plan);

bool same_plan(const ScorePlan& a, const ScorePlan& b);

/// Law: copies are the text with masks on scored positions only; queries are sorted, ask noised
/// scored positions for the true token, and every copy is asked; sizes fit.
std::string structure_failure(const World& world, const ScorePlan& plan,
                              const AnyScoreEstimator& estimator);

/// Law: the mean of S over draws is the target's value, and the mean of dS/d(every conditional) the
/// target's: the gradient of S is unbiased.
std::string mean_failure(const World& world, const AnyScoreEstimator& estimator,
                         const std::vector<double>& target, double constant, int draws,
                         std::uint64_t seed = 7);

/// Law: mean and variance of S over draws are the exact ones.
std::string variance_failure(const World& world, const AnyScoreEstimator& estimator,
                             const Moments& exact, int draws, std::uint64_t seed = 8);

/// Law: the two answers of a row draw independently: their scores of the same text do not covary.
std::string independence_failure(const World& world, const AnyScoreEstimator& estimator, int draws,
                                 std::uint64_t seed = 9);

}  // namespace lldm::laws
