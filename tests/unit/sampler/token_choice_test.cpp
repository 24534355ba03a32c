// SPDX-License-Identifier: MIT
#include "lldm/sampler/token_choice.hpp"

#include <cmath>
#include <limits>

#include "lldm/draws/stream.hpp"
#include "lldm/errors.hpp"
#include "support/catch.hpp"

using namespace lldm;

namespace {
const double kInfinity = std::numeric_limits<double>::infinity();

Candidate choose(const TokenChoice& choice, std::vector<double> logits,
                 std::vector<double> uniforms = {},
                 CandidateStatistics statistics = CandidateStatistics::all) {
  return choice.choose(logits, uniforms, statistics);
}
}  // namespace

TEST_CASE("TokenChoice takes the highest logit at temperature 0, ties to the lower id",
          "[sampler][token_choice]") {
  CHECK(choose({}, {0.0, 2.0, 1.0, 2.0}).token == 1);
  CHECK(choose({.temperature = 0.0, .never_chosen = {1}, .discounted = {}}, {0.0, 2.0, 1.0, 2.0})
            .token == 3);
}

TEST_CASE("TokenChoice gives the softmax of the chosen, the runner-up and the entropy",
          "[sampler][token_choice]") {
  const Candidate c = choose({}, {std::log(0.5), std::log(0.2), std::log(0.3)});
  CHECK(c.probability == Approx(0.5).epsilon(1e-14));
  CHECK(c.second_probability == Approx(0.3).epsilon(1e-14));
  CHECK(c.entropy ==
        Approx(-0.5 * std::log(0.5) - 0.2 * std::log(0.2) - 0.3 * std::log(0.3)).epsilon(1e-14));
}

TEST_CASE("TokenChoice computes only the figures asked for", "[sampler][token_choice]") {
  const Candidate none = choose({}, {1.0, 0.0}, {}, CandidateStatistics::none);
  CHECK(std::isnan(none.probability));
  const Candidate probability = choose({}, {1.0, 0.0}, {}, CandidateStatistics::probability);
  CHECK(probability.probability == Approx(1.0 / (1.0 + std::exp(-1.0))));
  CHECK(std::isnan(probability.entropy));
  CHECK(std::isnan(probability.second_probability));
}

TEST_CASE("TokenChoice leaves a discounted token choosable and gives it confidence 0",
          "[sampler][token_choice]") {
  const TokenChoice choice{.temperature = 0.0, .never_chosen = {}, .discounted = {1}};
  const Candidate chosen = choose(choice, {0.0, 2.0, 0.0});
  CHECK(chosen.token == 1);
  CHECK(chosen.probability == 0.0);
  const Candidate other = choose(choice, {3.0, 2.0, 3.0});
  CHECK(other.token == 0);
  CHECK(other.probability == Approx(0.5));
}

TEST_CASE("TokenChoice's log form picks what exp(l) / (-log u)^T picks",
          "[sampler][token_choice]") {
  Stream draws = Draws(3, "test").stream(Purpose::sampling);
  for (int trial = 0; trial < 3000; ++trial) {
    const double temperature = 0.05 + 2.0 * draws.uniform();
    const double spread = 12.0 * draws.uniform();
    std::vector<double> logits(29), uniforms(29);
    for (double& logit : logits) logit = spread * (draws.uniform() - 0.5);
    for (double& u : uniforms) u = draws.uniform();
    if (trial % 3 == 0) uniforms[static_cast<std::size_t>(trial % 29)] = 0.0;
    if (trial % 5 == 0) uniforms[static_cast<std::size_t>(trial % 29)] = 1.0 - 0x1.0p-53;
    std::size_t best = 0;
    const auto noised = [&](std::size_t v) {
      return std::exp(logits[v]) / std::pow(-std::log(uniforms[v]), temperature);
    };
    for (std::size_t v = 1; v < logits.size(); ++v)
      if (noised(v) > noised(best)) best = v;
    const TokenChoice choice{.temperature = temperature, .never_chosen = {}, .discounted = {}};
    REQUIRE(choose(choice, logits, uniforms).token == static_cast<std::int64_t>(best));
  }
}

TEST_CASE("TokenChoice samples the softmax of logits / T and never an excluded token",
          "[sampler][token_choice]") {
  const std::vector<double> logits{1.0, 0.0, 4.0, -1.0};
  const double temperature = 0.7;
  const TokenChoice choice{.temperature = temperature, .never_chosen = {2}, .discounted = {}};
  Stream draws = Draws(4, "test").stream(Purpose::sampling);
  const int trials = 40000;
  std::vector<double> counts(4, 0.0);
  std::vector<double> uniforms(4);
  for (int trial = 0; trial < trials; ++trial) {
    for (double& u : uniforms) u = draws.uniform_open();
    counts[static_cast<std::size_t>(choose(choice, logits, uniforms).token)] += 1.0;
  }
  CHECK(counts[2] == 0.0);
  double sum = 0.0;
  for (const std::size_t v : {0, 1, 3}) sum += std::exp(logits[v] / temperature);
  for (const std::size_t v : {0, 1, 3}) {
    const double p = std::exp(logits[v] / temperature) / sum;
    const double sigma = std::sqrt(p * (1.0 - p) / trials);
    CHECK(std::abs(counts[v] / trials - p) < 4.5 * sigma);
  }
}

TEST_CASE("TokenChoice does not overflow where exp would", "[sampler][token_choice]") {
  const TokenChoice choice{.temperature = 1.0, .never_chosen = {}, .discounted = {}};
  CHECK(choose(choice, {800.0, 900.0, 850.0}, {0.5, 0.5, 0.5}).token == 1);
}

TEST_CASE("TokenChoice refuses a logit that is not a number", "[sampler][token_choice]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_AS(choose({}, {0.0, nan}), Error);
  CHECK_THROWS_AS(choose({}, {nan, 0.0}), Error);
  const TokenChoice warm{.temperature = 1.0, .never_chosen = {}, .discounted = {}};
  CHECK_THROWS_AS(choose(warm, {0.0, nan}, {0.5, 0.5}), Error);
  CHECK_NOTHROW(choose({}, {0.0, -kInfinity}));
}
