// SPDX-License-Identifier: MIT
// Uniform-state noise: its posterior against Bayes' rule, and the bound that full_trajectory and
// segmented estimate over it against the enumeration of all paths.
//
// Statistical checks: support/estimator_laws.hpp (below 1e-6 for all of them together).
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cmath>

#include "lldm/errors.hpp"
#include "lldm/estimator/full_trajectory.hpp"
#include "lldm/estimator/monte_carlo_elbo.hpp"
#include "lldm/estimator/one_step.hpp"
#include "lldm/estimator/segmented.hpp"
#include "lldm/forward/uniform.hpp"
#include "lldm/objective/pretraining.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/engine_world.hpp"
#include "support/uniform_by_enumeration.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

UniformProcess over(std::int64_t states, const AnyNoiseSchedule& schedule = LinearSchedule()) {
  return {0, states - 1, -1, schedule};
}

struct Levels {
  double alpha_s, alpha_t;
};
constexpr Levels kLevels[] = {{1.0, 0.7}, {0.7, 0.3}, {0.3, 0.0}, {1.0, 0.0}, {0.51, 0.5}};

double functional(const ReverseStep& step, std::int64_t x_s, const std::vector<double>& row) {
  return step.readout.constant + step.readout.of_target * row[static_cast<std::size_t>(x_s)] +
         step.readout.of_other * row[static_cast<std::size_t>(step.readout.other)];
}

/// A random row of V probabilities that sum to `mass`.
std::vector<double> random_row(std::int64_t states, double mass, Stream& stream) {
  std::vector<double> row;
  double sum = 0;
  for (std::int64_t v = 0; v < states; ++v) sum += row.emplace_back(stream.uniform_open());
  for (double& p : row) p *= mass / sum;
  return row;
}

/// S of a plan and dS / d logits of the toy, from the plan's own readouts.
struct Scored {
  double value;
  std::vector<double> gradient;
};
Scored score(const ToyTable& model, const ScorePlan& plan) {
  Scored out{plan.constant,
             std::vector<double>(static_cast<std::size_t>(model.rows() * model.vocabulary()))};
  for (std::size_t q = 0; q < plan.queries.size(); ++q) {
    const Query& query = plan.queries[q];
    const PosteriorReadout& readout = plan.posteriors[q];
    std::vector<double> row;
    for (std::int64_t v = 0; v < model.vocabulary(); ++v)
      row.push_back(std::exp(model.log_probability(plan.copy(query.copy), query.position, v)));
    const double f = functional({readout, 0}, query.target, row);
    out.value += query.weight * std::log(f);
    const auto first = static_cast<std::size_t>(model.row(plan.copy(query.copy), query.position) *
                                                model.vocabulary());
    for (std::size_t c = 0; c < row.size(); ++c)
      for (const auto& [token, factor] :
           {std::pair{query.target, readout.of_target}, std::pair{readout.other, readout.of_other}})
        out.gradient[first + c] += query.weight * factor * row[static_cast<std::size_t>(token)] *
                                   ((c == static_cast<std::size_t>(token) ? 1.0 : 0.0) - row[c]) /
                                   f;
  }
  return out;
}

/// log p(target) where the toy's own exponentials would overflow.
double shifted_log_probability(const ToyTable& model, std::span<const std::int64_t> tokens,
                               const Query& query) {
  const double* row =
      model.logits().data() + model.row(tokens, query.position) * model.vocabulary();
  const double peak = *std::max_element(row, row + model.vocabulary());
  double sum = 0;
  for (std::int64_t v = 0; v < model.vocabulary(); ++v) sum += std::exp(row[v] - peak);
  return row[query.target] - peak - std::log(sum);
}

Text text_of(std::size_t size, std::int64_t states, std::uint64_t seed) {
  Stream stream = Draws(seed, "text").stream(Purpose::data);
  Text text{.prompt = {stream.below(states)}, .response = {}, .scored = -1};
  for (std::size_t i = 0; i < size; ++i) text.response.push_back(stream.below(states));
  return text;
}

