// SPDX-License-Identifier: MIT
// The laws of concepts/objective.hpp, for every registered objective and every choice of its keys.
#include "lldm/concepts/objective.hpp"

#include <ATen/ops/equal.h>

#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/objective_cases.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

double distance(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

double value(const ObjectiveResult& result) { return result.loss_sum.item<double>(); }

}  // namespace

TEST_CASE("Objective: the loss is a float64 scalar with a slope by every score it reads",
          "[conformance][objective]") {
  for (const auto& [name, objective, ld_alpha, has_stopped_gradient] : objective_cases()) {
    INFO(name);
    const RandomParts at(4, objective.needs().group_size, 1);
    const at::Tensor loss = objective.evaluate(at.set()).loss_sum;
    CHECK(loss.dim() == 0);
    CHECK(loss.scalar_type() == at::kDouble);
    const at::Tensor slope = part_slopes(objective, at);
    CHECK(slope.abs().max().item<double>() > 1e-6);
    if (has_stopped_gradient) continue;
    for (std::int64_t b = 0; b < 4; ++b)
      for (std::int64_t g = 0; g < objective.needs().group_size; ++g) {
        const double h = 1e-5;
        const std::int64_t k = (b + g) % 3;
        RandomParts up = at, down = at;
        up.policy = at.policy.clone(), down.policy = at.policy.clone();
        up.policy[b][g][k].add_(h), down.policy[b][g][k].sub_(h);
        ScoreSet high = up.set(), low = down.set();
        high.auxiliary = low.auxiliary = at.set().auxiliary;  // a baseline is no part of the slope
        const double numeric =
            (value(objective.evaluate(high)) - value(objective.evaluate(low))) / (2 * h);
        CHECK(slope[b][g][k].item<double>() == Approx(numeric).epsilon(1e-6).margin(1e-8));
      }
  }
}

TEST_CASE("Objective: the declared use of the scores holds", "[conformance][objective]") {
  for (const auto& [name, objective, ld_alpha, has_stopped_gradient] : objective_cases()) {
    INFO(name);
    const ObjectiveNeeds needs = objective.needs();
    CHECK(needs.beyond_shared_length == ld_alpha);
    const RandomParts at(4, needs.group_size, 2);
    const at::Tensor slope = part_slopes(objective, at);
    RandomParts moved = at;
    if (needs.use == ScoreUse::linear) {
      moved.policy = at.policy * 1.7 - 3;
      CHECK(distance(part_slopes(objective, moved), slope) <= 1e-15);
    }
    if (needs.use == ScoreUse::difference) {
      CHECK(distance(slope.select(1, 0), -slope.select(1, 1)) <= 1e-15);
      moved.policy = at.policy + 5;
      CHECK(value(objective.evaluate(moved.set())) ==
            Approx(value(objective.evaluate(at.set()))).epsilon(1e-12));
    }
    if (needs.use != ScoreUse::coupled) {  // a group's slopes do not see the other groups
      moved.policy = at.policy.clone();
      moved.policy.narrow(0, 1, 3).sub_(2.5);
      CHECK(distance(part_slopes(objective, moved)[0], slope[0]) <= 1e-15);
    }
    if (needs.use != ScoreUse::parts) {  // nor does it see the parts
      ScoreSet whole = at.set();
      whole.parts = whole.reference_parts = at::Tensor();
      CHECK(value(objective.evaluate(whole)) == value(objective.evaluate(at.set())));
    }
    if (!needs.mismatched) {
      ScoreSet alone = at.set();
      alone.auxiliary.erase("mismatched_policy"), alone.auxiliary.erase("mismatched_reference");
      CHECK(value(objective.evaluate(alone)) == value(objective.evaluate(at.set())));
    }
    if (needs.group_size > 1 && !needs.reference) {
      ScoreSet other = at.set();
      other.reference = other.reference - 7, other.reference_parts = other.reference_parts * 2;
      CHECK(value(objective.evaluate(other)) == value(objective.evaluate(at.set())));
    }
  }
}

TEST_CASE("Objective: a set's loss and metrics are the sums over its groups, unless they couple",
          "[conformance][objective]") {
  for (const auto& [name, objective, ld_alpha, has_stopped_gradient] : objective_cases()) {
    INFO(name);
    const RandomParts at(5, objective.needs().group_size, 3);
    const ObjectiveResult whole = objective.evaluate(at.set());
    double loss = 0;
    std::map<std::string, Mean> metrics;
    for (const std::int64_t b : {3, 0, 4, 1, 2}) {  // in any order
      const ObjectiveResult result = objective.evaluate(at.group(b));
      loss += value(result);
      for (const auto& [key, mean] : result.metrics)
        metrics[key].sum += mean.sum, metrics[key].count += mean.count;
    }
    REQUIRE(metrics.size() == whole.metrics.size());
    CHECK(!metrics.empty());
    if (objective.needs().use == ScoreUse::coupled) continue;
    CHECK(loss == Approx(value(whole)).epsilon(1e-13));
    for (const auto& [key, mean] : whole.metrics) {
      INFO(key);
      CHECK(metrics[key].value() == Approx(mean.value()).epsilon(1e-13));
    }
  }
}

