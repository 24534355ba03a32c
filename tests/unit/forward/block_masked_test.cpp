// SPDX-License-Identifier: MIT
#include "lldm/forward/block_masked.hpp"

#include "lldm/errors.hpp"
#include "lldm/schedule/linear.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"

using namespace lldm;
using namespace lldm::testing;

TEST_CASE("BlockMaskedProcess writes its mask token", "[forward][block_masked]") {
  const BlockMaskedProcess process(4, MaskedProcess(9, LinearSchedule()));
  CHECK(process.mask_token() == 9);
  CHECK(process.block_size() == 4);
  std::vector<std::int64_t> tokens{4, 5, 6};
  Stream draws = Draws(1, "unit").stream(Purpose::noise);
  process.noise(tokens, std::vector<std::int64_t>{0, 2}, draws);
  CHECK(tokens == std::vector<std::int64_t>{9, 5, 9});
}

TEST_CASE("BlockMaskedProcess refuses a block without tokens", "[forward][block_masked]") {
  CHECK_THROWS_WITH(BlockMaskedProcess(0, MaskedProcess(9, LinearSchedule())),
                    contains("block_size = 0 is no number of tokens\n  legal: 1 to 65536"));
}