std::string bound_failure(const ToyTable& model, const Text& text, const AnyForwardProcess& process,
                          const AnyScoreEstimator& estimator, const UniformEnumeration& exact,
                          int draws, bool has_variance) {
  const Draws source(11, "conformance");
  Sampled value, squares;
  std::vector<Sampled> cells(exact.gradient().size());
  for (int row = 0; row < draws; ++row) {
    const ScorePlan plan =
        estimator.plan(text, process, draws_of(source, static_cast<std::uint64_t>(row)));
    const Scored scored = score(model, plan);
    value.add(scored.value);
    squares.add(std::pow(scored.value - exact.elbo(), 2));
    for (std::size_t c = 0; c < cells.size(); ++c) cells[c].add(scored.gradient[c]);
  }
  if (!value.agrees(exact.elbo()))
    return message("mean ", value.mean(), ", exact ", exact.elbo(), ", allowed ", value.allowed());
  if (has_variance && !squares.agrees(exact.variance()))
    return message("variance ", squares.mean(), ", exact ", exact.variance(), ", allowed ",
                   squares.allowed());
  for (std::size_t c = 0; c < cells.size(); ++c)
    if (!cells[c].agrees(exact.gradient()[c]))
      return message("gradient ", c, ": ", cells[c].mean(), ", exact ", exact.gradient()[c],
                     ", allowed ", cells[c].allowed());
  return "";
}

}  // namespace

TEST_CASE("UniformProcess: the posterior is Bayes' rule and sums to 1", "[conformance][forward]") {
  for (const std::int64_t states : {2, 3, 4}) {
    const AnyForwardProcess process = over(states);
    REQUIRE(process.has_posterior());
    CHECK(!process.is_absorbing());
    CHECK(process.readout() == Readout::log_posterior);
    for (const auto& [alpha_s, alpha_t] : kLevels)
      for (std::int64_t x_t = 0; x_t < states; ++x_t)
        for (std::int64_t x_0 = 0; x_0 < states; ++x_0) {
          double sum = 0;
          for (std::int64_t x_s = 0; x_s < states; ++x_s) {
            const double exact = uniform_posterior(states, alpha_s, alpha_t, x_s, x_t, x_0);
            const double q =
                std::exp(process.reverse_step(alpha_s, alpha_t, x_s, x_t, x_0).log_posterior);
            INFO(alpha_s << " <- " << alpha_t << ": " << x_s << " | " << x_t << ", " << x_0);
            CHECK(q == Approx(exact).epsilon(1e-12).margin(1e-15));
            sum += q;
          }
          CHECK(sum == Approx(1.0).epsilon(1e-12));
        }
  }
}

TEST_CASE("UniformProcess: the readout is the posterior's mean under the row",
          "[conformance][forward]") {
  Stream stream = Draws(2, "rows").stream(Purpose::data);
  for (const std::int64_t states : {2, 3, 4})
    for (const auto& [alpha_s, alpha_t] : kLevels)
      for (std::int64_t x_t = 0; x_t < states; ++x_t) {
        const auto row = random_row(states, 1.0, stream);
        const auto leaky = random_row(states, 0.6, stream);  // 0.4 on ids that are no states
        double sum = 0, lost = 0;
        for (std::int64_t x_s = 0; x_s < states; ++x_s) {
          double exact = 0;
          for (std::int64_t c = 0; c < states; ++c)
            exact += uniform_posterior(states, alpha_s, alpha_t, x_s, x_t, c) *
                     row[static_cast<std::size_t>(c)];
          const ReverseStep step = over(states).reverse_step(alpha_s, alpha_t, x_s, x_t, 0);
          CHECK(step.readout.other == x_t);
          CHECK(functional(step, x_s, row) == Approx(exact).epsilon(1e-12).margin(1e-15));
          sum += functional(step, x_s, row);
          lost += functional(step, x_s, leaky);
        }
        CHECK(sum == Approx(1.0).epsilon(1e-12));
        // Other ids count as none of the states: a sub-distribution, so the bound stays one.
        CHECK(lost == Approx(0.6 + 0.4 * (1 - alpha_s) / (1 - alpha_t)).epsilon(1e-12));
      }
}

