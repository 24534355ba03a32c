// SPDX-License-Identifier: MIT
// Noise of blocks: two-stream plans against the enumeration of every block given the clean ones
// before it.  Statistical checks: support/estimator_laws.hpp.
#include <algorithm>
#include <cmath>

#include "lldm/errors.hpp"
#include "lldm/estimator/any_order.hpp"
#include "lldm/estimator/block_aligned.hpp"
#include "lldm/estimator/exact.hpp"
#include "lldm/estimator/full_trajectory.hpp"
#include "lldm/estimator/monte_carlo_elbo.hpp"
#include "lldm/estimator/one_step.hpp"
#include "lldm/estimator/segmented.hpp"
#include "lldm/forward/block_masked.hpp"
#include "lldm/objective/pretraining.hpp"
#include "lldm/score/engine.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/engine_world.hpp"
#include "support/exact_moments.hpp"
#include "support/pattern_table.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

constexpr int kDraws = 30000;

BlockMaskedProcess blocks_of(std::int64_t size, const AnyNoiseSchedule& schedule) {
  return {size, MaskedProcess(3, schedule)};
}

/// A text, its process and, per block, the subset table given the clean blocks before it.
struct BlockWorld {
  ToyTable model{3, 5, 1};
  Text text;
  std::int64_t block_size;
  AnyForwardProcess process;
  std::vector<SubsetTable> blocks = {};

  BlockWorld(std::int64_t prompt, std::int64_t size, std::int64_t block,
             const AnyNoiseSchedule& schedule = LinearSchedule())
      : block_size(block), process(blocks_of(block, schedule)) {
    Stream stream = Draws(1, "text").stream(Purpose::data);
    for (std::int64_t i = 0; i < prompt; ++i) text.prompt.push_back(stream.below(3));
    for (std::int64_t i = 0; i < size; ++i) text.response.push_back(stream.below(3));
    for (std::int64_t begin = 0; begin < size; begin += block) {
      Text one{text.prompt, {}, -1};
      one.prompt.insert(one.prompt.end(), text.response.begin(), text.response.begin() + begin);
      one.response.assign(text.response.begin() + begin,
                          text.response.begin() + std::min(size, begin + block));
      blocks.push_back(subset_table(model, one));
    }
  }
  [[nodiscard]] std::size_t block_of(std::int64_t position) const {
    return static_cast<std::size_t>((position - static_cast<std::int64_t>(text.prompt.size())) /
                                    block_size);
  }
  /// Which positions of block b a copy hides.
  [[nodiscard]] std::size_t subset_in(const ScorePlan& plan, std::int64_t copy,
                                      std::size_t b) const {
    std::size_t subset = 0;
    for (std::size_t i = 0; i < blocks[b].size; ++i)
      if (plan.copy(copy)[text.prompt.size() + b * static_cast<std::size_t>(block_size) + i] == 3)
        subset |= std::size_t{1} << i;
    return subset;
  }
  /// The plan as weights on every block's table.
  [[nodiscard]] std::vector<std::vector<double>> weights(const ScorePlan& plan) const {
    std::vector<std::vector<double>> all;
    for (const SubsetTable& block : blocks) all.emplace_back(block.logp.size(), 0.0);
    for (const Query& query : plan.queries) {
      const std::size_t b = block_of(query.position);
      const auto i = static_cast<std::size_t>(query.position) - text.prompt.size() -
                     b * static_cast<std::size_t>(block_size);
      all[b][subset_in(plan, query.copy, b) * blocks[b].size + i] += query.weight;
    }
    return all;
  }
  [[nodiscard]] double score(const std::vector<std::vector<double>>& weights) const {
    double sum = 0;
    for (std::size_t b = 0; b < blocks.size(); ++b) sum += dot(weights[b], blocks[b].logp);
    return sum;
  }
};

