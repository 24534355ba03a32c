// SPDX-License-Identifier: MIT
#include "lldm/score/engine.hpp"

#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include "lldm/errors.hpp"
#include "lldm/estimator/full_trajectory.hpp"
#include "lldm/estimator/monte_carlo_elbo.hpp"
#include "lldm/estimator/segmented.hpp"
#include "lldm/objective/dpo.hpp"
#include "lldm/objective/ipo.hpp"
#include "lldm/objective/pretraining.hpp"
#include "lldm/objective/sft.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/engine_world.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

struct NamedEstimator {
  std::string name;
  AnyScoreEstimator estimator;
};

std::vector<NamedEstimator> estimators() {
  return {
      {"full_trajectory sampled", FullTrajectory({.steps = 3})},
      {"full_trajectory expected", FullTrajectory({.steps = 4,
                                                   .reveal = TrajectoryReveal::expected,
                                                   .include_reveal_terms = true,
                                                   .replicates = 2})},
      {"monte_carlo_elbo", MonteCarloElbo({.draws = 3})},
      {"monte_carlo_elbo antithetic",
       MonteCarloElbo({.draws = 4, .pairing = DrawPairing::antithetic})},
      {"monte_carlo_elbo bernoulli", MonteCarloElbo({.draws = 3, .count = MaskCount::bernoulli})},
      {"segmented", Segmented({.steps = 6, .segments = 3, .steps_per_segment = 1})}};
}

struct NamedObjective {
  std::string name;
  AnyObjective objective;
};

std::vector<NamedObjective> objectives() {
  return {
      {"pretraining", Pretraining({})},
      {"pretraining parity", Pretraining({.llada_parity = true})},
      {"sft", Sft({})},
      {"sft parity", Sft({.llada_parity = true})},
      {"sft + pretraining",
       WeightedSum({{"sft", Sft({}), 0.7}, {"pretraining", Pretraining({}), 0.3}})},
      {"dpo", Dpo({.beta = 0.3})},
      {"dpo by length", Dpo({.beta = 0.5, .normalize = Normalize::response_length})},
      {"ipo", Ipo({.beta = 0.2})},
      {"ipo by length", Ipo({.beta = 0.2, .normalize = Normalize::response_length})},
      {"dpo + 0.05 sft", WeightedSum({{"dpo", Dpo({.beta = 0.2}), 1.0}, {"sft", Sft({}), 0.05}})},
      {"ipo + pretraining",
       WeightedSum({{"ipo", Ipo({.beta = 0.2}), 0.5}, {"pretraining", Pretraining({}), 2.0}})}};
}

bool is_allowed(GradientPath path, const ObjectiveNeeds& needs) {
  if (path == GradientPath::linear) return needs.use == ScoreUse::linear;
  if (path == GradientPath::pairwise) return needs.group_size == 2;
  return true;
}

}  // namespace

TEST_CASE(
    "ScoreEngine: the four gradient paths give one gradient for every estimator and objective",
    "[score][engine]") {
  const EngineWorld world;
  int compared = 0;
  for (const auto& [objective_name, objective] : objectives())
    for (const auto& [estimator_name, estimator] : estimators()) {
      const ObjectiveNeeds needs = objective.needs();
      const auto texts = toy_texts(2, static_cast<std::size_t>(needs.group_size));
      const ScoreBatch batch = toy_batch(texts, needs.group_size, estimator);
      const auto [exact, step] = world.gradient(batch, objective, GradientPath::retain);
      REQUIRE(exact.norm().item<double>() > 1e-4);
      for (const auto path : {GradientPath::linear, GradientPath::retain, GradientPath::replay,
                              GradientPath::pairwise}) {
        if (!is_allowed(path, needs)) continue;
        for (const std::int64_t tokens : {1, 9, 16384}) {
          const auto [gradient, other] = world.gradient(batch, objective, path, tokens);
          INFO(objective_name << ", " << estimator_name << ", " << to_string(path) << ", " << tokens
                              << " tokens a forward");
          CHECK(relative_distance(gradient, exact) <= 1e-10);
          CHECK(other.loss == Approx(step.loss).epsilon(1e-12));
          CHECK(relative_distance(other.scores.policy, step.scores.policy) <= 1e-13);
          ++compared;
        }
      }
    }
  // 5 objectives over one answer on three paths, 4 + 2 over two answers on three paths.
  CHECK(compared == 11 * 6 * 3 * 3);
}