TEST_CASE("UniformProcess: nothing happens between equal levels; the last step reads the text",
          "[conformance][forward]") {
  const UniformProcess process = over(3);
  const ReverseStep still = process.reverse_step(0.4, 0.4, 2, 2, 0);
  CHECK(still.log_posterior == 0.0);
  CHECK(functional(still, 2, {0.2, 0.3, 0.5}) == 1.0);
  for (std::int64_t x_t = 0; x_t < 3; ++x_t) {
    const ReverseStep last = process.reverse_step(1.0, 0.4, 1, x_t, 1);
    CHECK(last.log_posterior == Approx(0.0).margin(1e-15));
    CHECK(last.readout.constant == 0.0);
    CHECK(last.readout.of_target == Approx(1.0));
    CHECK(last.readout.of_other == 0.0);
  }
  for (const double alpha : {0.0, 0.15, 0.6, 1.0}) {
    double divergence = 0;
    for (std::int64_t v = 0; v < 3; ++v)
      if (const double q = uniform_transition(3, alpha, 0, v); q > 0)
        divergence += q * std::log(3 * q);
    CHECK(process.prior_divergence(alpha) == Approx(divergence).margin(1e-15));
  }
}

TEST_CASE("UniformProcess: alpha and reveal probabilities are those of `not redrawn yet`",
          "[conformance][forward]") {
  for (const NamedSchedule& named : named_schedules()) {
    const AnyForwardProcess process = over(3, named.schedule);
    for (const double t : {0.2, 0.6, 1.0})
      for (const double s : {0.0, 0.1, 0.2}) {
        CHECK(process.alpha(t) == named.schedule.alpha(t));
        CHECK(process.alpha(t) + (1 - process.alpha(t)) * process.reveal_probability(s, t) ==
              Approx(process.alpha(s)).epsilon(1e-12));
      }
  }
}

TEST_CASE("UniformProcess: noise shows every state alike, and no other token",
          "[conformance][forward]") {
  const UniformProcess process(2, 6, 4, LinearSchedule());  // 2, 3, 5, 6
  CHECK(process.num_states() == 4);
  Stream draws = Draws(1, "noise").stream(Purpose::noise);
  std::vector<Sampled> shown(8);
  for (int n = 0; n < 20000; ++n) {
    std::vector<std::int64_t> tokens{7, 7, 7};
    process.noise(tokens, std::vector<std::int64_t>{1}, draws);
    REQUIRE(tokens[0] == 7);
    REQUIRE(tokens[2] == 7);
    REQUIRE(process.is_state(tokens[1]));
    for (std::int64_t v = 0; v < 8; ++v)
      shown[static_cast<std::size_t>(v)].add(tokens[1] == v ? 1.0 : 0.0);
  }
  for (const std::size_t v : {2U, 3U, 5U, 6U}) CHECK(shown[v].agrees(0.25));
}

