// SPDX-License-Identifier: MIT
#include "lldm/objective/listwise.hpp"

#include <ATen/ops/equal.h>

#include <cmath>

#include "lldm/errors.hpp"
#include "lldm/objective/dpo.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/score_sets.hpp"

using namespace lldm;
using namespace lldm::testing;

TEST_CASE("Listwise of two answers is dpo, bit for bit", "[objective][listwise]") {
  const ScoreSet set = score_set(2, {-3.1, -4.7, -2, 5, 900, -900, 0, 0},
                                 {-3.3, -4.1, -1, 2, 1, 1, 0, 0}, {2, 3, 5, 7, 1, 1, 2, 2});
  for (const auto normalise : {Normalize::none, Normalize::response_length}) {
    const Dpo dpo({.beta = 0.3, .normalize = normalise});
    const Listwise listwise({.beta = 0.3, .answers = 2, .normalize = normalise});
    CHECK(listwise.evaluate(set).loss_sum.item<double>() ==
          dpo.evaluate(set).loss_sum.item<double>());
    CHECK(at::equal(slopes(listwise, set), slopes(dpo, set)));
    CHECK(listwise.needs().use == dpo.needs().use);
    for (const auto& [name, mean] : dpo.evaluate(set).metrics)
      CHECK(listwise.evaluate(set).metrics.at(name).value() == mean.value());
  }
}

TEST_CASE("Listwise: the chances of all orders of three answers add up to one",
          "[objective][listwise]") {
  const Listwise listwise({.beta = 0.5, .answers = 3});
  const std::vector<double> ratios{1.5, -0.4, 0.3};
  double sum = 0;
  std::vector<int> order{0, 1, 2};
  do {
    std::vector<double> policy;
    for (const int i : order) policy.push_back(ratios[static_cast<std::size_t>(i)]);
    sum += std::exp(
        -listwise.evaluate(score_set(3, policy, {0, 0, 0}, {1, 1, 1})).loss_sum.item<double>());
  } while (std::next_permutation(order.begin(), order.end()));
  CHECK(sum == Approx(1.0).epsilon(1e-14));
  // Equal answers: every order has the chance 1/3!.
  CHECK(listwise.evaluate(score_set(3, {-2, -2, -2}, {-2, -2, -2}, {1, 1, 1}))
            .loss_sum.item<double>() == Approx(std::log(6.0)).epsilon(1e-14));
}

TEST_CASE("Listwise: rewards of the best and the worst, accuracy over all pairs of answers",
          "[objective][listwise]") {
  const Listwise listwise({.beta = 0.5, .answers = 3});
  CHECK(listwise.needs().group_size == 3);
  CHECK(listwise.needs().use == ScoreUse::each);
  const auto metrics = listwise.evaluate(score_set(3, {4, 6, 1}, {0, 0, 0}, {1, 1, 1})).metrics;
  CHECK(metrics.at("rewards/chosen").value() == 2.0);
  CHECK(metrics.at("rewards/rejected").value() == 0.5);
  CHECK(metrics.at("rewards/accuracies").value() == Approx(2.0 / 3).epsilon(1e-15));
  CHECK_THROWS_WITH(Listwise({.answers = 1}), contains("answers"));
}
