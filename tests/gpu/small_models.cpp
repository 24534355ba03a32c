// SPDX-License-Identifier: MIT
#include "small_models.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/ones.h>
#include <c10/core/GradMode.h>

namespace lldm::gpu_check {

TransformerConfig small_config(const std::string& family) {
  TransformerConfig config = family_defaults(family);
  config.width = 64, config.layers = 2, config.heads = 4, config.kv_heads = 2;
  config.mlp_width = 88, config.vocabulary = config.logit_columns = 61, config.max_length = 128;
  config.rope_theta = 100.0;
  if (family == "llama") config.qkv_bias = config.output_bias = config.mlp_bias = true;
  return config;
}

std::shared_ptr<Transformer> exact_model(const TransformerConfig& config) {
  auto model = make_transformer(config, {.head_std = 0.3}, Draws(3, "gpu_check"), at::kDouble);
  const c10::NoGradGuard guard;
  double shift = 0;
  for (const auto& p : model->parameters())
    if (p.value.dim() == 1)  // norms and biases that do something
      at::Tensor(p.value).add_(at::arange(p.value.size(0), p.value.options()).add(shift += 1).sin(),
                               0.3);
  return model;
}

std::shared_ptr<Transformer> copy_of(const Transformer& exact, const Precision& precision,
                                     at::Device device, const WeightPlacement& placement) {
  auto model = std::make_shared<Transformer>(exact.config(), precision, device, placement);
  {
    const c10::NoGradGuard guard;
    const auto from = exact.weights(), to = model->weights();
    for (std::size_t i = 0; i < from.size(); ++i) to[i].assign(from[i].value(at::kDouble));
  }
  if (precision.storage == WeightStorage::plain && !placement.is_streamed())
    model->set_trainable(true);
  return model;
}

PackedTokens texts_of(const TransformerConfig& config, bool hides, bool is_two_stream) {
  Stream stream(5, 6);
  PackedTokens texts;
  texts.offsets = {0};
  for (const std::int64_t length : {5, 32, 32, 61, 17, 100})
    texts.offsets.push_back(texts.offsets.back() + length);
  texts.tokens = at::arange(texts.offsets.back());
  auto* ids = texts.tokens.mutable_data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < texts.num_tokens(); ++i) ids[i] = stream.below(config.vocabulary);
  if (hides) {
    texts.visible = at::ones({texts.num_tokens()}, at::kBool);
    for (const std::int64_t at : {5, 6, 70, 75}) texts.visible.select(0, at).fill_(false);
  }
  if (is_two_stream) {
    texts.patterns.resize(texts.offsets.size() - 1);
    texts.patterns[1] = {AttentionPattern::Kind::two_stream, 4, 4};
  }
  return texts;
}

at::Tensor weighted_loss(const Transformer& model, const PackedTokens& texts) {
  const auto queried = at::arange(0, texts.num_tokens(), 2);
  const auto targets = at::arange(0, queried.numel()).remainder(model.config().vocabulary - 1);
  const auto rows = model.hidden(texts).index_select(0, queried.to(model.device()));
  const auto scores = model.log_probabilities(rows, targets);
  const auto weights = at::arange(1, scores.numel() + 1, at::kDouble).mul(0.1).sin();
  return (scores * weights.to(scores.options().requires_grad(false))).sum();
}

std::vector<at::Tensor> gradients_of(const Transformer& model, const PackedTokens& texts) {
  const auto parameters = model.parameters();
  for (const auto& p : parameters) at::Tensor(p.value).mutable_grad() = at::Tensor();
  weighted_loss(model, texts).backward();
  std::vector<at::Tensor> list;
  for (const auto& p : parameters) list.push_back(p.value.grad());
  return list;
}

}  // namespace lldm::gpu_check
