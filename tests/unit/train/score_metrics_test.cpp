// SPDX-License-Identifier: MIT
// Every figure of the scores' noise against a value worked out by hand.
#include "train/score_metrics.hpp"

#include <ATen/ops/full.h>

#include <cmath>
#include <limits>

#include "lldm/objective/dpo.hpp"
#include "lldm/objective/sft.hpp"
#include "support/catch.hpp"
#include "support/engine_world.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

/// One query a copy, of the given weights; copy c belongs to replicate c.  R = 4, three tokens of
/// prompt, two noised positions a copy.
ScorePlan plan_of(const std::vector<double>& weights, std::int32_t replicates) {
  ScorePlan plan;
  plan.length = 7, plan.num_prompt = 3, plan.num_scored = 4;
  for (std::size_t c = 0; c < weights.size(); ++c) {
    plan.tokens.insert(plan.tokens.end(), 7, 0);
    plan.queries.push_back({static_cast<std::int32_t>(c), 3, 1, weights[c]});
    plan.replicate.push_back(static_cast<std::int32_t>(c) % replicates);
  }
  plan.num_replicates = replicates;
  plan.nominal_copies = plan.copies();
  plan.noised = 2 * plan.copies();
  return plan;
}

/// A pair of two replicates each:
///   chosen    policy -1, -3   reference -2, -2.5   log-ratio 1, -0.5: mean 0.25, error^2 0.5625
///   rejected  policy -4, -2   reference -3, -2     log-ratio -1, 0: mean -0.5, error^2 0.25
struct Pair {
  ScoreBatch batch;
  EngineStep step;

  Pair() {
    batch.group_size = 2;
    batch.plans = {plan_of({0.5, 0.5}, 2), plan_of({0.5, 0.5}, 2)};
    step.readouts = {-1, -3, -4, -2};
    step.reference_readouts = {-2, -2.5, -3, -2};
    step.scores.policy = at::tensor({-2.0, -3.0}, at::kDouble).view({1, 2});
    step.scores.reference = at::tensor({-2.25, -2.5}, at::kDouble).view({1, 2});
    step.scores.lengths = at::full({1, 2}, 4.0, at::kDouble);
    step.scores.totals = {8, 2, 1, 4, 1};
    // Of the policy's own scores: {-1, -3} and {-4, -2} both have 1.
    step.scores.auxiliary["standard_error"] = at::full({1, 2}, 1.0, at::kDouble);
  }
  [[nodiscard]] ScoreNoise noise(const AnyObjective& objective = Dpo({.beta = 0.4})) const {
    return score_noise(step, batch, loss_of(objective));
  }
};

}  // namespace

TEST_CASE("score_noise: errors of scores and margins from their replicates",
          "[train][score_metrics]") {
  const ScoreNoise noise = Pair().noise();
  CHECK(noise.metrics.at("score/standard_error").value() == Approx(1.0));
  CHECK(noise.metrics.at("score/standard_error").count == 2);
  CHECK(noise.metrics.at("margin/standard_error").value() == Approx(std::sqrt(0.5625 + 0.25)));
  CHECK(noise.metrics.at("margin/standard_error").count == 1);
  CHECK(noise.squared_error == Approx(0.8125));
  CHECK(noise.num_errors == 1);
}

TEST_CASE("score_noise: policy and reference correlate by the replicates' deviations",
          "[train][score_metrics]") {
  // Deviations: chosen (1, -1) and (0.25, -0.25), rejected (-1, 1) and (-0.5, 0.5).
  // Products 0.5 + 1, squares of the policy 2 + 2, of the reference 0.125 + 0.5.
  const ScoreNoise noise = Pair().noise();
  CHECK(noise.metrics.at("score/policy_reference_correlation").value() ==
        Approx(1.5 / std::sqrt(4 * 0.625)));
  Pair same;
  same.step.reference_readouts = same.step.readouts;
  const ScoreNoise none = same.noise();
  CHECK(none.metrics.at("score/policy_reference_correlation").value() == Approx(1.0));
  CHECK(none.metrics.at("margin/standard_error").value() == 0.0);
  CHECK(none.loss_variance == 0.0);
  Pair opposite;
  for (double& value : opposite.step.reference_readouts = opposite.step.readouts) value = -value;
  CHECK(opposite.noise().metrics.at("score/policy_reference_correlation").value() == Approx(-1.0));
}