TEST_CASE("full_trajectory over uniform noise: mean, variance and gradient of the T-step bound",
          "[conformance][estimator]") {
  struct Case {
    std::int64_t states;
    std::size_t size;
    int steps;
    AnyNoiseSchedule schedule;
    double alpha_one;
    bool equal_alpha;
  };
  const Case cases[] = {{3, 2, 3, LinearSchedule(), 0.0, false},
                        {2, 3, 3, CosineSchedule(), 0.0, false},
                        {4, 2, 2, LeakySchedule(), 0.15, false},  // a prior term
                        {3, 3, 2, LinearSchedule(), 0.0, true},
                        {3, 2, 1, LeakySchedule(), 0.15, false}};
  for (const Case& c : cases) {
    const ToyTable model(c.states, static_cast<std::int64_t>(c.size) + 1, 5);
    const Text text = text_of(c.size, c.states, 3);
    std::vector<double> alphas{1.0};
    for (int k = 1; k < c.steps; ++k)
      alphas.push_back(c.equal_alpha ? 1.0 - 1.0 * k / c.steps
                                     : c.schedule.alpha(1.0 * k / c.steps));
    alphas.push_back(c.alpha_one);
    const UniformEnumeration exact(model, text, alphas);
    INFO("V " << c.states << ", R " << c.size << ", T " << c.steps << ": bound " << exact.elbo()
              << ", log-likelihood " << exact.log_likelihood());
    CHECK(exact.path_mass() == Approx(1.0).epsilon(1e-12));
    CHECK(exact.elbo() < exact.log_likelihood());
    const FullTrajectory estimator(
        {.steps = c.steps,
         .grid = c.equal_alpha ? TrajectoryGrid::uniform_alpha : TrajectoryGrid::uniform_time});
    const AnyForwardProcess process = over(c.states, c.schedule);
    // The plan holds -log q(x_s | x_t, x_0) and the prior's divergence where the definition has
    // -log q(x_t | x_s) and log p(x_T): equal for every path but for the prior, which is averaged.
    CHECK(bound_failure(model, text, process, estimator, exact, 12000, c.alpha_one == 0.0) == "");
    CHECK(
        estimator.target(3, process).name ==
        message("uniform_elbo(", c.steps, c.equal_alpha ? ", uniform_alpha)" : ", uniform_time)"));
    CHECK(estimator.target(3, process).is_unbiased);
  }
}

TEST_CASE("segmented over uniform noise: the full path bit for bit, unbiased when it drops steps",
          "[conformance][estimator]") {
  const ToyTable model(3, 3, 5);
  const Text text = text_of(2, 3, 3);
  const AnyForwardProcess process = over(3);
  const Draws source(4, "bits");
  for (std::uint64_t row = 0; row < 20; ++row) {
    const ScorePlan full = FullTrajectory({.steps = 3}).plan(text, process, draws_of(source, row));
    const ScorePlan cut = Segmented({.steps = 3, .segments = 1, .steps_per_segment = 3})
                              .plan(text, process, draws_of(source, row));
    CHECK(same_plan(full, cut));
    CHECK(full.posteriors.size() == full.queries.size());
    CHECK(full.copies() == 3);
    CHECK(full.queries.size() == 6);  // every scored position at every step
  }
  const UniformEnumeration exact(model, text, {1.0, 2.0 / 3, 1.0 / 3, 0.0});
  const Segmented estimator({.steps = 3, .segments = 1, .steps_per_segment = 1});
  CHECK(bound_failure(model, text, process, estimator, exact, 12000, false) == "");
  CHECK(estimator.target(2, process).name == "uniform_elbo(3, uniform_time)");
}

TEST_CASE("full_trajectory over uniform noise: replicates and unscored positions",
          "[conformance][estimator]") {
  const ToyTable model(3, 4, 5);
  Text text = text_of(3, 3, 3);
  text.scored = 2;
  const AnyForwardProcess process = over(3, LeakySchedule());
  const Draws source(4, "replicates");
  const ScorePlan plan =
      FullTrajectory({.steps = 2, .replicates = 3}).plan(text, process, draws_of(source, 0));
  CHECK(plan.copies() == 6);
  CHECK(plan.num_replicates == 3);
  double constants = 0;
  for (const double constant : plan.replicate_constants) constants += constant;
  CHECK(constants == Approx(plan.constant).epsilon(1e-14));
  for (std::int64_t c = 0; c < plan.copies(); ++c) {
    CHECK(plan.copy(c)[0] == text.prompt[0]);
    CHECK(plan.copy(c)[3] == text.response[2]);  // not scored: stays clean
  }
}