TEST_CASE("Objective: groups may stand in any order", "[conformance][objective]") {
  for (const auto& [name, objective, ld_alpha, has_stopped_gradient] : objective_cases()) {
    INFO(name);
    const RandomParts at(5, objective.needs().group_size, 6);
    const at::Tensor order = at::tensor({3, 0, 4, 1, 2}, at::kLong);
    RandomParts turned = at;
    for (auto* tensor : {&turned.policy, &turned.reference, &turned.lengths})
      *tensor = tensor->index_select(0, order);
    CHECK(value(objective.evaluate(turned.set())) ==
          Approx(value(objective.evaluate(at.set()))).epsilon(1e-13));
    CHECK(distance(part_slopes(objective, turned),
                   part_slopes(objective, at).index_select(0, order)) <= 1e-13);
  }
}

TEST_CASE("Objective: a needed reference that is missing is said, not guessed",
          "[conformance][objective]") {
  for (const auto& [name, objective, ld_alpha, has_stopped_gradient] : objective_cases()) {
    INFO(name);
    ScoreSet set = RandomParts(2, objective.needs().group_size, 4).set();
    set.reference = set.reference_parts = at::Tensor();
    if (objective.needs().reference)
      CHECK_THROWS_WITH(objective.evaluate(set), contains("no reference scores"));
    else
      CHECK(objective.evaluate(set).loss_sum.defined());
  }
}

TEST_CASE("Objective: preferences are logged under TRL's names", "[conformance][objective]") {
  for (const auto& [name, objective, ld_alpha, has_stopped_gradient] : objective_cases()) {
    INFO(name);
    const std::int64_t size = objective.needs().group_size;
    if (size == 1) continue;
    const ScoreSet set = RandomParts(6, size, 5).set();
    const auto metrics = objective.evaluate(set).metrics;
    const auto mean = [&](const std::string& key) {
      INFO(key);
      REQUIRE(metrics.contains(key));
      return metrics.at(key).value();
    };
    CHECK(mean("rewards/margins") ==
          Approx(mean("rewards/chosen") - mean("rewards/rejected")).epsilon(1e-12));
    CHECK(mean("rewards/accuracies") >= 0.0);
    CHECK(mean("rewards/accuracies") <= 1.0);
    CHECK(mean("logps/chosen") ==
          Approx(set.policy.select(1, 0).mean().item<double>()).epsilon(1e-13));
    CHECK(mean("logps/rejected") ==
          Approx(set.policy.select(1, size - 1).mean().item<double>()).epsilon(1e-13));
  }
}

namespace {

/// Groups whose first answer and whose others score (a, b) under the policy and (c, d) under the
/// reference, for all of a, b, c, d in {-1000, 0, 1000}: thirds of that as parts.  Answers of one
/// and of 1000 tokens.
RandomParts extremes(std::int64_t size, std::int64_t first, std::int64_t groups) {
  std::vector<double> policy, reference, lengths;
  for (std::int64_t code = first; code < first + groups; ++code)
    for (std::int64_t g = 0; g < size; ++g) {
      const auto pick = [&](std::int64_t digit) {
        return 1e3 * static_cast<double>(code / digit % 3 - 1);
      };
      for (int k = 0; k < 3; ++k) {
        policy.push_back(pick(g == 0 ? 1 : 3) / 3);
        reference.push_back(pick(g == 0 ? 9 : 27) / 3);
      }
      lengths.push_back(g == 0 ? 1 : 1000);
    }
  RandomParts at(groups, size, 1);
  at.policy = at::tensor(policy, at::kDouble).view({groups, size, 3});
  at.reference = at::tensor(reference, at::kDouble).view({groups, size, 3});
  at.lengths = at::tensor(lengths, at::kDouble).view({groups, size});
  return at;
}

}  // namespace

TEST_CASE("Objective: extreme, equal and single groups give finite losses, slopes and metrics",
          "[conformance][objective]") {
  for (const auto& [name, objective, ld_alpha, has_stopped_gradient] : objective_cases()) {
    const auto check = [&](const RandomParts& at, std::int64_t code) {
      INFO(name << ", from combination " << code);
      const ObjectiveResult result = objective.evaluate(at.set());
      CHECK(std::isfinite(value(result)));
      CHECK(part_slopes(objective, at).isfinite().all().item<bool>());
      for (const auto& [key, mean] : result.metrics) {
        INFO(key);
        CHECK(std::isfinite(mean.value()));
      }
    };
    const std::int64_t size = objective.needs().group_size;
    check(extremes(size, 0, 81), 0);
    for (const std::int64_t code : {0, 2, 6, 24, 40, 56, 78, 80})
      check(extremes(size, code, 1), code);
  }
}
