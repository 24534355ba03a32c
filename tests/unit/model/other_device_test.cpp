// SPDX-License-Identifier: MIT
// What a GPU runs, on the device that has shapes alone: an operation that mixes it with the host,
// or asks for what only the host has, is an error there, too.
#include <ATen/ExpandUtils.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <torch/library.h>

#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/transformer_world.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

// LibTorch has the shapes of these in Python alone.
at::Tensor index_select_shape(const at::Tensor& self, std::int64_t dim, const at::Tensor& index) {
  REQUIRE(index.is_meta());  // on the host it would be an error of a GPU
  auto sizes = self.sizes().vec();
  sizes[static_cast<std::size_t>(dim < 0 ? dim + self.dim() : dim)] = index.numel();
  return at::empty(sizes, self.options());
}
at::Tensor embedding_gradient_shape(const at::Tensor& slopes, const at::Tensor& ids,
                                    std::int64_t rows, std::int64_t /*padding*/, bool /*scale*/) {
  REQUIRE(ids.is_meta());
  return at::empty({rows, slopes.size(-1)}, slopes.options());
}
at::Tensor& where_shape(const at::Tensor& condition, const at::Tensor& a, const at::Tensor& b,
                        at::Tensor& out) {
  REQUIRE(condition.is_meta());
  out.resize_(at::infer_size(condition.sizes(), at::infer_size(a.sizes(), b.sizes())));
  return out;
}
at::Tensor fresh_where_shape(const at::Tensor& condition, const at::Tensor& a,
                             const at::Tensor& b) {
  auto out = at::empty({0}, a.options().device(at::kMeta));
  return where_shape(condition, a, b, out);
}
at::Tensor& same_shape(const at::Tensor& self, at::Tensor& out) {
  out.resize_(self.sizes());
  return out;
}
at::Tensor& both_shape(const at::Tensor& a, const at::Tensor& b, at::Tensor& out) {
  REQUIRE(a.is_meta());
  REQUIRE(b.is_meta());
  out.resize_(at::infer_size(a.sizes(), b.sizes()));
  return out;
}
TORCH_LIBRARY_IMPL(aten, Meta, library) {
  library.impl("logical_and.out", both_shape);
  library.impl("abs.out", same_shape);
  library.impl("logical_not.out", same_shape);
  library.impl("where.self_out", where_shape);
  library.impl("where.self", fresh_where_shape);
  library.impl("index_select", index_select_shape);
  library.impl("embedding_dense_backward", embedding_gradient_shape);
}

TransformerConfig config_of(const std::string& family) { return family_model(family)->config(); }

/// Forward and backward of scores at every second token.
void run(const Transformer& model, const PackedTokens& batch) {
  const auto rows = model.hidden(batch);
  REQUIRE(rows.is_meta());
  CHECK(rows.sizes() == at::IntArrayRef({batch.num_tokens(), model.config().width}));
  const auto count = (batch.num_tokens() + 1) / 2;
  const auto queried = at::zeros({count}, at::TensorOptions(at::kLong).device(at::kMeta));
  const auto scores =
      model.log_probabilities(rows.index_select(0, queried), at::ones({count}, at::kLong));
  CHECK(model.logits(rows).size(1) == model.vocabulary_size());
  if (!scores.requires_grad()) return;
  scores.sum().backward();
  for (const auto& parameter : model.parameters()) {
    INFO(parameter.name);
    REQUIRE(parameter.value.grad().defined());
    CHECK(parameter.value.grad().is_meta());
  }
}

}  // namespace

TEST_CASE("every family runs on a device that is not the host, forward and backward",
          "[model][device]") {
  for (const auto& family : family_names())
    for (const auto compute : {at::kFloat, at::kBFloat16})
      for (const auto mode : {Recomputation::none, Recomputation::selective, Recomputation::full}) {
        INFO(family << ", " << at::toString(compute) << ", " << static_cast<int>(mode));
        Transformer model(config_of(family), compute, at::kMeta);
        model.set_trainable(true);
        model.set_recomputation(mode);
        run(model, random_batch(model.config(), kRagged));
      }
}

TEST_CASE("stored weights, adapters, hidden tokens and two streams run there, too",
          "[model][device]") {
  for (const std::string family : {"llada", "smdm", "qwen3"})
    for (const auto storage :
         {WeightStorage::plain, WeightStorage::bfloat16, WeightStorage::int8, WeightStorage::nf4})
      for (const bool has_adapter : {false, true}) {
        INFO(family << ", storage " << static_cast<int>(storage) << ", adapter " << has_adapter);
        Transformer model(config_of(family), {at::kBFloat16, storage}, at::kMeta);
        if (has_adapter) model.add_adapter({.rank = 3, .alpha = 4}, Draws(5, "adapter"));
        auto batch = random_batch(model.config(), kRagged);
        run(model, batch);
        batch.visible = at::ones({batch.num_tokens()}, at::kBool);
        run(model, batch);
        if (model.config().shifted_logits) continue;
        batch.patterns.resize(static_cast<std::size_t>(batch.num_sequences()));
        batch.patterns[2] = {AttentionPattern::Kind::two_stream, 2, 3};
        run(model, batch);
      }
}

TEST_CASE("ids and targets are checked before they leave the host", "[model][device]") {
  const Transformer model(config_of("llada"), at::kFloat, at::kMeta);
  auto batch = random_batch(model.config(), {5, 6});
  const auto rows = model.hidden(batch).narrow(0, 0, 2);
  for (const std::int64_t id : {std::int64_t{-1}, model.vocabulary_size()}) {
    CHECK_THROWS_WITH(model.log_probabilities(rows, at::ones({2}, at::kLong).mul_(id)),
                      contains("must be in [0, "));
    batch.tokens.select(0, 3).fill_(id);
    CHECK_THROWS_WITH(model.hidden(batch), contains("token 3 is "));
  }
}
