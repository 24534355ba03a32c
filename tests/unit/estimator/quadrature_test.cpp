// SPDX-License-Identifier: MIT
#include "lldm/estimator/quadrature.hpp"

#include <cmath>

#include "support/catch.hpp"
#include "support/three_tokens.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

/// The copy that was asked for as number `slot`, or -1 if it masked nothing.
std::int64_t copy_of(const ScorePlan& plan, std::int32_t slot) {
  for (std::size_t copy = 0; copy < plan.slot.size(); ++copy)
    if (plan.slot[copy] == slot) return static_cast<std::int64_t>(copy);
  return -1;
}

}  // namespace

TEST_CASE("Quadrature masks at Gauss nodes, each position with the node's probability",
          "[estimator][quadrature]") {
  const Quadrature estimator({.nodes = 2});
  const double times[] = {0.5 - 0.5 / std::sqrt(3.0), 0.5 + 0.5 / std::sqrt(3.0)};
  laws::Sampled counts[2], sums;
  for (std::uint64_t row = 0; row < 2000; ++row) {
    const ScorePlan plan = plan_of(estimator, row);
    REQUIRE(plan.asked == 2);
    sums.add(weight_sum(plan));
    for (const std::int32_t node : {0, 1}) {
      const std::int64_t copy = copy_of(plan, node);
      const Tokens masked = copy < 0 ? Tokens{} : hidden(plan, copy);
      counts[node].add(static_cast<double>(masked.size()));
      if (copy < 0) continue;
      REQUIRE(asked(plan, copy) == masked);
      for (const double weight : weights(plan, copy))  // omega / t
        REQUIRE(weight == Approx(0.5 / times[node]).epsilon(1e-12));
    }
    REQUIRE((plan.queries.empty() || asks_for_the_text(plan)));
  }
  CHECK(counts[0].agrees(3 * times[0]));
  CHECK(counts[1].agrees(3 * times[1]));
  CHECK(sums.agrees(3.0));  // R
}

TEST_CASE("Quadrature by Simpson takes one position at time 0 and all at time 1",
          "[estimator][quadrature]") {
  const Quadrature estimator({.nodes = 3, .rule = QuadratureNodes::simpson});
  for (std::uint64_t row = 0; row < 50; ++row) {
    const ScorePlan plan = plan_of(estimator, row);
    const std::int64_t first = copy_of(plan, 0), middle = copy_of(plan, 1), last = copy_of(plan, 2);
    REQUIRE(first >= 0);
    REQUIRE(last >= 0);
    REQUIRE(hidden(plan, first).size() == 1);
    CHECK(weights(plan, first)[0] == Approx(3.0 / 6).epsilon(1e-14));  // R omega_0
    if (middle >= 0)
      for (const double weight : weights(plan, middle))
        CHECK(weight == Approx(4.0 / 6 / 0.5).epsilon(1e-14));
    CHECK(hidden(plan, last) == Tokens{0, 1, 2});
    for (const double weight : weights(plan, last)) CHECK(weight == Approx(1.0 / 6).epsilon(1e-14));
  }
}

TEST_CASE("Quadrature with rounded counts masks round(t R) positions, at least one",
          "[estimator][quadrature]") {
  const Quadrature middle({.nodes = 1, .mask = NodeMask::rounded_count});
  const Quadrature four({.nodes = 4, .mask = NodeMask::rounded_count});
  for (std::uint64_t row = 0; row < 50; ++row) {
    const ScorePlan one = plan_of(middle, row);
    REQUIRE(one.copies() == 1);
    CHECK(hidden(one, 0).size() == 2);  // round(1.5)
    CHECK(weights(one, 0) == std::vector<double>{2.0, 2.0});
    // Gauss nodes 0.069, 0.330, 0.670, 0.931 times 3: 0.21 is raised to one.
    const ScorePlan plan = plan_of(four, row);
    REQUIRE(plan.copies() == 4);
    CHECK(hidden(plan, 0).size() == 1);
    CHECK(hidden(plan, 1).size() == 1);
    CHECK(hidden(plan, 2).size() == 2);
    CHECK(hidden(plan, 3).size() == 3);
  }
}

TEST_CASE("Quadrature declares itself unbiased from R / 2 Gauss nodes on",
          "[estimator][quadrature]") {
  const Quadrature two({.nodes = 2, .replicates = 3});
  CHECK(two.target(4).name == "elbo");
  CHECK(two.target(4).is_unbiased);
  CHECK(!two.target(5).is_unbiased);
  CHECK(two.nominal_copies(4) == 6);
  CHECK(!two.reads_schedule());
  CHECK(!Quadrature({.nodes = 2, .mask = NodeMask::rounded_count}).target(4).is_unbiased);
  CHECK(!Quadrature({.nodes = 9, .rule = QuadratureNodes::simpson}).target(4).is_unbiased);
  CHECK_THROWS_WITH(Quadrature({.nodes = 4, .rule = QuadratureNodes::simpson}),
                    "[score_estimator] quadrature: rule = \"simpson\" has no 4 nodes\n"
                    "  legal: odd numbers from 3");
}
