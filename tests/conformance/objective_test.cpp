// SPDX-License-Identifier: MIT
// The laws of concepts/objective.hpp, for every registered objective and every choice of its keys.
#include "lldm/concepts/objective.hpp"

#include "lldm/errors.hpp"
#include "lldm/laws/objective_laws.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/laws.hpp"
#include "support/objective_cases.hpp"

using namespace lldm;
using namespace lldm::testing;

TEST_CASE("Objective: every registered one keeps the laws under every choice of its keys",
          "[conformance][objective]") {
  for (const auto& [name, objective, ld_alpha, has_stopped_gradient] : objective_cases()) {
    // Only the sum over groups does not concern a loss that couples them, and only a baseline
    // without gradient keeps the slope from being the loss's.
    const bool is_coupled = objective.needs().use == ScoreUse::coupled;
    CHECK(check_laws(name, laws::objective_laws(objective)) ==
          9 - (is_coupled ? 1 : 0) - (has_stopped_gradient ? 1 : 0));
    CHECK(objective.needs().beyond_shared_length == ld_alpha);
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
