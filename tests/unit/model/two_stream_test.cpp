// SPDX-License-Identifier: MIT
// The two-stream attention of block diffusion: one pass of 2 L tokens against one pass per block.
#include "model/two_stream_mask.hpp"

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include "lldm/errors.hpp"
#include "lldm/model/transformer.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/transformer_by_operations.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

std::shared_ptr<Transformer> tiny(at::ScalarType type) {
  return make_transformer({.width = 24,
                           .layers = 2,
                           .heads = 4,
                           .kv_heads = 2,
                           .mlp_width = 20,
                           .vocabulary = 13,
                           .logit_columns = 17,
                           .max_length = 12,
                           .rope_theta = 100.0},
                          {.head_std = 0.5}, Draws(3, "test"), type);
}

constexpr AttentionPattern kPattern{AttentionPattern::Kind::two_stream, 3, 4};
constexpr std::int64_t kLength = 12;  // blocks 3 | 4 | 4 | 1

at::Tensor random_tokens(std::int64_t count, std::uint64_t seed) {
  Stream stream(seed, 1);
  std::vector<std::int64_t> ids;
  for (std::int64_t i = 0; i < count; ++i) ids.push_back(stream.below(13));
  return at::tensor(ids, at::kLong);
}

struct Block {
  std::int64_t begin, end;
};
const std::vector<Block> kBlocks = {{0, 3}, {3, 7}, {7, 11}, {11, 12}};

/// [end, end]: every token sees the blocks up to its own.
at::Tensor causal_blocks(std::int64_t end) {
  at::Tensor allowed = at::zeros({end, end}, at::kBool);
  for (const auto& [first, last] : kBlocks)
    if (last <= end) allowed.narrow(0, first, last - first).narrow(1, 0, last).fill_(true);
  return allowed;
}

/// Noised rows then clean rows [2 L, D], every block by a pass of its own.
at::Tensor block_by_block(const Transformer& model, const at::Tensor& noised,
                          const at::Tensor& clean) {
  std::vector<at::Tensor> rows;
  for (const auto& [begin, end] : kBlocks) {
    const auto tokens = at::cat({clean.narrow(0, 0, begin), noised.narrow(0, begin, end - begin)});
    rows.push_back(hidden_under(model, tokens, causal_blocks(end)).narrow(0, begin, end - begin));
  }
  rows.push_back(hidden_under(model, clean, causal_blocks(kLength)));
  return at::cat(rows);
}

std::vector<at::Tensor> gradients(const Transformer& model, const at::Tensor& rows) {
  const auto weights = at::arange(1, rows.numel() + 1, rows.options()).mul(0.1).sin();
  std::vector<at::Tensor> parameters;
  for (const auto& parameter : model.parameters())
    if (parameter.name != "model.transformer.ff_out.weight") parameters.push_back(parameter.value);
  return torch::autograd::grad({(rows.reshape({-1}) * weights).sum()}, parameters);
}

double distance(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).norm().item<double>() / b.norm().item<double>();
}

PackedTokens packed(const std::vector<at::Tensor>& sequences,
                    std::vector<AttentionPattern> patterns) {
  PackedTokens batch{.tokens = at::cat(sequences), .offsets = {0}};
  for (const auto& sequence : sequences)
    batch.offsets.push_back(batch.offsets.back() + sequence.size(0));
  batch.patterns = std::move(patterns);
  return batch;
}

}  // namespace

TEMPLATE_TEST_CASE("A two-stream pass is one pass per block, forward and backward",
                   "[model][two_stream]", float, double) {
  const bool is_double = std::is_same_v<TestType, double>;
  const auto model = tiny(is_double ? at::kDouble : at::kFloat);
  model->set_trainable(true);
  const auto noised = random_tokens(kLength, 1), clean = random_tokens(kLength, 2);
  const auto ours = model->hidden(packed({at::cat({noised, clean})}, {kPattern}));
  const auto reference = block_by_block(*model, noised, clean);
  const double tolerance = is_double ? 1e-12 : 2e-6;
  CHECK(distance(ours, reference) < tolerance);
  const auto mine = gradients(*model, ours), theirs = gradients(*model, reference);
  for (std::size_t i = 0; i < mine.size(); ++i) {
    REQUIRE(theirs[i].norm().item<double>() > 0);
    CHECK(distance(mine[i], theirs[i]) < 20 * tolerance);
  }
}

