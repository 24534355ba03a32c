// SPDX-License-Identifier: MIT
#include "lldm/sampler/semi_autoregressive_origin.hpp"

#include "lldm/sampler/remasking/low_confidence.hpp"
#include "support/catch.hpp"
#include "support/mask_counter.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

SampledText sample(std::int64_t steps, std::int64_t block_length, const MaskCounter& model) {
  return sample_by_counting<SemiAutoregressiveOrigin>(
      {.common = {.canvas = {.response_length = 4}, .commit = {.steps = steps}},
       .block_length = block_length},
      LowConfidence(), model);
}

}  // namespace

TEST_CASE("SemiAutoregressiveOrigin shows the model no block behind the one it writes",
          "[sampler][semi_autoregressive_origin]") {
  // The surest column of all, the last, waits for its block; two masks are the most there are.
  const SampledText text = sample(4, 2, MaskCounter({1, 3, 2, 4}));
  CHECK(text.tokens == Tokens{1, 2, 1, 2});
  CHECK(text.reveal_step == Tokens{1, 0, 3, 2});
  CHECK(text.num_forwards == 4);
  const std::vector<Tokens> canvases{
      {5, 6, 9, 9}, {5, 6, 9, 2}, {5, 6, 1, 2, 9, 9}, {5, 6, 1, 2, 9, 2}, {5, 6, 1, 2, 1, 2}};
  CHECK(text.trace == canvases);
}

TEST_CASE("SemiAutoregressiveOrigin shares its steps over the blocks",
          "[sampler][semi_autoregressive_origin]") {
  const MaskCounter model({1, 3, 2, 4});
  CHECK(sample(2, 2, model).tokens == Tokens{2, 2, 2, 2});  // one step a block
  CHECK(sample(4, 1, model).tokens == Tokens{1, 1, 1, 1});  // from left to right
  CHECK(sample(4, 1, model).reveal_step == Tokens{0, 1, 2, 3});
  CHECK(sample(4, 4, model).tokens == Tokens{1, 3, 2, 4});  // one block: the whole answer
}

TEST_CASE("SemiAutoregressiveOrigin fills the blocks that it never opened when the answer ends",
          "[sampler][semi_autoregressive_origin]") {
  const std::int64_t end = MaskCounter::kEndOfText;
  const SampledText text = sample(4, 2, MaskCounter({1, 3, 2, 4}, end));
  CHECK(text.tokens == Tokens(4, end));
  CHECK(text.num_forwards == 2);
  CHECK(text.is_stopped_early);
  CHECK(text.trace == std::vector<Tokens>{{5, 6, 9, 9}, {5, 6, 9, 8}, {5, 6, 8, 8, 8, 8}});
}
