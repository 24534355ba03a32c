// SPDX-License-Identifier: MIT
#include "lldm/sampler/semi_autoregressive_padding.hpp"

#include "lldm/errors.hpp"
#include "lldm/sampler/remasking/low_confidence.hpp"
#include "support/catch.hpp"
#include "support/mask_counter.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

SampledText sample(std::int64_t steps, std::int64_t block_length, const MaskCounter& model) {
  return sample_by_counting<SemiAutoregressivePadding>(
      {.common = {.canvas = {.response_length = 4}, .commit = {.steps = steps}},
       .block_length = block_length},
      LowConfidence(), model);
}

}  // namespace

TEST_CASE("SemiAutoregressivePadding shows later blocks as masks and writes none of them early",
          "[sampler][semi_autoregressive_padding]") {
  // The surest column of all, the last, waits for its block; the model counts its mask all along.
  const SampledText text = sample(4, 2, MaskCounter({1, 3, 2, 4}));
  CHECK(text.tokens == Tokens{3, 4, 1, 2});
  CHECK(text.reveal_step == Tokens{1, 0, 3, 2});
  CHECK(text.num_forwards == 4);
  const std::vector<Tokens> canvases{{5, 6, 9, 9, 9, 9},
                                     {5, 6, 9, 4, 9, 9},
                                     {5, 6, 3, 4, 9, 9},
                                     {5, 6, 3, 4, 9, 2},
                                     {5, 6, 3, 4, 1, 2}};
  CHECK(text.trace == canvases);
}

TEST_CASE("SemiAutoregressivePadding shares its steps over the blocks",
          "[sampler][semi_autoregressive_padding]") {
  const MaskCounter model({1, 3, 2, 4});
  CHECK(sample(2, 2, model).tokens == Tokens{4, 4, 2, 2});  // one step a block
  CHECK(sample(4, 1, model).tokens == Tokens{4, 3, 2, 1});  // from left to right
  CHECK(sample(4, 4, model).tokens == Tokens{1, 3, 2, 4});  // one block: fixed_length
}

TEST_CASE("SemiAutoregressivePadding refuses blocks and steps that do not fit",
          "[sampler][semi_autoregressive_padding]") {
  const MaskCounter model({1, 3, 2, 4});
  CHECK_THROWS_AS(sample(4, 3, model), ConfigError);  // 3 does not divide 4
  CHECK_THROWS_AS(sample(3, 2, model), ConfigError);  // 3 steps over 2 blocks
}
