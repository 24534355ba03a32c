// SPDX-License-Identifier: MIT
// The first block's queries, keys and values are made once of every token that occurs: the bits of
// rows stay, and so do the gradients up to the order of sums.
#include "model/repeated_rows.hpp"

#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>

#include "lldm/model/determinism.hpp"
#include "support/catch.hpp"
#include "support/transformer_world.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

[[maybe_unused]] const bool is_deterministic = (set_deterministic_environment(), true);

// 13 tokens: packs of all four are rows that are alike, each alone is below the least size.
const std::vector<std::int64_t> kLengths = {64, 70, 96, 128};

TransformerConfig wide_config() {
  auto config = small_config();
  config.width = 128, config.mlp_width = 160, config.max_length = 128;
  return config;
}

PackedTokens one_of(const PackedTokens& batch, std::size_t sequence) {
  const auto begin = batch.offsets[sequence], end = batch.offsets[sequence + 1];
  PackedTokens one;
  one.tokens = batch.tokens.narrow(0, begin, end - begin);
  one.offsets = {0, end - begin};
  return one;
}

void add_adapter(Transformer& model) {
  model.add_adapter({.rank = 3}, Draws(5, "adapter"));
  for (const auto& update : model.adapter()) update.b.detach().fill_(0.05);
}

std::vector<at::Tensor> slopes_of(const Transformer& model, const PackedTokens& batch) {
  const auto rows = model.hidden(batch);
  std::vector<at::Tensor> list;
  for (const auto& p : model.parameters()) at::Tensor(p.value).mutable_grad() = at::Tensor();
  weighted(model.log_probabilities(rows, batch.tokens)).backward();
  for (const auto& p : model.parameters())
    if (p.value.requires_grad()) list.push_back(p.value.grad());
  return list;
}

}  // namespace

TEST_CASE("repeated_rows names one row of every token, and where the others are", "[model]") {
  const auto tokens = at::arange(400).remainder(7).add(3);
  const auto rows = repeated_rows(tokens, 20);
  REQUIRE(rows);
  CHECK(rows->places.size(0) == 32);  // a legal pack
  CHECK(at::equal(tokens.index_select(0, rows->places.narrow(0, 0, 7)), at::arange(3, 10)));
  CHECK(at::equal(tokens.index_select(0, rows->places.narrow(0, 7, 25)),
                  at::full({25}, 3, at::kLong)));
  CHECK(at::equal(tokens.index_select(0, rows->places).index_select(0, rows->kinds), tokens));
  // Nothing to be had: more than half differ, or a small pack.
  CHECK_FALSE(repeated_rows(at::arange(400), 400));
  CHECK_FALSE(repeated_rows(tokens.narrow(0, 0, 255), 20));
  const auto columns = at::arange(64, at::kFloat).view({2, 32});
  const auto spread = repeated_columns(columns, *rows);
  CHECK(at::equal(spread, columns.index_select(1, rows->kinds)));
}

TEST_CASE("A pack in which tokens repeat has the rows of its sequences, bit by bit", "[model]") {
  for (const auto& config : {small_config(), wide_config()})
    for (const bool has_adapter : {false, true})
      for (const auto again : {Recomputation::none, Recomputation::full}) {
        auto sized = config;
        sized.max_length = 128;
        const auto model = make(sized, at::kFloat);
        if (has_adapter) add_adapter(*model);
        model->set_recomputation(again);
        const auto batch = random_batch(sized, kLengths);
        REQUIRE(repeated_rows(batch.tokens, sized.vocabulary));
        const auto whole = model->hidden(batch);
        for (std::size_t s = 0; s < kLengths.size(); ++s) {
          const auto one = one_of(batch, s);
          REQUIRE_FALSE(repeated_rows(one.tokens, sized.vocabulary));
          CHECK(at::equal(model->hidden(one), whole.narrow(0, batch.offsets[s], kLengths[s])));
        }
      }
}

TEST_CASE("Gradients through repeated rows are those of the rows", "[model]") {
  for (const bool has_adapter : {false, true}) {
    const auto exact = make(wide_config());  // float64: every row by itself
    const auto model = make(wide_config(), at::kFloat);
    if (has_adapter) add_adapter(*exact), add_adapter(*model);
    const auto batch = random_batch(wide_config(), kLengths);
    const auto ours = slopes_of(*model, batch), theirs = slopes_of(*exact, batch);
    REQUIRE(ours.size() == theirs.size());
    for (std::size_t i = 0; i < ours.size(); ++i) {
      REQUIRE(ours[i].defined());
      const double size = theirs[i].norm().item<double>();
      REQUIRE(size > 0);
      CHECK(ours[i].to(at::kDouble).sub(theirs[i]).norm().item<double>() <= 2e-5 * size);
    }
  }
}

TEST_CASE("An adapter's gradients do not depend on whether anything below asks", "[model]") {
  const auto model = make(wide_config(), at::kFloat);
  add_adapter(*model);
  const auto batch = random_batch(wide_config(), kLengths);
  const auto frozen = slopes_of(*model, batch);
  at::Tensor embedding = model->base_parameters().front().value;
  REQUIRE(embedding.size(0) == model->vocabulary_size());
  embedding.set_requires_grad(true);
  const auto trained = slopes_of(*model, batch);
  CHECK(embedding.grad().defined());
  REQUIRE(frozen.size() == trained.size());
  for (std::size_t i = 0; i < frozen.size(); ++i) CHECK(at::equal(frozen[i], trained[i]));
}
