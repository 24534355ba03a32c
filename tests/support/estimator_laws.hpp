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
#include "support/exact_moments.hpp"

namespace lldm::testing {

/// A toy model, a text and a process, with the table of everything a score can read.
struct World {
  ToyTable model;
  Text text;
  AnyForwardProcess process;
  SubsetTable subsets;
};

inline TextDraws draws_of(const Draws& draws, std::uint64_t row, std::uint64_t answer = 0) {
  return {draws, Purpose::noise, 0, row, answer};
}

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
inline std::size_t subset_of(const World& world, const ScorePlan& plan, std::int64_t copy) {
  std::size_t subset = 0;
  for (std::size_t i = 0; i < world.subsets.size; ++i)
    if (plan.copy(copy)[static_cast<std::size_t>(plan.num_prompt) + i] == world.model.mask_token())
      subset |= std::size_t{1} << i;
  return subset;
}

/// The plan as weights on the subset table: dS / d log p(y_i | y without M, x).
inline std::vector<double> plan_weights(const World& world, const ScorePlan& plan) {
  std::vector<double> weights(world.subsets.logp.size(), 0.0);
  for (const Query& query : plan.queries)
    weights[subset_of(world, plan, query.copy) * world.subsets.size +
            static_cast<std::size_t>(query.position - plan.num_prompt)] += query.weight;
  return weights;
}

inline bool same_plan(const ScorePlan& a, const ScorePlan& b) {
  const auto same_query = [](const Query& p, const Query& q) {
    return p.copy == q.copy && p.position == q.position && p.target == q.target &&
           p.weight == q.weight && p.group == q.group;
  };
  return a.tokens == b.tokens && a.replicate == b.replicate && a.constant == b.constant &&
         a.num_replicates == b.num_replicates && a.nominal_copies == b.nominal_copies &&
         a.length == b.length && a.num_prompt == b.num_prompt && a.num_scored == b.num_scored &&
         std::equal(a.queries.begin(), a.queries.end(), b.queries.begin(), b.queries.end(),
                    same_query);
}

/// Law: copies are the text with masks on scored positions only; queries are sorted, ask noised
/// scored positions for the true token, and every copy is asked; sizes fit.
inline std::string structure_failure(const World& world, const ScorePlan& plan,
                                     const AnyScoreEstimator& estimator) {
  const Text& text = world.text;
  if (plan.length != text.length() || plan.num_scored != text.num_scored() ||
      plan.num_prompt != static_cast<std::int64_t>(text.prompt.size()))
    return "the sizes are not the text's";
  if (plan.nominal_copies != estimator.nominal_copies(plan.num_scored) ||
      plan.copies() > plan.nominal_copies)
    return message("copies ", plan.copies(), ", nominal ", plan.nominal_copies);
  if (plan.replicate.size() != static_cast<std::size_t>(plan.copies()))
    return "replicate is not one number a copy";
  std::vector<bool> is_asked(static_cast<std::size_t>(plan.copies()), false);
  for (std::int64_t c = 0; c < plan.copies(); ++c) {
    if (plan.replicate[static_cast<std::size_t>(c)] < 0 ||
        plan.replicate[static_cast<std::size_t>(c)] >= plan.num_replicates)
      return "a replicate is out of range";
    const auto expected = masked_copy(text, subset_of(world, plan, c), world.model.mask_token());
    if (!std::equal(expected.begin(), expected.end(), plan.copy(c).begin()))
      return "a copy differs from the text beyond masks on scored positions";
  }
  for (std::size_t q = 0; q < plan.queries.size(); ++q) {
    const Query& query = plan.queries[q];
    if (q > 0 &&
        (query.copy < plan.queries[q - 1].copy || (query.copy == plan.queries[q - 1].copy &&
                                                   query.position <= plan.queries[q - 1].position)))
      return "queries are not sorted by copy, then position";
    const auto i = static_cast<std::size_t>(query.position - plan.num_prompt);
    if (i >= world.subsets.size || !(subset_of(world, plan, query.copy) >> i & 1))
      return "a query asks a position that is not noised";
    if (query.target != text.response[i]) return "a query's target is not the true token";
    is_asked[static_cast<std::size_t>(query.copy)] = true;
  }
  if (std::find(is_asked.begin(), is_asked.end(), false) != is_asked.end())
    return "a copy without queries was kept";
  return "";
}

/// Law: the mean of S over draws is the target's value, and the mean of dS/d(every conditional) the
/// target's: the gradient of S is unbiased.
inline std::string mean_failure(const World& world, const AnyScoreEstimator& estimator,
                                const std::vector<double>& target, double constant, int draws,
                                std::uint64_t seed = 7) {
  const Draws source(seed, "conformance");
  Sampled score;
  std::vector<Sampled> cells(target.size());
  for (int row = 0; row < draws; ++row) {
    const ScorePlan plan = estimator.plan(world.text, world.process,
                                          draws_of(source, static_cast<std::uint64_t>(row)));
    if (row < 50)
      if (const std::string wrong = structure_failure(world, plan, estimator); !wrong.empty())
        return wrong;
    const std::vector<double> weights = plan_weights(world, plan);
    score.add(plan.constant + dot(weights, world.subsets.logp));
    for (std::size_t c = 0; c < cells.size(); ++c) cells[c].add(weights[c]);
  }
  const double exact = constant + dot(target, world.subsets.logp);
  if (!score.agrees(exact))
    return message("mean of S ", score.mean(), ", target ", exact, ", allowed ", score.allowed());
  for (std::size_t c = 0; c < cells.size(); ++c)
    if (!cells[c].agrees(target[c]))
      return message("mean weight of subset ", c / world.subsets.size, ", position ",
                     c % world.subsets.size, ": ", cells[c].mean(), ", target ", target[c],
                     ", allowed ", cells[c].allowed());
  return "";
}

/// Law: mean and variance of S over draws are the exact ones.
inline std::string variance_failure(const World& world, const AnyScoreEstimator& estimator,
                                    const Moments& exact, int draws, std::uint64_t seed = 8) {
  const Draws source(seed, "conformance");
  Sampled score, squares;
  for (int row = 0; row < draws; ++row) {
    const ScorePlan plan = estimator.plan(world.text, world.process,
                                          draws_of(source, static_cast<std::uint64_t>(row)));
    const double s = plan.constant + dot(plan_weights(world, plan), world.subsets.logp);
    score.add(s);
    squares.add((s - exact.mean) * (s - exact.mean));
  }
  if (!score.agrees(exact.mean)) return message("mean ", score.mean(), ", exact ", exact.mean);
  if (!squares.agrees(exact.variance))
    return message("variance ", squares.mean(), ", exact ", exact.variance, ", allowed ",
                   squares.allowed());
  return "";
}

/// Law: the two answers of a row draw independently: their scores of the same text do not covary.
inline std::string independence_failure(const World& world, const AnyScoreEstimator& estimator,
                                        int draws, std::uint64_t seed = 9) {
  const Draws source(seed, "conformance");
  std::vector<std::pair<double, double>> pairs;
  Sampled chosen, rejected, product;
  for (int row = 0; row < draws; ++row) {
    double s[2];
    for (const std::uint64_t answer : {0, 1}) {
      const ScorePlan plan = estimator.plan(
          world.text, world.process, draws_of(source, static_cast<std::uint64_t>(row), answer));
      s[answer] = dot(plan_weights(world, plan), world.subsets.logp);
    }
    pairs.emplace_back(s[0], s[1]);
    chosen.add(s[0]), rejected.add(s[1]);
  }
  for (const auto& [a, b] : pairs) product.add((a - chosen.mean()) * (b - rejected.mean()));
  if (product.agrees(0.0)) return "";
  return message("covariance of two answers' scores ", product.mean(), ", allowed ",
                 product.allowed());
}

}  // namespace lldm::testing
