// SPDX-License-Identifier: MIT
#include "lldm/objective/nca_pair.hpp"

#include <cmath>

#include "support/catch.hpp"
#include "support/pair_losses.hpp"

using namespace lldm;
using namespace lldm::testing;

TEST_CASE("NcaPair is -log sigmoid(r_c) - log sigmoid(-r_c) / 2 - log sigmoid(-r_r) / 2",
          "[objective][nca_pair]") {
  const NcaPair loss({.beta = 0.5});
  CHECK(loss.needs().use == ScoreUse::each);
  CHECK(loss_at(loss, pairs_of_ratios({{0.0, 0.0}})) == Approx(2 * std::log(2.0)).epsilon(1e-14));
  // r = (log 3, -log 3).
  const ScoreSet set = pairs_of_ratios({{2 * std::log(3.0), -2 * std::log(3.0)}});
  CHECK(loss_at(loss, set) ==
        Approx(-std::log(0.75) - std::log(0.25) / 2 - std::log(0.75) / 2).epsilon(1e-14));
  // beta (-1/4 + 3/8) and beta 1/8: the chosen answer, too likely already, is pulled back too.
  CHECK(slope_at(loss, set, 0) == Approx(0.0625).epsilon(1e-13));
  CHECK(slope_at(loss, set, 1) == Approx(0.0625).epsilon(1e-13));
}

TEST_CASE("NcaPair leaves the chosen answer where it is twice as likely as under the reference",
          "[objective][nca_pair]") {
  const NcaPair loss({.beta = 1.0});
  // 1 - sigmoid(r) = sigmoid(r) / 2 at r = log 2, whatever the rejected answer does.
  for (const double rejected : {-5.0, 0.0, 5.0})
    CHECK(std::abs(slope_at(loss, pairs_of_ratios({{std::log(2.0), rejected}}), 0)) < 1e-15);
}

TEST_CASE("NcaPair stays finite at log-ratios that overflow exp", "[objective][nca_pair]") {
  const NcaPair loss({.beta = 1.0});
  const ScoreSet wrong = pairs_of_ratios({{-1e4, 1e4}});
  CHECK(loss_at(loss, wrong) == 15000.0);
  CHECK(slope_at(loss, wrong, 0) == -1.0);
  CHECK(slope_at(loss, wrong, 1) == 0.5);
  const ScoreSet right = pairs_of_ratios({{1e4, -1e4}});
  CHECK(loss_at(loss, right) == 5000.0);
  CHECK(slope_at(loss, right, 0) == 0.5);
  CHECK(slope_at(loss, right, 1) == 0.0);
}
