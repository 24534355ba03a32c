// SPDX-License-Identifier: MIT
#include "lldm/sampler/commit.hpp"

#include <limits>
#include <numeric>

#include "lldm/errors.hpp"
#include "support/catch.hpp"

using namespace lldm;

TEST_CASE("commit_quota shares the masks over the steps, the remainder in the first ones",
          "[sampler][commit]") {
  std::vector<std::int64_t> quotas;
  for (std::int64_t step = 0; step < 5; ++step) quotas.push_back(commit_quota(16, 5, step));
  CHECK(quotas == std::vector<std::int64_t>{4, 3, 3, 3, 3});
  for (std::int64_t masked = 0; masked < 20; ++masked)
    for (std::int64_t steps = 1; steps < 25; ++steps) {
      std::int64_t sum = 0;
      for (std::int64_t step = 0; step < steps; ++step) sum += commit_quota(masked, steps, step);
      CHECK(sum == masked);
    }
}

TEST_CASE("commit_quota is zero in the steps that are more than the masks", "[sampler][commit]") {
  CHECK(commit_quota(8, 11, 7) == 1);
  CHECK(commit_quota(8, 11, 8) == 0);
}

TEST_CASE("highest picks the largest confidences and breaks ties to the lower index",
          "[sampler][commit]") {
  const std::vector<double> confidences{0.2, 0.9, 0.5, 0.9, 0.5, 0.5};
  CHECK(highest(confidences, 0).empty());
  CHECK(highest(confidences, 1) == std::vector<std::int64_t>{1});
  CHECK(highest(confidences, 3) == std::vector<std::int64_t>{1, 2, 3});
  CHECK(highest(confidences, 4) == std::vector<std::int64_t>{1, 2, 3, 4});
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK(highest(std::vector<double>{-infinity, -infinity, 0.0}, 2) ==
        std::vector<std::int64_t>{0, 2});
}

TEST_CASE("highest refuses more than there are and what is not a number", "[sampler][commit]") {
  CHECK_THROWS_AS(highest(std::vector<double>{1.0}, 2), ShapeError);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_AS(highest(std::vector<double>{1.0, nan}, 1), ShapeError);
}
