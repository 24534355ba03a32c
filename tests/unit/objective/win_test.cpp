// SPDX-License-Identifier: MIT
#include "lldm/objective/win.hpp"

#include "support/catch.hpp"

using namespace lldm;

TEST_CASE("win: one, one half for a tie, nothing", "[objective][win]") {
  CHECK(win(-1.0, -2.0) == 1.0);
  CHECK(win(-2.0, -2.0) == 0.5);
  CHECK(win(0.0, -0.0) == 0.5);
  CHECK(win(-2.0, -1.0) == 0.0);
}