/// Copies are 2 L tokens: the noised half, then the text itself; queries ask noised positions.
std::string two_stream_failure(const BlockWorld& world, const ScorePlan& plan) {
  const std::int64_t half = world.text.length();
  if (plan.length != 2 * half) return "a copy is not two halves";
  const AttentionPattern expected{AttentionPattern::Kind::two_stream,
                                  static_cast<std::int64_t>(world.text.prompt.size()),
                                  world.block_size};
  if (!(plan.attention == expected)) return "another attention";
  std::vector<std::int64_t> clean = world.text.prompt;
  clean.insert(clean.end(), world.text.response.begin(), world.text.response.end());
  for (std::int64_t c = 0; c < plan.copies(); ++c) {
    const auto copy = plan.copy(c);
    if (!std::equal(clean.begin(), clean.end(), copy.begin() + half))
      return "the clean half is not the text";
    for (std::size_t i = 0; i < clean.size(); ++i)
      if (copy[i] != clean[i] && (copy[i] != 3 || i < world.text.prompt.size()))
        return "the noised half differs beyond masks on the response";
  }
  for (const Query& query : plan.queries)
    if (query.position >= half ||
        plan.copy(query.copy)[static_cast<std::size_t>(query.position)] != 3)
      return "a query asks what is not noised";
  return "";
}

/// Mean of S and of every weight (its gradient), and the variance where it is given.
std::string law_failure(const BlockWorld& world, const AnyScoreEstimator& estimator,
                        const std::vector<std::vector<double>>& target,
                        std::optional<double> variance) {
  const Draws source(7, "conformance");
  Sampled score, squares;
  std::vector<std::vector<Sampled>> cells;
  for (const auto& block : target) cells.emplace_back(block.size());
  const double exact = world.score(target);
  for (int row = 0; row < kDraws; ++row) {
    const ScorePlan plan = estimator.plan(world.text, world.process,
                                          draws_of(source, static_cast<std::uint64_t>(row)));
    if (row < 50)
      if (const std::string wrong = two_stream_failure(world, plan); !wrong.empty()) return wrong;
    const auto weights = world.weights(plan);
    const double s = plan.constant + world.score(weights);
    score.add(s);
    squares.add((s - exact) * (s - exact));
    for (std::size_t b = 0; b < cells.size(); ++b)
      for (std::size_t c = 0; c < cells[b].size(); ++c) cells[b][c].add(weights[b][c]);
  }
  if (!score.agrees(exact))
    return message("mean ", score.mean(), ", exact ", exact, ", allowed ", score.allowed());
  if (variance && !squares.agrees(*variance))
    return message("variance ", squares.mean(), ", exact ", *variance, ", allowed ",
                   squares.allowed());
  for (std::size_t b = 0; b < cells.size(); ++b)
    for (std::size_t c = 0; c < cells[b].size(); ++c)
      if (!cells[b][c].agrees(target[b][c]))
        return message("block ", b, ", weight ", c, ": ", cells[b][c].mean(), ", exact ",
                       target[b][c]);
  return "";
}

template <class Weights>
std::vector<std::vector<double>> by_block(const BlockWorld& world, const Weights& weights) {
  std::vector<std::vector<double>> all;
  for (const SubsetTable& block : world.blocks) all.push_back(weights(block.size));
  return all;
}

/// Blocks draw independently: their variances add.
template <class Of>
double sum_of_variances(const BlockWorld& world, const Of& of) {
  double sum = 0;
  for (const SubsetTable& block : world.blocks) sum += of(block).variance;
  return sum;
}

std::vector<int> counts_to(std::size_t size) {
  std::vector<int> list;
  for (int l = 1; l <= static_cast<int>(size); ++l) list.push_back(l);
  return list;
}

}  // namespace

TEST_CASE("BlockMaskedProcess is `masked` inside a block", "[conformance][forward]") {
  for (const NamedSchedule& named : named_schedules()) {
    const AnyForwardProcess block = blocks_of(4, named.schedule);
    const AnyForwardProcess plain = MaskedProcess(3, named.schedule);
    CHECK(block.block_size() == 4);
    CHECK(plain.block_size() == 0);
    CHECK(block.is_absorbing());
    for (const double t : {0.2, 0.7, 1.0}) {
      CHECK(block.alpha(t) == plain.alpha(t));
      CHECK(block.elbo_weight(t) == plain.elbo_weight(t));
      CHECK(block.reveal_probability(0.1, t) == plain.reveal_probability(0.1, t));
      CHECK(block.inverse_alpha(0.5) == plain.inverse_alpha(0.5));
    }
  }
  CHECK_THROWS_AS(blocks_of(0, LinearSchedule()), ConfigError);
}