TEST_CASE("The engine reads posteriors as the toy does, forward and backward, on every path",
          "[conformance][engine]") {
  const EngineWorld world;
  const ToyTable& model = world.policy->table();
  const AnyForwardProcess process = over(3, LeakySchedule());
  const Draws source(6, "engine");
  ScoreBatch batch;
  std::vector<double> gradient(static_cast<std::size_t>(model.rows() * 3), 0.0);
  double tokens = 0;
  for (std::uint64_t row = 0; row < 6; ++row) {
    const Text text = text_of(1 + row % 3, 3, row);
    batch.plans.push_back(FullTrajectory({.steps = 3}).plan(text, process, draws_of(source, row)));
    const Scored scored = score(model, batch.plans.back());
    const std::vector<double> readouts = world.engine().readouts({&batch.plans.back(), 1}, false);
    double value = batch.plans.back().constant;
    for (std::size_t q = 0; q < readouts.size(); ++q)
      value += batch.plans.back().queries[q].weight * readouts[q];
    CHECK(value == Approx(scored.value).epsilon(1e-12));
    for (std::size_t c = 0; c < gradient.size(); ++c) gradient[c] += scored.gradient[c];
    tokens += static_cast<double>(text.num_scored());
  }
  // pretraining: loss = -sum S / sum L.
  const at::Tensor exact = at::tensor(gradient, at::kDouble).div(-tokens).view({-1, 3});
  for (const GradientPath path : {GradientPath::linear, GradientPath::retain, GradientPath::replay})
    CHECK(relative_distance(world.gradient(batch, Pretraining({}), path, 8).first, exact) < 1e-12);
}

TEST_CASE("The engine reads a step to the text itself where the probability underflows",
          "[conformance][engine]") {
  const auto policy = std::make_shared<TableDenoiser>(ToyTable(3, 3, 1, 3000.0));
  const ScoreEngine<TableDenoiser> engine(policy, nullptr);
  const Draws source(6, "underflow");
  bool underflows = false;
  for (std::uint64_t row = 0; row < 20; ++row) {
    const Text text = text_of(2, 3, row);
    const ScorePlan plan = FullTrajectory({.steps = 1}).plan(text, over(3), draws_of(source, row));
    const std::vector<double> readouts = engine.readouts({&plan, 1}, false);
    for (std::size_t q = 0; q < readouts.size(); ++q) {
      const double exact = shifted_log_probability(policy->table(), plan.copy(0), plan.queries[q]);
      underflows = underflows || exact < -800;
      CHECK(readouts[q] == Approx(exact).epsilon(1e-12).margin(1e-12));
    }
  }
  CHECK(underflows);
}

TEST_CASE("What has no meaning over uniform noise is refused by name", "[conformance][estimator]") {
  const Draws source(1, "refusals");
  const AnyForwardProcess process = over(3);
  const Text text = text_of(2, 3, 1);
  const auto plan = [&](const AnyScoreEstimator& estimator) {
    return estimator.plan(text, process, draws_of(source, 0));
  };
  CHECK_THROWS_WITH(
      plan(FullTrajectory({.reveal = TrajectoryReveal::expected, .include_reveal_terms = true})),
      "score estimator \"full_trajectory\" over noise that shows tokens\n"
      "  reveal = \"expected\": every position is scored at every step; legal: reveal = "
      "\"sampled\"\n"
      "  include_reveal_terms = true: no token is revealed in a step of its own; legal: "
      "include_reveal_terms = false");
  CHECK_THROWS_WITH(plan(FullTrajectory({.path = TrajectoryPath::denoised})),
                    contains("path = \"denoised\""));
  CHECK_THROWS_WITH(plan(Segmented({.reveal = TrajectoryReveal::expected})),
                    contains("legal: reveal = \"sampled\""));
  CHECK_THROWS_WITH(
      plan(MonteCarloElbo({})),
      "score estimator \"monte_carlo_elbo\" needs absorbing noise (every noised position shows the "
      "mask)\n  use forward_process = \"masked\", or score_estimator = \"full_trajectory\" or "
      "\"segmented\"");
  CHECK_THROWS_AS(plan(OneStep({})), ConfigError);
  CHECK_THROWS_WITH(process.elbo_weight(0.5), contains("full_trajectory"));
  const UniformProcess narrow(0, 1, -1, LinearSchedule());
  const Text outside{.prompt = {0}, .response = {2}, .scored = -1};
  CHECK_THROWS_WITH(FullTrajectory({}).plan(outside, narrow, draws_of(source, 0)),
                    contains("token 2 of the text is no state of the noise (ids 0 to 1)"));
}
