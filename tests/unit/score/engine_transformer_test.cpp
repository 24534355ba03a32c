// SPDX-License-Identifier: MIT
// The gradient paths on a real transformer, in float64 and float32.
#include <algorithm>
#include <functional>

#include "lldm/errors.hpp"
#include "lldm/estimator/full_trajectory.hpp"
#include "lldm/estimator/monte_carlo_elbo.hpp"
#include "lldm/estimator/segmented.hpp"
#include "lldm/memory/manager.hpp"
#include "lldm/model/transformer.hpp"
#include "lldm/objective/dpo.hpp"
#include "lldm/objective/ipo.hpp"
#include "lldm/objective/sft.hpp"
#include "support/catch.hpp"
#include "support/engine_world.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

std::shared_ptr<Transformer> tiny_model(std::uint64_t seed, at::ScalarType dtype) {
  const TransformerConfig config{.width = 32,
                                 .layers = 2,
                                 .heads = 4,
                                 .kv_heads = 2,
                                 .mlp_width = 48,
                                 .vocabulary = 4,
                                 .logit_columns = 4,
                                 .max_length = 16};
  return make_transformer(config, {.head_std = 0.5}, Draws(seed, "model"), dtype);
}

/// All gradients behind one another, float64, and what the step said.
std::pair<at::Tensor, EngineStep> gradient(const std::shared_ptr<Transformer>& policy,
                                           const std::shared_ptr<Transformer>& reference,
                                           const ScoreBatch& batch, const AnyObjective& objective,
                                           GradientPath path, std::int64_t tokens,
                                           std::int64_t scoring_factor = 1) {
  for (NamedParameter& parameter : policy->parameters())
    parameter.value.mutable_grad() = at::Tensor();
  const ScoreEngine<Transformer> engine(
      policy, reference, "cpu",
      EngineOptions{.max_tokens_per_forward = tokens, .scoring_factor = scoring_factor});
  EngineStep step =
      engine.step(batch, totals_of(batch), objective.needs(), loss_of(objective), path);
  std::vector<at::Tensor> gradients;
  for (const NamedParameter& parameter : policy->parameters()) {
    REQUIRE(parameter.value.grad().defined());
    gradients.push_back(parameter.value.grad().to(at::kDouble).reshape({-1}));
  }
  return {at::cat(gradients), step};
}

}  // namespace

TEST_CASE("ScoreEngine: the gradient paths agree on a LLaDA transformer", "[score][engine]") {
  for (const auto dtype : {at::kDouble, at::kFloat}) {
    const double allowed = dtype == at::kDouble ? 1e-10 : 1e-4;
    const auto policy = tiny_model(1, dtype), reference = tiny_model(2, dtype);
    policy->set_trainable(true);
    reference->set_trainable(false);
    const std::vector<AnyScoreEstimator> estimators{
        FullTrajectory({.steps = 3}), MonteCarloElbo({.draws = 3}),
        Segmented({.steps = 4, .segments = 2, .steps_per_segment = 1})};
    const std::vector<AnyObjective> objectives{
        Sft({}), Dpo({.beta = 0.3}), Ipo({.beta = 0.2, .normalize = Normalize::response_length}),
        WeightedSum({{"dpo", Dpo({.beta = 0.2}), 1.0}, {"sft", Sft({}), 0.05}})};
    for (std::size_t o = 0; o < objectives.size(); ++o)
      for (std::size_t e = 0; e < estimators.size(); ++e) {
        const auto size = objectives[o].needs().group_size;
        const ScoreBatch batch =
            toy_batch(toy_texts(2, static_cast<std::size_t>(size)), size, estimators[e]);
        const auto exact =
            gradient(policy, reference, batch, objectives[o], GradientPath::retain, 16384).first;
        REQUIRE(exact.norm().item<double>() > 1e-3);
        const auto third = size == 1 ? GradientPath::linear : GradientPath::pairwise;
        for (const auto path : {GradientPath::retain, GradientPath::replay, third})
          for (const std::int64_t tokens : {1, 16384}) {
            INFO("objective " << o << ", estimator " << e << ", " << to_string(path) << ", "
                              << tokens << " tokens a forward");
            const auto got = gradient(policy, reference, batch, objectives[o], path, tokens).first;
            CHECK(relative_distance(got, exact) <= allowed);
          }
      }
  }
}