TEST_CASE("monte_carlo_elbo over blocks, counts: block_elbo, mean, gradient and variance",
          "[conformance][estimator]") {
  struct Case {
    std::int64_t prompt, size, block;
  };
  for (const auto& [prompt, size, block] : {Case{1, 4, 2}, Case{0, 5, 2}, Case{2, 3, 5}}) {
    const BlockWorld world(prompt, size, block);
    const auto target = by_block(world, elbo_weights);
    INFO("P " << prompt << ", R " << size << ", B " << block);
    CHECK(law_failure(world, MonteCarloElbo({.draws = 2}), target,
                      sum_of_variances(world, [](const SubsetTable& table) {
                        const auto all = counts_to(table.size);
                        return design_moments(table, product_design({all, all}), 1);
                      })) == "");
    CHECK(law_failure(world, MonteCarloElbo({.draws = 2, .pairing = DrawPairing::antithetic}),
                      target, sum_of_variances(world, [](const SubsetTable& table) {
                        return antithetic_moments(table, 2, 1);
                      })) == "");
    CHECK(law_failure(world, MonteCarloElbo({.draws = 2, .masks_per_time = 2}), target,
                      sum_of_variances(world, [](const SubsetTable& table) {
                        return design_moments(table, product_design({counts_to(table.size)}), 2);
                      })) == "");
  }
}

TEST_CASE("monte_carlo_elbo over blocks, times: a time per block, truncated block_elbo",
          "[conformance][estimator]") {
  for (const NamedSchedule& named : named_schedules()) {
    const BlockWorld world(1, 4, 2, named.schedule);
    const double eps = 0.1;
    INFO(named.name);
    const auto target = by_block(world, [&](std::size_t size) {
      return truncated_weights(size, eps, named.formula.alpha(eps), named.formula.alpha(1.0));
    });
    CHECK(law_failure(world,
                      MonteCarloElbo({.draws = 2, .count = MaskCount::bernoulli, .time_min = eps}),
                      target, sum_of_variances(world, [&](const SubsetTable& table) {
                        return strata_moments(table, named.formula, eps, 1, 2, 1);
                      })) == "");
    CHECK(law_failure(world,
                      MonteCarloElbo({.draws = 2,
                                      .count = MaskCount::bernoulli,
                                      .pairing = DrawPairing::antithetic,
                                      .time_min = eps}),
                      target, sum_of_variances(world, [&](const SubsetTable& table) {
                        return antithetic_time_moments(table, named.formula, eps, 2, 1);
                      })) == "");
  }
}

TEST_CASE("full_trajectory and segmented over blocks: every block walks its own path",
          "[conformance][estimator]") {
  const BlockWorld world(1, 4, 2, CosineSchedule());
  const auto alphas = closed_alphas(3, [](double t) { return CosineSchedule().alpha(t); });
  const auto target =
      by_block(world, [&](std::size_t size) { return trajectory_weights(size, alphas); });
  for (const bool expected : {false, true})
    CHECK(law_failure(world,
                      FullTrajectory({.steps = 3,
                                      .reveal = expected ? TrajectoryReveal::expected
                                                         : TrajectoryReveal::sampled}),
                      target, sum_of_variances(world, [&](const SubsetTable& table) {
                        return path_moments(table, alphas, expected);
                      })) == "");
  // Blocks share which steps are drawn: the variance is not the sum.
  CHECK(law_failure(world, Segmented({.steps = 3, .segments = 1, .steps_per_segment = 2}), target,
                    std::nullopt) == "");
}

TEST_CASE("One block is elbo, blocks of one token the chain rule", "[conformance][estimator]") {
  const BlockWorld whole(1, 4, 8);
  REQUIRE(whole.blocks.size() == 1);
  const MonteCarloElbo estimator({.draws = 3, .pairing = DrawPairing::stratified});
  const Draws source(3, "whole");
  for (std::uint64_t row = 0; row < 20; ++row) {
    const ScorePlan ours = estimator.plan(whole.text, whole.process, draws_of(source, row));
    const ScorePlan plain =
        estimator.plan(whole.text, MaskedProcess(3, LinearSchedule()), draws_of(source, row));
    REQUIRE(ours.queries.size() == plain.queries.size());
    CHECK(ours.replicate == plain.replicate);
    for (std::size_t q = 0; q < plain.queries.size(); ++q) {
      CHECK(ours.queries[q].position == plain.queries[q].position);
      CHECK(ours.queries[q].weight == plain.queries[q].weight);
    }
  }
  const BlockWorld single(1, 4, 1);
  const ScorePlan plan =
      MonteCarloElbo({.draws = 1}).plan(single.text, single.process, draws_of(source, 0));
  double chain = 0;
  for (const SubsetTable& block : single.blocks) chain += block.at(1, 0);
  CHECK(single.score(single.weights(plan)) == Approx(chain).epsilon(1e-12));
}