TEST_CASE("ScoreEngine: scores and gradients are those of loops in doubles", "[score][engine]") {
  const EngineWorld world;
  const ToyTable& table = world.policy->table();
  for (const auto& [name, estimator] : estimators()) {
    const ScoreBatch batch = toy_batch(toy_texts(3, 1), 1, estimator);
    const auto [gradient, step] = world.gradient(batch, Pretraining({}), GradientPath::linear);
    std::vector<double> expected(static_cast<std::size_t>(table.rows() * 3), 0.0);
    double tokens = 0;
    for (std::size_t p = 0; p < batch.plans.size(); ++p) {
      const ScorePlan& plan = batch.plans[p];
      tokens += static_cast<double>(plan.num_scored);
      double score = plan.constant;
      for (const Query& query : plan.queries) {
        const auto copy = plan.copy(query.copy);
        score += query.weight * table.log_probability(copy, query.position, query.target);
        for (std::int64_t v = 0; v < 3; ++v)  // d log p(target) / d logit
          expected[static_cast<std::size_t>(table.row(copy, query.position) * 3 + v)] -=
              query.weight * ((v == query.target ? 1.0 : 0.0) -
                              std::exp(table.log_probability(copy, query.position, v)));
      }
      INFO(name);
      CHECK(step.scores.policy[static_cast<std::int64_t>(p)][0].item<double>() ==
            Approx(score).epsilon(1e-13));
    }
    const at::Tensor exact = at::tensor(expected, at::kDouble).view({-1, 3}) / tokens;
    CHECK(relative_distance(gradient, exact) <= 1e-12);
  }
}

TEST_CASE("ScoreEngine: the mean gradient over draws is the exact gradient of the target",
          "[score][engine]") {
  const EngineWorld world;
  const ToyTable& table = world.policy->table();
  const Text text = toy_texts(1, 1, 5).front();
  REQUIRE(text.response.size() == 2);
  const std::vector<double> weights = elbo_weights(2);
  std::vector<double> expected(static_cast<std::size_t>(table.rows() * 3), 0.0);
  for (std::size_t subset = 1; subset < 4; ++subset)
    for (std::size_t i = 0; i < 2; ++i)
      if (subset >> i & 1) {
        const auto copy = masked_copy(text, subset, 3);
        const auto position = static_cast<std::int64_t>(1 + i);
        for (std::int64_t v = 0; v < 3; ++v)
          expected[static_cast<std::size_t>(table.row(copy, position) * 3 + v)] -=
              weights[subset * 2 + i] * ((v == text.response[i] ? 1.0 : 0.0) -
                                         std::exp(table.log_probability(copy, position, v)));
      }
  // Many rows of one text in one step: their mean is what `rows` normalisation gives (R = 2).
  constexpr std::size_t rows = 20000;
  const std::vector<Text> texts(rows, text);
  const ScoreBatch batch = toy_batch(texts, 1, MonteCarloElbo({.draws = 2}));
  const auto [gradient, step] = world.gradient(batch, Sft({}), GradientPath::linear);
  const at::Tensor exact = at::tensor(expected, at::kDouble).view({-1, 3}) / 2;
  // One weight is at most 1 (R / (l n) halved); 7 standard errors of a [0, 1] mean.
  CHECK((gradient - exact).abs().max().item<double>() < 7 * 0.5 / std::sqrt(double{rows}));
}