TEST_CASE("ScoreEngine: a transformer equal to its reference has a margin of exactly zero",
          "[score][engine]") {
  const auto policy = tiny_model(1, at::kFloat), reference = tiny_model(1, at::kFloat);
  policy->set_trainable(true);
  reference->set_trainable(false);
  const ScoreBatch batch = toy_batch(toy_texts(3, 2), 2, MonteCarloElbo({.draws = 4}));
  for (const auto path : {GradientPath::retain, GradientPath::replay, GradientPath::pairwise})
    for (const std::int64_t tokens : {11, 16384}) {
      const auto step = gradient(policy, reference, batch, Dpo({}), path, tokens).second;
      INFO(to_string(path) << ", " << tokens << " tokens a forward");
      CHECK((step.scores.policy - step.scores.reference).abs().max().item<double>() == 0.0);
      CHECK(step.loss == Approx(std::log(2.0)).epsilon(1e-15));
    }
}

TEST_CASE("ScoreEngine: a fresh adapter and its reference have a DPO loss of exactly log 2",
          "[score][engine]") {
  const auto policy = tiny_model(1, at::kFloat);
  policy->add_adapter({.rank = 2, .alpha = 4}, Draws(3, "adapter"));
  const auto reference = clone_frozen(*policy);
  const ScoreBatch batch = toy_batch(toy_texts(3, 2), 2, MonteCarloElbo({.draws = 4}));
  for (const auto path : {GradientPath::retain, GradientPath::replay, GradientPath::pairwise}) {
    const auto step = gradient(policy, reference, batch, Dpo({}), path, 16384).second;
    CHECK(step.loss == std::log(2.0));
  }
}

TEST_CASE("ScoreEngine: a reference that takes more copies a pass gives the same bits",
          "[score][engine]") {
  CHECK(scoring_factor(2, true) == 1);
  CHECK(scoring_factor(12, true) == 4);
  CHECK(scoring_factor(32, true) == 5);
  CHECK(scoring_factor(32, false) == 1);
  const auto policy = tiny_model(1, at::kFloat);
  policy->add_adapter({.rank = 2, .alpha = 4}, Draws(3, "adapter"));
  const auto fresh = clone_frozen(*policy), other = tiny_model(2, at::kFloat);
  other->set_trainable(false);
  // 24 copies: six passes of four, or one of twenty and one of four.
  const ScoreBatch batch = toy_batch(toy_texts(3, 2), 2, MonteCarloElbo({.draws = 24}));
  const auto pairwise = GradientPath::pairwise;
  CHECK(gradient(policy, fresh, batch, Dpo({}), pairwise, 16384, 5).second.loss == std::log(2.0));
  const auto few = gradient(policy, other, batch, Dpo({}), pairwise, 16384, 1);
  const auto many = gradient(policy, other, batch, Dpo({}), pairwise, 16384, 5);
  CHECK(few.second.scores.reference.equal(many.second.scores.reference));
  CHECK(few.first.equal(many.first));
  CHECK(few.second.loss != std::log(2.0));
}

TEST_CASE("ScoreEngine: scoring that does not fit goes on in smaller passes, with the same bits",
          "[score][engine][memory]") {
  const auto policy = tiny_model(1, at::kFloat);
  // Copies that are all read at once, and those of the model's own path, one after the other.
  const std::vector<AnyScoreEstimator> estimators{
      MonteCarloElbo({.draws = 64}),
      FullTrajectory({.steps = 3, .path = TrajectoryPath::denoised, .replicates = 16})};
  for (const AnyScoreEstimator& estimator : estimators) {
    const ScoreBatch batch = toy_batch(toy_texts(24, 2), 2, estimator);
    MemoryManager memory;
    memory.install();
    std::vector<std::int64_t> told;
    const ScoreEngine<Transformer> engine(
        policy, nullptr, "cpu",
        EngineOptions{.on_smaller_passes = [&](std::int64_t tokens) { told.push_back(tokens); }});
    const auto live = [&] { return memory.report().find(MemoryDevice::cpu)->total.current_bytes; };
    const MemoryManager::Watch watch(memory);
    const std::vector<double> whole = engine.readouts(batch.plans, false);
    const std::int64_t needs = watch.growth_bytes(MemoryDevice::cpu);
    REQUIRE(told.empty());
    memory.set_budget(MemoryDevice::cpu, {live() + needs / 3});
    const std::vector<double> parts = engine.readouts(batch.plans, false);
    const auto times = told.size();
    CHECK(times >= 2);  // halves do not fit either
    CHECK(std::ranges::is_sorted(told, std::ranges::greater{}));
    CHECK(parts == whole);
    CHECK(engine.readouts(batch.plans, false) == whole);
    CHECK(told.size() == times);  // what was found is kept
    memory.set_budget(MemoryDevice::cpu, {live() + 2048});
    std::string refused;
    try {
      (void)engine.readouts(batch.plans, false);
    } catch (const OutOfMemory& error) {
      refused = error.what();
    }
    memory.set_budget(MemoryDevice::cpu, {0});
    CHECK(refused.find("out of cpu memory") == 0);
    CHECK(refused.find("is scored by itself already") != std::string::npos);
    CHECK(refused.find("micro-batch") == std::string::npos);
  }
}
