// SPDX-License-Identifier: MIT
// The laws of concepts/objective.hpp, on concrete and erased objectives.
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>

#include "lldm/draws/stream.hpp"
#include "lldm/errors.hpp"
#include "lldm/objective/apo_down.hpp"
#include "lldm/objective/apo_zero.hpp"
#include "lldm/objective/bco_pair.hpp"
#include "lldm/objective/discopop.hpp"
#include "lldm/objective/dpo.hpp"
#include "lldm/objective/exo_pair.hpp"
#include "lldm/objective/hinge.hpp"
#include "lldm/objective/ipo.hpp"
#include "lldm/objective/nca_pair.hpp"
#include "lldm/objective/pretraining.hpp"
#include "lldm/objective/robust.hpp"
#include "lldm/objective/sft.hpp"
#include "lldm/objective/sppo_hard.hpp"
#include "lldm/objective/weighted_sum.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/score_sets.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

template <class O, bool by_length>
struct Preference {
  static O make() {
    return O({.beta = 0.3, .normalise = by_length ? Normalise::response_length : Normalise::none});
  }
};
template <class O>
struct Plain {
  static O make() { return O({.beta = 0.3}); }
};
template <class O, FDivergenceType type>
struct Diverging {
  static O make() { return O({.beta = 0.3, .f_divergence = {.type = type, .alpha = 0.4}}); }
};
struct PretrainingCase {
  static Pretraining make() { return Pretraining({}); }
};
struct SftCase {
  static Sft make() { return Sft({}); }
};
struct SumCase {
  static WeightedSum make() {
    return WeightedSum({{"dpo", Dpo({.beta = 0.3}), 1.0}, {"sft", Sft({}), 0.05}});
  }
};
template <class Case>
struct Erased {
  static AnyObjective make() { return Case::make(); }
};

/// B groups of G scores around -20, lengths 1..9.
ScoreSet random_set(std::int64_t groups, std::int64_t size, std::uint64_t seed) {
  Stream stream = Draws(seed, "scores").stream(Purpose::data);
  std::vector<double> policy, reference, lengths;
  for (std::int64_t i = 0; i < groups * size; ++i) {
    policy.push_back(-20 + 3 * stream.normal());
    reference.push_back(policy.back() + stream.normal());
    lengths.push_back(static_cast<double>(1 + stream.below(9)));
  }
  return score_set(size, policy, reference, lengths);
}

double distance(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

}  // namespace

#define LLDM_OBJECTIVES                                                                            \
  PretrainingCase, SftCase, SumCase, (Preference<Dpo, false>), (Preference<Dpo, true>),            \
      (Preference<Ipo, false>), (Preference<Ipo, true>), Erased<PretrainingCase>, Erased<SftCase>, \
      Erased<SumCase>, (Erased<Preference<Dpo, false>>), (Erased<Preference<Ipo, true>>),          \
      Plain<Hinge>, Plain<Robust>, Plain<ExoPair>, Plain<NcaPair>, Plain<BcoPair>,                 \
      Plain<SppoHard>, Plain<ApoZero>, Plain<ApoDown>, Plain<Discopop>,                            \
      (Diverging<Dpo, FDivergenceType::forward_kl>),                                               \
      (Diverging<Robust, FDivergenceType::js_divergence>),                                         \
      (Diverging<Ipo, FDivergenceType::alpha_divergence>)

TEMPLATE_TEST_CASE("Objective: the loss is a float64 scalar with a slope by every score it reads",
                   "[conformance][objective]", LLDM_OBJECTIVES) {
  const auto objective = TestType::make();
  const ScoreSet set = random_set(4, objective.needs().group_size, 1);
  const at::Tensor loss = objective.evaluate(set).loss_sum;
  CHECK(loss.dim() == 0);
  CHECK(loss.scalar_type() == at::kDouble);
  const at::Tensor slope = slopes(objective, set);
  for (std::int64_t b = 0; b < 4; ++b)
    for (std::int64_t g = 0; g < objective.needs().group_size; ++g) {
      const double h = 1e-5;
      ScoreSet up = set, down = set;
      up.policy = set.policy.clone(), down.policy = set.policy.clone();
      up.policy[b][g].add_(h), down.policy[b][g].sub_(h);
      const double numeric = (objective.evaluate(up).loss_sum - objective.evaluate(down).loss_sum)
                                 .template item<double>() /
                             (2 * h);
      CHECK(slope[b][g].template item<double>() == Approx(numeric).epsilon(1e-6).margin(1e-9));
    }
  CHECK(slope.abs().max().template item<double>() > 1e-6);
}

TEMPLATE_TEST_CASE("Objective: the declared use of the scores holds", "[conformance][objective]",
                   LLDM_OBJECTIVES) {
  const auto objective = TestType::make();
  const ObjectiveNeeds needs = objective.needs();
  const ScoreSet set = random_set(4, needs.group_size, 2);
  const at::Tensor slope = slopes(objective, set);
  ScoreSet moved = set;
  if (needs.use == ScoreUse::linear) {
    moved.policy = set.policy * 1.7 - 3;
    CHECK(distance(slopes(objective, moved), slope) <= 1e-15);
  }
  if (needs.use == ScoreUse::difference) {
    CHECK(distance(slope.select(1, 0), -slope.select(1, 1)) <= 1e-15);
    moved.policy = set.policy + 5;
    CHECK(objective.evaluate(moved).loss_sum.template item<double>() ==
          Approx(objective.evaluate(set).loss_sum.template item<double>()).epsilon(1e-12));
  }
  if (needs.use != ScoreUse::coupled) {  // a group's slopes do not see the other groups
    moved.policy = set.policy.clone();
    moved.policy.narrow(0, 1, 3).sub_(2.5);
    CHECK(distance(slopes(objective, moved)[0], slope[0]) <= 1e-15);
  }
}