TEST_CASE("The engine scores two-stream plans as the enumeration does, on every gradient path",
          "[conformance][engine]") {
  const auto policy = std::make_shared<PatternTable>(ToyTable(3, 5, 1));
  const ScoreEngine<PatternTable> engine(policy, nullptr, "cpu", EngineOptions{24});
  const Draws source(5, "engine");
  ScoreBatch batch;
  std::vector<double> exact;
  for (const std::int64_t size : {4, 3, 1}) {
    const BlockWorld world(1, size, 2);
    const ScorePlan plan =
        MonteCarloElbo({.draws = 3})
            .plan(world.text, world.process, draws_of(source, static_cast<std::uint64_t>(size)));
    exact.push_back(world.score(world.weights(plan)));
    batch.plans.push_back(plan);
  }
  const at::Tensor scores = engine.score(batch).policy.contiguous();
  for (std::size_t i = 0; i < exact.size(); ++i)
    CHECK(scores.const_data_ptr<double>()[i] == Approx(exact[i]).epsilon(1e-12));
  const AnyObjective objective = Pretraining({});
  std::vector<at::Tensor> gradients;
  for (const GradientPath path :
       {GradientPath::linear, GradientPath::retain, GradientPath::replay}) {
    policy->weights().mutable_grad() = at::Tensor();
    const EngineStep step =
        engine.step(batch, totals_of(batch), objective.needs(), loss_of(objective), path);
    CHECK(step.loss == Approx(-(exact[0] + exact[1] + exact[2]) / 8).epsilon(1e-12));
    gradients.push_back(policy->weights().grad().clone());
  }
  CHECK(relative_distance(gradients[1], gradients[0]) < 1e-12);
  CHECK(relative_distance(gradients[2], gradients[0]) < 1e-12);
}

TEST_CASE("Targets over blocks name block, attention and bias", "[conformance][estimator]") {
  const AnyForwardProcess process = blocks_of(8, LinearSchedule());
  const AnyScoreEstimator counts = MonteCarloElbo({});
  CHECK(counts.target(20, process).name == "block_elbo(8, two_stream)");
  CHECK(counts.target(20, process).name != AnyScoreEstimator(BlockAligned({.block_length = 8}))
                                               .target(20)
                                               .name);  // another conditioning
  CHECK(counts.target(20, MaskedProcess(3, LinearSchedule())).name == "elbo");
  CHECK(
      AnyScoreEstimator(MonteCarloElbo({.count = MaskCount::bernoulli})).target(20, process).name ==
      "block_elbo_truncated(8, 0.001, two_stream)");
  CHECK(AnyScoreEstimator(FullTrajectory({.steps = 4})).target(20, process).name ==
        "block_trajectory_elbo(8, 4, uniform_time, two_stream)");
  // LLaDA's rounding of 2 draws is exact for even blocks alone; the last block has 4 or 3 tokens.
  const MonteCarloElbo rounding({.draws = 2, .pairing = DrawPairing::llada_rounding});
  CHECK(rounding.target(20, process).is_unbiased);
  CHECK(!rounding.target(19, process).is_unbiased);
}

TEST_CASE("Noise of blocks: what no block has a meaning for is refused by name",
          "[conformance][estimator]") {
  const BlockWorld world(1, 4, 2);
  const Draws source(1, "refusals");
  const auto plan = [&](const AnyScoreEstimator& estimator) {
    return estimator.plan(world.text, world.process, draws_of(source, 0));
  };
  CHECK_THROWS_WITH(
      plan(OneStep({})),
      "score estimator \"one_step\" does not score noise of blocks\n  use score_estimator = "
      "\"monte_carlo_elbo\", \"full_trajectory\" or \"segmented\", or forward_process = "
      "\"masked\"");
  CHECK_THROWS_AS(plan(AnyOrder({})), ConfigError);
  CHECK_THROWS_AS(plan(Exact({})), ConfigError);
  CHECK_THROWS_AS(plan(BlockAligned({.block_length = 2})), ConfigError);
  CHECK_THROWS_WITH(plan(FullTrajectory({.path = TrajectoryPath::denoised})),
                    contains("over noise of blocks\n  path = \"denoised\""));
}
