// SPDX-License-Identifier: MIT
#include "lldm/objective/stepwise_dpo.hpp"

#include <ATen/ops/ones.h>
#include <ATen/ops/zeros_like.h>

#include <cmath>

#include "lldm/errors.hpp"
#include "lldm/objective/dpo.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/objective_cases.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

double loss(const AnyObjective& objective, const ScoreSet& set) {
  return objective.evaluate(set).loss_sum.item<double>();
}

/// One pair with part differences chosen - rejected of policy minus reference.
ScoreSet pair_with(const std::vector<double>& differences) {
  const auto n = static_cast<std::int64_t>(differences.size());
  const at::Tensor d = at::tensor(differences, at::kDouble).view({1, 1, n});
  const at::Tensor reference = at::zeros_like(d).expand({1, 2, n}).contiguous();
  at::Tensor policy = reference.clone();
  policy.select(1, 0).copy_(d.select(1, 0));
  return set_of_parts(policy, reference, at::ones({1, 2}, at::kDouble));
}

}  // namespace

TEST_CASE("StepwiseDpo: the mean over evaluations of the loss at N times their margin",
          "[objective][stepwise_dpo]") {
  const StepwiseDpo stepwise({.beta = 0.5});
  const auto term = [](double x) { return std::log1p(std::exp(-x)); };
  CHECK(loss(stepwise, pair_with({1, -2, 0.5})) ==
        Approx((term(1.5) + term(-3.0) + term(0.75)) / 3).epsilon(1e-14));
}

TEST_CASE("StepwiseDpo is never below dpo, and dpo where there is one evaluation or all are equal",
          "[objective][stepwise_dpo]") {
  const StepwiseDpo stepwise({.beta = 0.3});
  const Dpo dpo({.beta = 0.3});
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const RandomParts at(3, 2, seed);
    CHECK(loss(stepwise, at.set()) > loss(dpo, at.set()));
  }
  CHECK(loss(stepwise, pair_with({1.7})) == Approx(loss(dpo, pair_with({1.7}))).epsilon(1e-15));
  CHECK(loss(stepwise, pair_with({0.4, 0.4})) ==
        Approx(loss(dpo, pair_with({0.4, 0.4}))).epsilon(1e-14));
}

TEST_CASE("StepwiseDpo counts evaluations without queries, and not another pair's padding",
          "[objective][stepwise_dpo]") {
  const StepwiseDpo stepwise({.beta = 0.5});
  ScoreSet set = pair_with({1, 0, 0});
  set.auxiliary["evaluations"] = at::tensor({2.0, 2.0}, at::kDouble).view({1, 2});
  const auto term = [](double x) { return std::log1p(std::exp(-x)); };
  CHECK(loss(stepwise, set) == Approx((term(1.0) + std::log(2.0)) / 2).epsilon(1e-14));
}

TEST_CASE("StepwiseDpo refuses plans in which it has no meaning", "[objective][stepwise_dpo]") {
  const StepwiseDpo stepwise({});
  CHECK(stepwise.needs().use == ScoreUse::parts);
  ScoreSet set = pair_with({1, 2});
  set.auxiliary["evaluations"] = at::tensor({2.0, 1.0}, at::kDouble).view({1, 2});
  CHECK_THROWS_WITH(stepwise.evaluate(set),
                    contains("stepwise_dpo: the answers of pair 0 of the batch have 2 and 1 "
                             "evaluations, which cannot be compared one by one"));
  set.parts = at::Tensor();
  CHECK_THROWS_WITH(stepwise.evaluate(set), contains("have no parts by evaluation"));
}