TEMPLATE_TEST_CASE("Objective: a set's loss and metrics are the sums over its groups",
                   "[conformance][objective]", LLDM_OBJECTIVES) {
  const auto objective = TestType::make();
  const ScoreSet set = random_set(5, objective.needs().group_size, 3);
  const ObjectiveResult whole = objective.evaluate(set);
  double loss = 0;
  std::map<std::string, Mean> metrics;
  for (const std::int64_t b : {3, 0, 4, 1, 2}) {  // in any order
    ScoreSet part = set;
    part.policy = set.policy.narrow(0, b, 1);
    part.reference = set.reference.narrow(0, b, 1);
    part.lengths = set.lengths.narrow(0, b, 1);
    const ObjectiveResult result = objective.evaluate(part);
    loss += result.loss_sum.template item<double>();
    for (const auto& [name, mean] : result.metrics)
      metrics[name].sum += mean.sum, metrics[name].count += mean.count;
  }
  CHECK(loss == Approx(whole.loss_sum.template item<double>()).epsilon(1e-13));
  REQUIRE(metrics.size() == whole.metrics.size());
  CHECK(!metrics.empty());
  for (const auto& [name, mean] : whole.metrics) {
    INFO(name);
    CHECK(metrics[name].value() == Approx(mean.value()).epsilon(1e-13));
  }
}

TEMPLATE_TEST_CASE("Objective: a needed reference that is missing is said, not guessed",
                   "[conformance][objective]", LLDM_OBJECTIVES) {
  const auto objective = TestType::make();
  ScoreSet set = random_set(2, objective.needs().group_size, 4);
  set.reference = at::Tensor();
  if (objective.needs().reference)
    CHECK_THROWS_WITH(objective.evaluate(set), contains("no reference scores"));
  else
    CHECK(objective.evaluate(set).loss_sum.defined());
}

TEST_CASE("Objective: losses are their formulas", "[conformance][objective]") {
  const ScoreSet set = random_set(3, 2, 5);
  double dpo = 0, ipo = 0, dpo_length = 0, sft = 0, nats = 0;
  for (std::int64_t b = 0; b < 3; ++b) {
    double ratio[2], length[2];
    for (std::int64_t g = 0; g < 2; ++g) {
      ratio[g] = set.policy[b][g].item<double>() - set.reference[b][g].item<double>();
      length[g] = set.lengths[b][g].item<double>();
    }
    dpo += std::log1p(std::exp(-0.3 * (ratio[0] - ratio[1])));
    dpo_length += std::log1p(std::exp(-0.3 * (ratio[0] / length[0] - ratio[1] / length[1])));
    ipo += std::pow(ratio[0] - ratio[1] - 1 / 0.6, 2);
    sft -= set.policy[b][0].item<double>() / length[0];
    nats -= set.policy[b][0].item<double>();
  }
  const auto value = [](const ObjectiveResult& result) { return result.loss_sum.item<double>(); };
  CHECK(value(Dpo({.beta = 0.3}).evaluate(set)) == Approx(dpo).epsilon(1e-13));
  CHECK(value(Dpo({.beta = 0.3, .normalise = Normalise::response_length}).evaluate(set)) ==
        Approx(dpo_length).epsilon(1e-13));
  CHECK(value(Ipo({.beta = 0.3}).evaluate(set)) == Approx(ipo).epsilon(1e-13));
  // A sum is normalised already: dpo and sft per pair, pretraining per token of the chosen answers.
  const WeightedSum sum({{"dpo", Dpo({.beta = 0.3}), 1.0},
                         {"sft", Sft({}), 0.05},
                         {"pretraining", Pretraining({}), 0.2}});
  CHECK(value(sum.evaluate(set)) ==
        Approx(dpo / 3 + 0.05 * sft / 3 + 0.2 * nats / set.totals.first_tokens).epsilon(1e-13));
}

TEST_CASE("Objective: what a weighted sum declares", "[conformance][objective]") {
  const auto use = [](std::vector<WeightedSum::Term> terms) {
    return WeightedSum(std::move(terms)).needs().use;
  };
  CHECK(use({{"dpo", Dpo({}), 1}, {"ipo", Ipo({}), 1}}) == ScoreUse::difference);
  CHECK(use({{"dpo", Dpo({}), 1}, {"sft", Sft({}), 1}}) == ScoreUse::each);
  CHECK(use({{"sft", Sft({}), 1}, {"pretraining", Pretraining({}), 1}}) == ScoreUse::linear);
  CHECK(WeightedSum({{"dpo", Dpo({}), 1}}).needs().denominator == Denominator::none);
  CHECK_THROWS_WITH(WeightedSum({}), contains("at least one term"));
  CHECK_THROWS_WITH(WeightedSum({{"dpo", Dpo({}), 1}, {"sft", Sft({.llada_parity = true}), 1}}),
                    contains("llada_parity = false"));
  // Two terms of equal metric names: the first keeps the name, the second is told apart.
  const auto metrics = WeightedSum({{"dpo", Dpo({.beta = 0.1}), 1}, {"ipo", Ipo({.beta = 0.4}), 1}})
                           .evaluate(random_set(2, 2, 6))
                           .metrics;
  CHECK(metrics.at("ipo/rewards/margins").value() ==
        Approx(4 * metrics.at("rewards/margins").value()).epsilon(1e-12));
  CHECK(metrics.contains("loss/dpo"));
}