TEST_CASE("ScoreEngine: the gradient agrees with finite differences of the table",
          "[score][engine]") {
  const EngineWorld world;
  for (const auto& [name, objective] : objectives()) {
    const ObjectiveNeeds needs = objective.needs();
    const ScoreBatch batch = toy_batch(toy_texts(2, static_cast<std::size_t>(needs.group_size)),
                                       needs.group_size, MonteCarloElbo({.draws = 4}));
    const at::Tensor gradient = world.gradient(batch, objective, GradientPath::retain).first;
    const at::Tensor flat = gradient.view({-1});
    const c10::NoGradGuard no_grad;
    at::Tensor weights = world.policy->weights().view({-1});
    const auto loss = [&] {
      const ScoreSet set = world.engine().score(batch, totals_of(batch));
      return loss_of(objective)(set).loss_sum.item<double>();
    };
    int checked = 0;
    for (std::int64_t i = 0; i < flat.size(0) && checked < 12; ++i) {
      if (std::abs(flat[i].item<double>()) < 1e-3) continue;
      ++checked;
      weights[i].add_(1e-5);
      const double up = loss();
      weights[i].sub_(2e-5);
      const double down = loss();
      weights[i].add_(1e-5);
      INFO(name << ", entry " << i);
      CHECK((up - down) / 2e-5 == Approx(flat[i].item<double>()).epsilon(1e-5));
    }
    CHECK(checked == 12);
  }
}

TEST_CASE("ScoreEngine: four micro-batches of one add up to one of four", "[score][engine]") {
  const EngineWorld world;
  for (const auto& [name, objective] : objectives()) {
    if (name.find("parity") != std::string::npos) continue;  // differs by definition
    const ObjectiveNeeds needs = objective.needs();
    const auto size = static_cast<std::size_t>(needs.group_size);
    const auto texts = toy_texts(4, size);
    const ScoreBatch whole = toy_batch(texts, needs.group_size, MonteCarloElbo({.draws = 2}));
    for (const auto path : {GradientPath::retain, GradientPath::replay, GradientPath::pairwise,
                            GradientPath::linear}) {
      if (!is_allowed(path, needs)) continue;
      const auto [gradient, step] = world.gradient(whole, objective, path);
      world.policy->weights().mutable_grad() = at::Tensor();
      double loss = 0;
      std::map<std::string, Mean> metrics;
      for (std::size_t b = 0; b < 4; ++b) {
        ScoreBatch part;
        part.group_size = needs.group_size;
        for (std::size_t g = 0; g < size; ++g) part.plans.push_back(whole.plans[b * size + g]);
        const EngineStep done =
            world.engine().step(part, totals_of(whole), needs, loss_of(objective), path);
        loss += done.loss;
        for (const auto& [key, mean] : done.metrics) {
          metrics[key].sum += mean.sum;
          metrics[key].count += mean.count;
        }
      }
      INFO(name << ", " << to_string(path));
      CHECK(relative_distance(world.policy->weights().grad(), gradient) <= 1e-12);
      CHECK(loss == Approx(step.loss).epsilon(1e-12));
      for (const auto& [key, mean] : step.metrics) {
        INFO(key);
        CHECK(metrics[key].value() == Approx(mean.value()).epsilon(1e-12));
      }
    }
  }
}

TEST_CASE("ScoreEngine: llada_parity is the mean of the micro-batches' own means",
          "[score][engine]") {
  const EngineWorld world;
  const auto texts = toy_texts(3, 1);
  const ScoreBatch whole = toy_batch(texts, 1, MonteCarloElbo({.draws = 2}));
  StepTotals totals = totals_of(whole);
  totals.micro_batches = 2;
  double pretraining = 0, sft = 0, expected_pretraining = 0, expected_sft = 0;
  for (const auto& [first, last] : {std::pair<std::size_t, std::size_t>{0, 2}, {2, 3}}) {
    ScoreBatch part;
    double nats = 0, tokens = 0, per_token = 0;
    for (std::size_t i = first; i < last; ++i) part.plans.push_back(whole.plans[i]);
    const ScoreSet set = world.engine().score(part, totals);
    for (std::size_t i = 0; i < part.plans.size(); ++i) {
      const double s = set.policy[static_cast<std::int64_t>(i)][0].item<double>();
      const auto length = static_cast<double>(part.plans[i].num_scored);
      nats -= s, tokens += length, per_token -= s / length;
    }
    expected_pretraining += nats / tokens / 2;
    expected_sft += per_token / static_cast<double>(last - first) / 2;
    pretraining += loss_of(Pretraining({.llada_parity = true}))(set).loss_sum.item<double>();
    sft += loss_of(Sft({.llada_parity = true}))(set).loss_sum.item<double>();
  }
  CHECK(pretraining == Approx(expected_pretraining).epsilon(1e-13));
  CHECK(sft == Approx(expected_sft).epsilon(1e-13));
}

