// SPDX-License-Identifier: MIT
#include "lldm/objective/sppo_hard.hpp"

#include "support/catch.hpp"
#include "support/pair_losses.hpp"

using namespace lldm;
using namespace lldm::testing;

TEST_CASE("SppoHard is zero exactly where the log-ratios are +-1 / (2 beta)",
          "[objective][sppo_hard]") {
  const SppoHard loss({.beta = 0.25});  // +-2
  CHECK(loss.needs().use == ScoreUse::each);
  CHECK(loss_at(loss, pairs_of_ratios({{2.0, -2.0}})) == 0.0);
  const ScoreSet start = pairs_of_ratios({{0.0, 0.0}});
  CHECK(loss_at(loss, start) == 8.0);
  CHECK(slope_at(loss, start, 0) == -4.0);
  CHECK(slope_at(loss, start, 1) == 4.0);
  const ScoreSet over = pairs_of_ratios({{5.0, 1.0}});  // 3^2 + 3^2
  CHECK(loss_at(loss, over) == 18.0);
  CHECK(slope_at(loss, over, 0) == 6.0);  // a ratio too large is pulled back
  CHECK(slope_at(loss, over, 1) == 6.0);
}

TEST_CASE("SppoHard squares large log-ratios without losing the target", "[objective][sppo_hard]") {
  const SppoHard loss({.beta = 0.25});
  const ScoreSet far = pairs_of_ratios({{1e6, -1e6}});
  CHECK(loss_at(loss, far) == 2 * 999998.0 * 999998.0);
  CHECK(slope_at(loss, far, 0) == 2 * 999998.0);
  CHECK(slope_at(loss, far, 1) == -2 * 999998.0);
}

TEST_CASE("SppoHard by length has its targets per token", "[objective][sppo_hard]") {
  const SppoHard loss({.beta = 0.25, .normalize = Normalize::response_length});
  // 8 / 4 = 2 and -10 / 5 = -2.
  CHECK(loss_at(loss, score_set(2, {3, -15}, {-5, -5}, {4, 5})) == 0.0);
}