TEST_CASE("score_noise: the loss's error is the score's times the slope",
          "[train][score_metrics]") {
  // beta (m_chosen - m_rejected) = 0.4 (0.25 + 0.5) = 0.3; dLoss/dS = -+0.4 sigmoid(-0.3).
  const double slope = 0.4 / (1 + std::exp(0.3));
  CHECK(Pair().noise().loss_variance == Approx(slope * slope * 0.8125));
  // A share of a step of five pairs: the micro-batch's loss is divided by 5.
  Pair part;
  part.step.scores.totals.groups = 5;
  CHECK(part.noise().loss_variance == Approx(slope * slope * 0.8125 / 25));
}

TEST_CASE(
    "score_noise: without a reference the scores' own errors count, and single answers have "
    "no margin",
    "[train][score_metrics]") {
  Pair pair;
  pair.step.reference_readouts.clear();
  pair.step.scores.reference = at::Tensor();
  pair.batch.group_size = 1;
  pair.step.scores.policy = pair.step.scores.policy.view({2, 1});
  pair.step.scores.lengths = pair.step.scores.lengths.view({2, 1});
  const ScoreNoise noise = pair.noise(Sft({}));
  CHECK(!noise.metrics.contains("margin/standard_error"));
  CHECK(!noise.metrics.contains("score/policy_reference_correlation"));
  CHECK(noise.squared_error == Approx(1.0));
  CHECK(noise.num_errors == 2);
  // sft: -1/2 sum S / 4, so each slope is 1/8 and each error^2 1.
  CHECK(noise.loss_variance == Approx(2.0 / 64));
}

TEST_CASE("score_noise: unshared draws add the errors of policy and reference",
          "[train][score_metrics]") {
  Pair pair;
  pair.batch.reference_plans = pair.batch.plans;
  // Policy errors^2 1 and 1; reference (-2, -2.5): 0.0625, (-3, -2): 0.25.
  CHECK(pair.noise().squared_error == Approx(1 + 0.0625 + 1 + 0.25));
}

TEST_CASE("score_noise: what one replicate cannot say is left out", "[train][score_metrics]") {
  Pair pair;
  for (ScorePlan& plan : pair.batch.plans) plan = plan_of({0.5, 0.5}, 1);
  pair.step.scores.auxiliary["standard_error"] =
      at::full({1, 2}, std::numeric_limits<double>::quiet_NaN(), at::kDouble);
  const ScoreNoise noise = pair.noise();
  for (const char* name :
       {"score/standard_error", "margin/standard_error", "score/policy_reference_correlation"})
    CHECK(!noise.metrics.contains(name));
  CHECK(std::isnan(noise.squared_error));
  CHECK(noise.num_errors == 0);
  CHECK(std::isnan(noise.loss_variance));
}

TEST_CASE("score_noise: effective draws, mask ratio and queried share", "[train][score_metrics]") {
  Pair pair;
  // Equal weights: as many as there are; weights 3 : 1: (3 + 1)^2 / (9 + 1) = 1.6.
  pair.batch.plans[1] = plan_of({0.75, 0.25}, 2);
  pair.batch.plans[1].noised = 7;
  const ScoreNoise noise = pair.noise();
  CHECK(noise.metrics.at("score/effective_draws").value() == Approx((2 + 1.6) / 2));
  CHECK(noise.metrics.at("score/effective_draws").count == 2);
  // Noised 4 + 7 and queried 2 + 2 of 2 copies of 4 positions each.
  CHECK(noise.metrics.at("score/mask_ratio").value() == Approx(11.0 / 16));
  CHECK(noise.metrics.at("score/queried_share").value() == Approx(4.0 / 16));
}

TEST_CASE("score_noise: a loss that also reads the parts has no known error",
          "[train][score_metrics]") {
  struct PartsAndScores {
    ObjectiveNeeds needs() const { return {2, true, ScoreUse::parts, Denominator::groups}; }
    ObjectiveResult evaluate(const ScoreSet& s) const {
      return {s.policy.sum() + (s.parts.defined() ? s.parts.square().sum() : s.policy.sum()), {}};
    }
  };
  Pair pair;
  pair.step.scores.parts = at::full({1, 2, 2}, -1.0, at::kDouble);
  CHECK(std::isnan(pair.noise(PartsAndScores{}).loss_variance));
}