TEST_CASE("ScoreEngine: a policy equal to its reference has a margin of exactly zero",
          "[score][engine]") {
  const EngineWorld world(1, 1);
  for (const auto& [name, estimator] : estimators())
    for (const auto path : {GradientPath::retain, GradientPath::replay, GradientPath::pairwise}) {
      const ScoreBatch batch = toy_batch(toy_texts(3, 2), 2, estimator);
      const auto [gradient, step] = world.gradient(batch, Dpo({.beta = 0.4}), path, 11);
      INFO(name << ", " << to_string(path));
      CHECK((step.scores.policy - step.scores.reference).abs().max().item<double>() == 0.0);
      CHECK(step.loss == Approx(std::log(2.0)).epsilon(1e-15));
      CHECK(step.metrics.at("rewards/margins").value() == 0.0);
      CHECK(step.metrics.at("rewards/accuracies").value() == 0.5);  // all ties
      CHECK(gradient.norm().item<double>() > 0.0);
    }
}

TEST_CASE("ScoreEngine: policy and reference share a plan unless the ablation gives another",
          "[score][engine]") {
  const EngineWorld world(1, 1);
  ScoreBatch batch = toy_batch(toy_texts(2, 2), 2, MonteCarloElbo({.draws = 1}), 1);
  const auto other = toy_batch(toy_texts(2, 2), 2, MonteCarloElbo({.draws = 1}), 99).plans;
  batch.reference_plans = other;
  const auto [exact, step] = world.gradient(batch, Dpo({.beta = 0.4}), GradientPath::retain);
  CHECK((step.scores.policy - step.scores.reference).abs().max().item<double>() > 0.0);
  for (const auto path : {GradientPath::replay, GradientPath::pairwise}) {
    const auto [gradient, same] = world.gradient(batch, Dpo({.beta = 0.4}), path);
    CHECK(relative_distance(gradient, exact) <= 1e-10);
    CHECK(same.loss == Approx(step.loss).epsilon(1e-13));
  }
}

TEST_CASE("ScoreEngine: texts of which nothing is noised score zero and give no gradient",
          "[score][engine]") {
  const EngineWorld world;
  for (const std::int64_t size : {1, 2}) {
    ScoreBatch batch =
        toy_batch(toy_texts(2, static_cast<std::size_t>(size)), size, MonteCarloElbo({.draws = 1}));
    for (ScorePlan& plan : batch.plans)
      plan.tokens.clear(), plan.queries.clear(), plan.replicate.clear(), plan.slot.clear(),
          plan.times.clear();
    for (const auto path : {GradientPath::linear, GradientPath::retain, GradientPath::replay,
                            GradientPath::pairwise}) {
      const AnyObjective objective =
          size == 1 ? AnyObjective(Pretraining({})) : AnyObjective(Dpo({}));
      if (!is_allowed(path, objective.needs())) continue;
      const auto [gradient, step] = world.gradient(batch, objective, path);
      INFO(to_string(path));
      CHECK(gradient.norm().item<double>() == 0.0);
      CHECK(step.scores.policy.abs().max().item<double>() == 0.0);
      CHECK(step.forwards == 0);
    }
  }
}

