// SPDX-License-Identifier: MIT
#include "lldm/forward/masked.hpp"

#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "support/schedules.hpp"

using namespace lldm;
using namespace lldm::testing;

TEST_CASE("MaskedProcess writes its mask token", "[forward][masked]") {
  const MaskedProcess process(9, LinearSchedule());
  CHECK(process.mask_token() == 9);
  std::vector<std::int64_t> tokens{4, 5, 6};
  Stream draws = Draws(1, "unit").stream(Purpose::noise);
  process.noise(tokens, std::vector<std::int64_t>{2}, draws);
  CHECK(tokens == std::vector<std::int64_t>{4, 5, 9});
}

TEST_CASE("MaskedProcess refuses what has no meaning, with what would be right",
          "[forward][masked]") {
  CHECK_THROWS_WITH(MaskedProcess(-1, LinearSchedule()),
                    "[forward_process] masked: mask_token must be a token id, got -1\n"
                    "  the tokenizer has no mask token: name one in [tokenizer]");
  CHECK_THROWS_WITH(MaskedProcess(3, LinearSchedule()).elbo_weight(0.0),
                    "MaskedProcess::elbo_weight: nothing is noised at t = 0");
}

TEST_CASE("MaskedProcess: at t = 1 of an open schedule the rest is still clean",
          "[forward][masked]") {
  const MaskedProcess process(3, LeakySchedule());
  CHECK(process.alpha(1.0) == Approx(0.15).epsilon(1e-14));
  CHECK(process.elbo_weight(1.0) == Approx(0.75 / 0.85).epsilon(1e-14));
  CHECK(process.reveal_probability(0.0, 1.0) == Approx(0.75 / 0.85).epsilon(1e-14));
  CHECK(MaskedProcess(3, LateSchedule()).reveal_probability(0.1, 0.3) == 1.0);  // nothing noised
}
