// SPDX-License-Identifier: MIT
#include "lldm/objective/kto.hpp"

#include <ATen/ops/allclose.h>

#include <cmath>

#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/score_sets.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

/// Two pairs with log-ratios (1, -2) and (3, 0.5), and mismatched log-ratios of mean `kl`.
ScoreSet pairs(double kl) {
  ScoreSet set = score_set(2, {-4, -7, -2, -3.5}, {-5, -5, -5, -4}, {1, 1, 1, 1});
  set.auxiliary["mismatched_policy"] = at::tensor({kl - 1, kl + 1}, at::kDouble);
  set.auxiliary["mismatched_reference"] = at::tensor({0.0, 0.0}, at::kDouble);
  return set;
}

}  // namespace

TEST_CASE("Kto asks for mismatched scores and the whole step only where it has a baseline",
          "[objective][kto]") {
  const ObjectiveNeeds needs = Kto({}).needs();
  CHECK(needs.mismatched);
  CHECK(needs.use == ScoreUse::coupled);
  CHECK(needs.denominator == Denominator::rows);
  for (const Kto& kto : {Kto({.kl = KtoKl::none}), Kto({.loss = KtoLoss::apo_zero_unpaired})}) {
    CHECK(!kto.needs().mismatched);
    CHECK(kto.needs().use == ScoreUse::each);
  }
}

TEST_CASE("Kto: weighted losses against the step's baseline, which has no gradient",
          "[objective][kto]") {
  const Kto kto({.beta = 0.5, .desirable_weight = 2.0, .undesirable_weight = 3.0});
  const double z = 0.8;
  const double expected = 2 * (1 - sigmoid(0.5 * (1 - z))) + 3 * (1 - sigmoid(0.5 * (z + 2))) +
                          2 * (1 - sigmoid(0.5 * (3 - z))) + 3 * (1 - sigmoid(0.5 * (z - 0.5)));
  CHECK(kto.evaluate(pairs(z)).loss_sum.item<double>() == Approx(expected).epsilon(1e-14));
  CHECK(kto.evaluate(pairs(z)).metrics.at("kl").value() == Approx(z).epsilon(1e-14));
  const at::Tensor slope = slopes(kto, pairs(z));
  const double p = sigmoid(0.5 * (1 - z));
  CHECK(slope[0][0].item<double>() == Approx(-2 * 0.5 * p * (1 - p)).epsilon(1e-13));
}

TEST_CASE("Kto: a negative baseline is 0, and kl = none never reads one", "[objective][kto]") {
  const double without =
      Kto({.beta = 0.5, .kl = KtoKl::none}).evaluate(pairs(9)).loss_sum.item<double>();
  const double expected = 4 - sigmoid(0.5) - sigmoid(1.0) - sigmoid(1.5) - sigmoid(-0.25);
  CHECK(without == Approx(expected).epsilon(1e-14));
  CHECK(Kto({.beta = 0.5}).evaluate(pairs(-0.7)).loss_sum.item<double>() == without);
  CHECK(!Kto({.kl = KtoKl::none}).evaluate(pairs(9)).metrics.contains("kl"));
}

TEST_CASE("Kto: apo_zero_unpaired is apo_zero's two halves, answer by answer", "[objective][kto]") {
  const Kto kto({.beta = 0.5, .undesirable_weight = 0.7, .loss = KtoLoss::apo_zero_unpaired});
  const double expected =
      (1 - sigmoid(0.5)) + 0.7 * sigmoid(-1.0) + (1 - sigmoid(1.5)) + 0.7 * sigmoid(0.25);
  CHECK(kto.evaluate(pairs(5)).loss_sum.item<double>() == Approx(expected).epsilon(1e-14));
}

TEST_CASE("Kto refuses what has no meaning", "[objective][kto]") {
  CHECK_THROWS_WITH(Kto({.loss = KtoLoss::apo_zero_unpaired, .kl = KtoKl::none}),
                    contains("\"apo_zero_unpaired\" has no baseline"));
  CHECK_THROWS_WITH(Kto({.desirable_weight = 0, .undesirable_weight = 0}),
                    contains("both weights are 0"));
  ScoreSet set = pairs(1);
  set.auxiliary.erase("mismatched_reference");
  CHECK_THROWS_WITH(Kto({}).evaluate(set), contains("no auxiliary \"mismatched_reference\""));
}

TEST_CASE("Kto: pairs and the same answers labelled one by one give one loss and one gradient",
          "[objective][kto]") {
  const Kto kto({.beta = 0.5, .desirable_weight = 2.0, .undesirable_weight = 3.0});
  CHECK(kto.needs().unpaired);
  const ScoreSet whole = pairs(0.8);
  ScoreSet single = score_set(1, {-4, -7, -2, -3.5}, {-5, -5, -5, -4}, {1, 1, 1, 1});
  single.auxiliary["wanted"] = at::tensor({1.0, 0.0, 1.0, 0.0}, at::kDouble);
  single.auxiliary["mismatched_policy"] = at::tensor({-0.2, 1.8, -0.2, 1.8}, at::kDouble);
  single.auxiliary["mismatched_reference"] = at::tensor({0.0, 0.0, 0.0, 0.0}, at::kDouble);
  const ObjectiveResult of_pairs = kto.evaluate(whole), of_single = kto.evaluate(single);
  CHECK(of_single.loss_sum.item<double>() ==
        Approx(of_pairs.loss_sum.item<double>()).epsilon(1e-14));
  CHECK(at::allclose(slopes(kto, single).view({2, 2}), slopes(kto, whole), 1e-13, 1e-15));
  for (const char* name : {"rewards/chosen", "rewards/rejected", "rewards/margins", "logps/chosen",
                           "logps/rejected", "kl"})
    CHECK(of_single.metrics.at(name).value() == Approx(of_pairs.metrics.at(name).value()));
  CHECK(!of_single.metrics.contains("rewards/accuracies"));
}

TEST_CASE("Kto: an answer turned from wanted to unwanted turns its slope", "[objective][kto]") {
  const Kto kto({.kl = KtoKl::none});
  ScoreSet set = score_set(1, {-4}, {-5}, {1});
  CHECK_THROWS_WITH(kto.evaluate(set), contains("no auxiliary \"wanted\""));
  set.auxiliary["wanted"] = at::tensor({1.0}, at::kDouble);
  const double up = slopes(kto, set).item<double>();
  set.auxiliary["wanted"] = at::tensor({0.0}, at::kDouble);
  CHECK(up < 0);
  CHECK(slopes(kto, set).item<double>() == -up);
}
