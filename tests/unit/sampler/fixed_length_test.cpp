// SPDX-License-Identifier: MIT
#include "lldm/sampler/fixed_length.hpp"

#include "lldm/sampler/remasking/low_confidence.hpp"
#include "support/catch.hpp"
#include "support/mask_counter.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

SampledText sample(std::int64_t steps, const MaskCounter& model) {
  return sample_by_counting<FixedLength>(
      {.canvas = {.response_length = 4}, .commit = {.steps = steps}}, LowConfidence(), model);
}

}  // namespace

TEST_CASE("FixedLength reveals the surest column of the whole answer first",
          "[sampler][fixed_length]") {
  // Sureness 2, 3, 1, 4: columns 3, 1, 0, 2 are written while 4, 3, 2, 1 masks are there.
  const SampledText text = sample(4, MaskCounter({2, 3, 1, 4}));
  CHECK(text.tokens == Tokens{2, 3, 1, 4});
  CHECK(text.reveal_step == Tokens{2, 1, 3, 0});
  CHECK(text.num_forwards == 4);
  CHECK(text.masks_left == 0);
  CHECK_FALSE(text.is_stopped_early);
  const std::vector<Tokens> canvases{{5, 6, 9, 9, 9, 9},
                                     {5, 6, 9, 9, 9, 4},
                                     {5, 6, 9, 3, 9, 4},
                                     {5, 6, 2, 3, 9, 4},
                                     {5, 6, 2, 3, 1, 4}};
  CHECK(text.trace == canvases);
}

TEST_CASE("FixedLength shares the columns over fewer steps, the remainder in the first",
          "[sampler][fixed_length]") {
  const MaskCounter model({2, 3, 1, 4});
  const SampledText two = sample(2, model);  // columns 3 and 1, then 0 and 2
  CHECK(two.tokens == Tokens{2, 4, 2, 4});
  CHECK(two.num_forwards == 2);
  const SampledText three = sample(3, model);  // 2, 1, 1
  CHECK(three.tokens == Tokens{2, 4, 1, 4});
  CHECK(three.reveal_step == Tokens{1, 0, 2, 0});
  CHECK(sample(1, model).tokens == Tokens{4, 4, 4, 4});
}

TEST_CASE("FixedLength breaks ties to the left and runs no step that has nothing to write",
          "[sampler][fixed_length]") {
  const SampledText text = sample(9, MaskCounter({1, 1, 1, 1}));
  CHECK(text.tokens == Tokens{4, 3, 2, 1});
  CHECK(text.num_forwards == 4);
}

TEST_CASE("FixedLength stops when the answer has an end and no mask before it",
          "[sampler][fixed_length]") {
  const std::int64_t end = MaskCounter::kEndOfText;
  // The second column first: a mask stands before it until the first column is written.
  const SampledText text = sample(4, MaskCounter({2, 3, 1, 1}, end));
  CHECK(text.tokens == Tokens(4, end));
  CHECK(text.num_forwards == 2);
  CHECK(text.is_stopped_early);
  CHECK(text.reveal_step == Tokens{1, 0, 2, 2});
}