TEST_CASE("ScoreEngine: parameters that do not require a gradient are left alone",
          "[score][engine]") {
  // A second parameter that the scores do not depend on, and that nobody trains.
  struct WithFrozen {
    std::shared_ptr<TableDenoiser> inner;
    at::Tensor frozen = at::zeros({3}, at::kDouble);
    at::Tensor hidden(const PackedTokens& batch) const { return inner->hidden(batch); }
    at::Tensor log_probabilities(const at::Tensor& rows, const at::Tensor& targets) const {
      return inner->log_probabilities(rows, targets);
    }
    at::Tensor logits(const at::Tensor& rows) const { return rows; }
    std::vector<NamedParameter> parameters() const {
      return {{"frozen", frozen}, {"table", inner->weights()}};
    }
    std::int64_t vocabulary_size() const { return 3; }
  };
  const EngineWorld world;
  const auto policy = std::make_shared<WithFrozen>(WithFrozen{world.policy});
  const auto reference = std::make_shared<WithFrozen>(WithFrozen{world.reference});
  const ScoreBatch batch = toy_batch(toy_texts(2, 2), 2, MonteCarloElbo({.draws = 2}));
  const AnyObjective objective = Dpo({});
  const at::Tensor exact = world.gradient(batch, objective, GradientPath::retain).first;
  const ScoreEngine<WithFrozen> engine(policy, reference);
  for (const auto path : {GradientPath::retain, GradientPath::replay, GradientPath::pairwise}) {
    world.policy->weights().mutable_grad() = at::Tensor();
    engine.step(batch, totals_of(batch), objective.needs(), loss_of(objective), path);
    CHECK(!policy->frozen.grad().defined());
    CHECK(!world.reference->weights().grad().defined());
    CHECK(relative_distance(world.policy->weights().grad(), exact) <= 1e-12);
  }
}

TEST_CASE("ScoreEngine: gradients accumulate on what is there", "[score][engine]") {
  const EngineWorld world;
  const ScoreBatch batch = toy_batch(toy_texts(2, 2), 2, FullTrajectory({.steps = 3}));
  const AnyObjective objective = Dpo({});
  for (const auto path : {GradientPath::retain, GradientPath::replay, GradientPath::pairwise}) {
    const at::Tensor once = world.gradient(batch, objective, path).first;
    world.policy->weights().mutable_grad() =
        at::full({world.policy->table().rows(), 3}, 0.5, at::kDouble);
    world.engine().step(batch, totals_of(batch), objective.needs(), loss_of(objective), path);
    CHECK(relative_distance(world.policy->weights().grad() - 0.5, once) <= 1e-12);
  }
}

TEST_CASE("ScoreEngine: forward passes and tokens are counted", "[score][engine]") {
  const EngineWorld world;
  const ScoreBatch batch = toy_batch(toy_texts(2, 2), 2, MonteCarloElbo({.draws = 3}));
  std::int64_t tokens = 0;
  for (const ScorePlan& plan : batch.plans) tokens += 3 * plan.length;
  for (const auto path : {GradientPath::retain, GradientPath::replay, GradientPath::pairwise}) {
    const EngineStep step = world.gradient(batch, Dpo({}), path).second;
    const int passes = path == GradientPath::replay ? 2 : 1;
    CHECK(step.forwards == passes * 12);
    CHECK(step.tokens == passes * tokens);
    CHECK(step.passes ==
          PassCounts{.nominal = 12, .evaluated = 12, .extra = (passes - 1) * 12, .reference = 12});
  }
}

TEST_CASE("ScoreEngine: copies without queries are asked for and not evaluated",
          "[score][engine]") {
  const EngineWorld world;
  // One token under Bernoulli noise: at most every second copy or so has a query.
  ScoreBatch batch =
      toy_batch(toy_texts(6, 2), 2, MonteCarloElbo({.draws = 4, .count = MaskCount::bernoulli}));
  std::int64_t copies = 0;
  for (const ScorePlan& plan : batch.plans) copies += plan.copies();
  REQUIRE(copies < 6 * 2 * 4);
  const PassCounts passes = world.gradient(batch, Dpo({}), GradientPath::retain).second.passes;
  CHECK(passes.nominal == 6 * 2 * 4);
  CHECK(passes.evaluated == copies);
  CHECK(passes.reference == copies);
  CHECK(passes.extra == 0);
}
