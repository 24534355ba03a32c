// SPDX-License-Identifier: MIT
// Small transformers, ragged packs, and the comparison of a model with the slow reference.
#pragma once

#include <ATen/ops/arange.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/transformer_by_operations.hpp"

namespace lldm::testing {

inline TransformerConfig small_config() {
  return {.width = 24,
          .layers = 2,
          .heads = 4,
          .kv_heads = 2,
          .mlp_width = 20,
          .vocabulary = 13,
          .logit_columns = 17,
          .max_length = 64,
          .rope_theta = 100.0};
}

inline PackedTokens random_batch(const TransformerConfig& config,
                                 const std::vector<std::int64_t>& lengths) {
  Stream stream(5, 6);
  PackedTokens batch;
  batch.offsets = {0};
  for (const auto length : lengths) batch.offsets.push_back(batch.offsets.back() + length);
  batch.tokens = at::arange(batch.offsets.back());
  auto* ids = batch.tokens.mutable_data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < batch.num_tokens(); ++i) ids[i] = stream.below(config.vocabulary);
  return batch;
}

inline std::vector<at::Tensor> gradients(const Transformer& model, const at::Tensor& loss) {
  const auto parameters = model.parameters();
  for (const auto& p : parameters) at::Tensor(p.value).mutable_grad() = at::Tensor();
  loss.backward();
  std::vector<at::Tensor> list;
  for (const auto& p : parameters) list.push_back(p.value.grad());
  return list;
}

// A loss that weighs every queried token differently, so that no gradient cancels.
inline at::Tensor weighted(const at::Tensor& values) {
  return (values * at::arange(1, values.numel() + 1, values.options()).mul(0.1).sin()).sum();
}

// Hidden rows, scores and every gradient against the slow reference; returns the largest relative
// error.
inline double compare_with_reference(const Transformer& model, const PackedTokens& batch) {
  const auto queried = at::arange(0, batch.num_tokens(), 2);
  const auto targets = at::arange(0, queried.numel()).remainder(model.config().vocabulary - 1);
  const auto ours = model.log_probabilities(model.hidden(batch).index_select(0, queried), targets);
  const auto hidden = hidden_by_operations(model, batch);
  const auto reference =
      log_probabilities_by_operations(model, hidden.index_select(0, queried), targets);
  const auto relative = [](const at::Tensor& a, const at::Tensor& b) {
    return a.sub(b).norm().item<double>() / std::max(b.norm().item<double>(), 1e-300);
  };
  double worst = std::max(relative(model.hidden(batch), hidden), relative(ours, reference));
  const auto mine = gradients(model, weighted(ours)),
             theirs = gradients(model, weighted(reference));
  const auto names = model.parameters();
  for (std::size_t i = 0; i < mine.size(); ++i) {
    INFO(names[i].name);
    REQUIRE(mine[i].defined());
    REQUIRE(theirs[i].norm().item<double>() > 0);
    worst = std::max(worst, relative(mine[i], theirs[i]));
  }
  return worst;
}

inline std::shared_ptr<Transformer> make(const TransformerConfig& config,
                                         at::ScalarType type = at::kDouble) {
  // A head and norms of ordinary size: with head_std = 0.02 the softmax would be flat.
  auto model = make_transformer(config, {.head_std = 0.5}, Draws(3, "test"), type);
  const c10::NoGradGuard guard;
  double shift = 0;
  for (const auto& p : model->parameters())
    if (p.value.dim() == 1)
      at::Tensor(p.value).add_(at::arange(p.value.size(0), p.value.options()).add(shift += 1).sin(),
                               0.3);
  return model;
}

/// A model of its own with every update added to its matrix, and no adapter.
inline std::shared_ptr<Transformer> merged(const Transformer& model) {
  const c10::NoGradGuard guard;
  auto copy = std::make_shared<Transformer>(model.config(), Precision(model.precision().compute));
  const auto from = model.weights(), to = copy->weights();
  for (std::size_t i = 0; i < from.size(); ++i) to[i].assign(from[i].value(model.dtype()));
  copy->exclude_logit(model.excluded_logit());
  copy->set_adapter(model.adapter(), "merged");
  copy->merge_adapter();
  return copy;
}

/// A small model of a family, with every bias that the family may have.
inline std::shared_ptr<Transformer> family_model(const std::string& family,
                                                 at::ScalarType type = at::kDouble) {
  TransformerConfig config = family_defaults(family);
  const TransformerConfig sizes = small_config();
  config.width = sizes.width, config.layers = sizes.layers, config.heads = sizes.heads,
  config.kv_heads = sizes.kv_heads, config.mlp_width = sizes.mlp_width,
  config.vocabulary = config.logit_columns = sizes.vocabulary, config.max_length = 64;
  if (family == "llama") config.qkv_bias = config.output_bias = config.mlp_bias = true;
  return make(config, type);
}

/// Puts an adapter beside it as if it had been trained for a while: B is not zero.
inline void adapt(Transformer& model, const LoraOptions& options = {.rank = 3, .alpha = 4}) {
  model.add_adapter(options, Draws(5, "adapter"));
  const c10::NoGradGuard guard;
  double phase = 0;
  for (const auto& update : model.adapter())
    at::Tensor(update.b).copy_(at::arange(update.b.numel(), update.b.options().requires_grad(false))
                                   .add(phase += 1)
                                   .sin()
                                   .mul(0.3)
                                   .view_as(update.b));
}

inline const std::vector<std::int64_t> kRagged = {1, 5, 16, 17, 33, 5, 40};

}  // namespace lldm::testing
