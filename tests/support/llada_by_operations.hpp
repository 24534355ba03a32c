// SPDX-License-Identifier: MIT
// The slow reference of the transformer: plain differentiable tensor operations, written from the
// model's description, with weights taken by name.  Shares no code with src/model.
#pragma once

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/outer.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/softmax.h>

#include <cmath>
#include <limits>
#include <map>
#include <string>

#include "lldm/errors.hpp"
#include "lldm/model/llada.hpp"

namespace lldm::testing {

using Weights = std::map<std::string, at::Tensor>;

inline Weights weights_by_name(const Llada& model) {
  Weights weights;
  for (const auto& parameter : model.parameters()) weights[parameter.name] = parameter.value;
  return weights;
}

inline at::Tensor reference_norm(const at::Tensor& x, const at::Tensor& weight, double eps) {
  return x * at::rsqrt((x * x).mean(-1, true) + eps) * weight;
}

// x [B, h, L, dh]: rotate-half with angle position * theta^(-2 i / dh).
inline at::Tensor reference_rope(const at::Tensor& x, double theta) {
  const std::int64_t length = x.size(2), half = x.size(3) / 2;
  const auto steps =
      at::arange(half, at::kDouble).mul(-std::log(theta) / static_cast<double>(half)).exp();
  const auto angles = at::outer(at::arange(length, at::kDouble), steps);
  const auto cosines = angles.cos().to(x.scalar_type()), sines = angles.sin().to(x.scalar_type());
  const auto a = x.narrow(3, 0, half), b = x.narrow(3, half, half);
  return at::cat({a * cosines - b * sines, b * cosines + a * sines}, 3);
}

// Rows of sequences of one length: [B * L, D] with keys hidden where `visible` is false, and where
// `allowed` [L, L] (row: who looks) is.
inline at::Tensor reference_block(const Weights& w, const std::string& prefix,
                                  const LladaConfig& config, const at::Tensor& x,
                                  const at::Tensor& visible, std::int64_t length,
                                  const at::Tensor& allowed = {}) {
  const std::int64_t batch = x.size(0) / length, width = config.head_width();
  const auto linear = [&](const at::Tensor& rows, const std::string& name) {
    const auto bias = w.find(prefix + name + ".bias");
    return at::linear(rows, w.at(prefix + name + ".weight"),
                      bias == w.end() ? std::nullopt : std::optional(bias->second));
  };
  const auto heads = [&](const at::Tensor& rows, std::int64_t count) {
    return rows.reshape({batch, length, count, width}).transpose(1, 2);
  };
  const auto n = reference_norm(x, w.at(prefix + "attn_norm.weight"), config.rms_norm_eps);
  const std::int64_t group = config.n_heads / config.n_kv_heads;
  const auto q = reference_rope(heads(linear(n, "q_proj"), config.n_heads), config.rope_theta);
  const auto k = reference_rope(heads(linear(n, "k_proj"), config.n_kv_heads), config.rope_theta)
                     .repeat_interleave(group, 1);
  const auto v = heads(linear(n, "v_proj"), config.n_kv_heads).repeat_interleave(group, 1);
  auto scores = at::matmul(q, k.transpose(2, 3)) / std::sqrt(static_cast<double>(width));
  if (visible.defined())
    scores = scores.masked_fill(visible.reshape({batch, 1, 1, length}).logical_not(),
                                -std::numeric_limits<double>::infinity());
  if (allowed.defined())
    scores = scores.masked_fill(allowed.logical_not(), -std::numeric_limits<double>::infinity());
  const auto mixed =
      at::matmul(at::softmax(scores, -1), v).transpose(1, 2).reshape({x.size(0), -1});
  const auto middle = x + linear(mixed, "attn_out");
  const auto m = reference_norm(middle, w.at(prefix + "ff_norm.weight"), config.rms_norm_eps);
  return middle + linear(at::silu(linear(m, "ff_proj")) * linear(m, "up_proj"), "ff_out");
}

/// Final rows [N, D].  Sequences of equal length in a row are one batch, ragged ones are taken one
/// by one.
inline at::Tensor hidden_by_operations(const Llada& model, const PackedTokens& batch) {
  const auto w = weights_by_name(model);
  const auto& config = model.config();
  std::vector<at::Tensor> parts;
  for (std::size_t first = 0, last; first + 1 < batch.offsets.size(); first = last) {
    const std::int64_t length = batch.offsets[first + 1] - batch.offsets[first];
    for (last = first + 1; last + 1 < batch.offsets.size() &&
                           batch.offsets[last + 1] - batch.offsets[last] == length;)
      ++last;
    const std::int64_t rows = batch.offsets[last] - batch.offsets[first];
    const auto visible = batch.visible.defined()
                             ? batch.visible.narrow(0, batch.offsets[first], rows)
                             : at::Tensor();
    auto x = at::embedding(w.at("model.transformer.wte.weight"),
                           batch.tokens.narrow(0, batch.offsets[first], rows));
    for (std::int64_t i = 0; i < config.n_layers; ++i)
      x = reference_block(w, message("model.transformer.blocks.", i, "."), config, x, visible,
                          length);
    parts.push_back(reference_norm(x, w.at("model.transformer.ln_f.weight"), config.rms_norm_eps));
  }
  return at::cat(parts);
}

/// Final rows [L, D] of one sequence whose token i may look at token j where allowed[i, j].
inline at::Tensor hidden_under(const Llada& model, const at::Tensor& tokens,
                               const at::Tensor& allowed) {
  const auto w = weights_by_name(model);
  auto x = at::embedding(w.at("model.transformer.wte.weight"), tokens);
  for (std::int64_t i = 0; i < model.config().n_layers; ++i)
    x = reference_block(w, message("model.transformer.blocks.", i, "."), model.config(), x, {},
                        tokens.size(0), allowed);
  return reference_norm(x, w.at("model.transformer.ln_f.weight"), model.config().rms_norm_eps);
}

inline at::Tensor log_probabilities_by_operations(const Llada& model, const at::Tensor& rows,
                                                  const at::Tensor& targets) {
  const auto w = weights_by_name(model);
  auto logits =
      at::linear(rows, w.at(model.config().weight_tying ? "model.transformer.wte.weight"
                                                        : "model.transformer.ff_out.weight"));
  if (const auto id = model.excluded_logit()) {
    const auto column = at::arange(logits.size(1), at::kLong).eq(*id);
    logits = logits.masked_fill(column, -std::numeric_limits<double>::infinity());
  }
  return at::log_softmax(logits, 1).gather(1, targets.unsqueeze(1)).squeeze(1);
}

}  // namespace lldm::testing