TEST_CASE("A two-stream sequence stands beside others in a pack", "[model][two_stream]") {
  const auto model = tiny(at::kDouble);
  const c10::NoGradGuard guard;
  const auto two = random_tokens(2 * kLength, 1), short_two = random_tokens(10, 2),
             plain = random_tokens(10, 3);
  const AttentionPattern other{AttentionPattern::Kind::two_stream, 0, 2};
  const auto together = model->hidden(packed({two, short_two, plain}, {kPattern, other, {}}));
  CHECK(distance(together.narrow(0, 0, 24), model->hidden(packed({two}, {kPattern}))) < 1e-12);
  CHECK(distance(together.narrow(0, 24, 10), model->hidden(packed({short_two}, {other}))) < 1e-12);
  CHECK(distance(together.narrow(0, 34, 10), model->hidden(packed({plain}, {}))) < 1e-12);
  // Equal lengths with unequal patterns are not one batch.
  CHECK(distance(together.narrow(0, 24, 10), model->hidden(packed({short_two}, {}))) > 1e-3);
}

TEST_CASE("What a noised block cannot see does not move it", "[model][two_stream]") {
  const auto model = tiny(at::kDouble);
  const c10::NoGradGuard guard;
  const auto tokens = random_tokens(2 * kLength, 1);
  const auto before = model->hidden(packed({tokens}, {kPattern}));
  for (std::int64_t changed = 0; changed < 2 * kLength; ++changed) {
    auto other = tokens.clone();
    other[changed] = (tokens[changed].item<std::int64_t>() + 1) % 13;
    const auto after = model->hidden(packed({other}, {kPattern}));
    const auto sees = two_stream_mask(kPattern, 2 * kLength).select(1, changed);
    for (std::int64_t i = 0; i < 2 * kLength; ++i) {
      const bool moved = !at::equal(before[i], after[i]);
      INFO("token " << changed << " seen from " << i);
      // Sight is transitive: what a token sees sees nothing that the token does not.
      CHECK(moved == sees[i].item<bool>());
    }
  }
}

TEST_CASE("The two-stream mask of a device is the host's", "[model][two_stream]") {
  for (const std::int64_t half : {1, 7, 12})
    for (const std::int64_t block : {1, 3, 5, 20})
      for (std::int64_t prompt = 0; prompt <= half; prompt += 3) {
        AttentionPattern pattern = kPattern;
        pattern.block_size = block, pattern.num_prompt = prompt;
        INFO("halves of " << half << ", blocks of " << block << ", prompt of " << prompt);
        CHECK(at::equal(two_stream_mask_on(at::kCPU, pattern, 2 * half),
                        two_stream_mask(pattern, 2 * half)));
      }
}

TEST_CASE("Two-stream patterns that cannot be are refused", "[model][two_stream]") {
  const auto model = tiny(at::kDouble);
  using Kind = AttentionPattern::Kind;
  const auto tokens = random_tokens(6, 1);
  CHECK_THROWS_WITH(model->hidden(packed({random_tokens(5, 1)}, {{Kind::two_stream, 0, 2}})),
                    contains("sequence 0: a two-stream sequence is two halves of equal length, got "
                             "5 tokens"));
  CHECK_THROWS_WITH(model->hidden(packed({tokens}, {{Kind::two_stream, 0, 0}})),
                    contains("blocks of at least 1 token"));
  CHECK_THROWS_WITH(model->hidden(packed({tokens}, {{Kind::two_stream, 4, 2}})),
                    contains("4 prompt tokens in halves of 3"));
  CHECK_THROWS_WITH(model->hidden(packed({tokens, tokens}, {{}})),
                    contains("patterns must be one a sequence or none, got 1 of 2"));
  CHECK_THROWS_WITH(model->hidden(packed({random_tokens(26, 1)}, {{Kind::two_stream, 0, 2}})),
                    contains("sequence 0 has 13 tokens"));
  CHECK_NOTHROW(model->hidden(packed({random_tokens(24, 1)}, {{Kind::two_stream, 0, 2}})));
}
