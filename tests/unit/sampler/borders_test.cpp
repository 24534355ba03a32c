// SPDX-License-Identifier: MIT
// The small borders of a sampler: stop, guidance, canvas, noise.
#include <ATen/ops/full.h>

#include "lldm/concepts/canvas.hpp"
#include "lldm/errors.hpp"
#include "lldm/sampler/guidance.hpp"
#include "lldm/sampler/noise_source.hpp"
#include "lldm/sampler/stop.hpp"
#include "support/catch.hpp"

using namespace lldm;
using Tokens = std::vector<std::int64_t>;

TEST_CASE("Stop fills the tail only when no mask is left before the end of text",
          "[sampler][stop]") {
  const std::int64_t mask = 9;
  const Stop stop{true, 7};
  Tokens open{1, 9, 7, 9, 2};
  CHECK_FALSE(stop.finish(open, mask));
  CHECK(open == Tokens{1, 9, 7, 9, 2});
  Tokens closed{1, 2, 7, 9, 2};
  CHECK(stop.finish(closed, mask));
  CHECK(closed == Tokens{1, 2, 7, 7, 7});
  Tokens none{1, 2, 3};
  CHECK_FALSE(stop.finish(none, mask));
  Tokens off{7, 9};
  CHECK_FALSE((Stop{false, 7}.finish(off, mask)));
  CHECK(off == Tokens{7, 9});
}

TEST_CASE("Guidance masks the whole prompt and moves away from what it says without it",
          "[sampler][guidance]") {
  const Guidance guidance{0.5};
  CHECK(guidance.is_on());
  CHECK_FALSE(Guidance{}.is_on());
  CHECK(guidance.unconditional(Tokens{4, 5, 9, 6}, 2, 9) == Tokens{9, 9, 9, 6});
  std::vector<double> conditional{1.0, 2.0};
  guidance.combine(conditional, std::vector<double>{0.0, 4.0});
  CHECK(conditional == std::vector<double>{1.5, 1.0});
}

TEST_CASE("Canvas shows later blocks only when it is whole", "[sampler][canvas]") {
  const Canvas whole{CanvasGrowth::whole, 12, 4}, growing{CanvasGrowth::by_block, 12, 4};
  CHECK(whole.num_blocks() == 3);
  CHECK(whole.columns_at(0) == 12);
  CHECK(growing.columns_at(0) == 4);
  CHECK(growing.columns_at(2) == 12);
  CHECK(growing.block_begin(1) == 4);
  CHECK(growing.block_end(1) == 8);
}

TEST_CASE("PhiloxNoise depends on row, answer, step and column, and on nothing else",
          "[sampler][noise]") {
  const PhiloxNoise noise(Draws(1, "stage"));
  const auto read = [&](const NoiseKey& key, std::int64_t column) {
    std::vector<double> out(4);
    noise.token_uniforms(key, column, out);
    return out;
  };
  const auto base = read({1, 2, 3}, 4);
  CHECK(base == read({1, 2, 3}, 4));
  CHECK(base != read({2, 2, 3}, 4));
  CHECK(base != read({1, 3, 3}, 4));
  CHECK(base != read({1, 2, 4}, 4));
  CHECK(base != read({1, 2, 3}, 5));
  Stream order = noise.order_stream({1, 2, 3});
  Stream again = noise.order_stream({1, 2, 3});
  const double first = order.uniform();
  CHECK(first == again.uniform());
  CHECK(first != base[0]);
  CHECK_FALSE(noise.recorded_confidences({1, 2, 3}, Tokens{0}).has_value());
}

TEST_CASE("RecordedNoise replays by step, row and column and refuses what it does not hold",
          "[sampler][noise]") {
  at::Tensor token = at::full({2, 3, 4}, 0.5, at::kDouble);
  token.mutable_data_ptr<double>()[(1 * 3 + 2) * 4 + 3] = 0.25;
  at::Tensor order = at::full({2, 3}, 0.5, at::kDouble);
  order.mutable_data_ptr<double>()[1 * 3 + 2] = 0.75;
  const RecordedNoise noise({token}, {order});
  std::vector<double> out(4);
  noise.token_uniforms({1, 0, 0}, 2, out);
  CHECK(out == std::vector<double>{0.5, 0.5, 0.5, 0.25});
  CHECK(noise.recorded_confidences({1, 0, 0}, Tokens{0, 2}).value() ==
        std::vector<double>{0.5, 0.75});
  CHECK_THROWS_AS(noise.token_uniforms({1, 0, 1}, 2, out), ShapeError);
  CHECK_THROWS_AS(noise.token_uniforms({2, 0, 0}, 2, out), ShapeError);
  CHECK_THROWS_AS(noise.token_uniforms({1, 0, 0}, 3, out), ShapeError);
  std::vector<double> wide(5);
  CHECK_THROWS_AS(noise.token_uniforms({1, 0, 0}, 2, wide), ShapeError);
  CHECK_THROWS_AS(RecordedNoise({order}, {}), ShapeError);
}
