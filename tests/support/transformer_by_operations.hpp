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

#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <string>

#include "lldm/errors.hpp"
#include "lldm/model/transformer.hpp"

namespace lldm::testing {

using Weights = std::map<std::string, at::Tensor>;

inline Weights weights_by_name(const Transformer& model) {
  Weights weights;
  for (const auto& parameter : model.parameters()) weights[parameter.name] = parameter.value;
  return weights;
}

/// The names of a family's tensors, written down from its published checkpoints.
struct ReferenceNames {
  std::string embedding, block, final_norm, head;
  std::string attn_norm, q, k, v, qkv, q_norm, k_norm, out, ff_norm, gate, up, down;
};

inline ReferenceNames reference_names(const std::string& family) {
  if (family == "llada")
    return {"model.transformer.wte",
            "model.transformer.blocks.",
            "model.transformer.ln_f",
            "model.transformer.ff_out",
            "attn_norm",
            "q_proj",
            "k_proj",
            "v_proj",
            "",
            "",
            "",
            "attn_out",
            "ff_norm",
            "ff_proj",
            "up_proj",
            "ff_out"};
  if (family == "smdm")
    return {"transformer.wte",
            "transformer.h.",
            "transformer.ln_f",
            "lm_head",
            "norm_1",
            "",
            "",
            "",
            "attn.attn",
            "",
            "",
            "attn.proj",
            "norm_2",
            "mlp.swiglu.w1",
            "mlp.swiglu.w2",
            "mlp.swiglu.w3"};
  return {"model.embed_tokens",
          "model.layers.",
          "model.norm",
          "lm_head",
          "input_layernorm",
          "self_attn.q_proj",
          "self_attn.k_proj",
          "self_attn.v_proj",
          "",
          "self_attn.q_norm",
          "self_attn.k_norm",
          "self_attn.o_proj",
          "post_attention_layernorm",
          "mlp.gate_proj",
          "mlp.up_proj",
          "mlp.down_proj"};
}

inline at::Tensor reference_norm(const at::Tensor& x, const at::Tensor& weight, double eps) {
  return x * at::rsqrt((x * x).mean(-1, true) + eps) * weight;
}

// x [B, h, L, dh]: rotate-half with angle position * theta^(-2 i / dh), divided by a linear factor.
inline at::Tensor reference_rope(const at::Tensor& x, const TransformerConfig& config) {
  const std::int64_t length = x.size(2), half = x.size(3) / 2;
  const auto steps =
      at::arange(half, at::kDouble)
          .mul(-std::log(config.rope_theta) / static_cast<double>(half))
          .exp()
          .div(config.rope_scaling.kind == RopeScaling::Kind::linear ? config.rope_scaling.factor
                                                                     : 1.0);
  const auto angles = at::outer(at::arange(length, at::kDouble), steps);
  const auto rounded = [&](const at::Tensor& table) {
    return (config.rope_bfloat16 ? table.to(at::kBFloat16) : table).to(x.scalar_type());
  };
  const auto cosines = rounded(angles.cos()), sines = rounded(angles.sin());
  const auto a = x.narrow(3, 0, half), b = x.narrow(3, half, half);
  return at::cat({a * cosines - b * sines, b * cosines + a * sines}, 3);
}

inline at::Tensor reference_linear(const Weights& w, const std::string& name,
                                   const at::Tensor& rows) {
  const auto bias = w.find(name + ".bias");
  return at::linear(rows, w.at(name + ".weight"),
                    bias == w.end() ? std::nullopt : std::optional(bias->second));
}

/// q, k and v [B, h, L, dh] before the rotation, k and v as often as there are queries.
inline std::array<at::Tensor, 3> reference_heads(const Weights& w, const std::string& prefix,
                                                 const TransformerConfig& config,
                                                 const at::Tensor& rows, std::int64_t length) {
  const auto names = reference_names(config.family);
  const std::int64_t batch = rows.size(0) / length, width = config.head_width(),
                     group = config.heads / config.kv_heads;
  const auto split = [&](const at::Tensor& flat, std::int64_t count) {
    return flat.reshape({batch, length, count, width}).transpose(1, 2);
  };
  at::Tensor q, k, v;
  if (config.fused_qkv) {
    const auto whole = reference_linear(w, prefix + names.qkv, rows)
                           .reshape({batch, length, config.kv_heads, group + 2, width})
                           .permute({0, 2, 3, 1, 4});  // [B, K, group + 2, L, dh]
    q = whole.narrow(2, 0, group).reshape({batch, config.heads, length, width});
    k = whole.select(2, group), v = whole.select(2, group + 1);
  } else {
    q = split(reference_linear(w, prefix + names.q, rows), config.heads);
    k = split(reference_linear(w, prefix + names.k, rows), config.kv_heads);
    v = split(reference_linear(w, prefix + names.v, rows), config.kv_heads);
  }
  if (config.qk_norm) {
    q = reference_norm(q, w.at(prefix + names.q_norm + ".weight"), config.norm_eps);
    k = reference_norm(k, w.at(prefix + names.k_norm + ".weight"), config.norm_eps);
  }
  return {q, k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)};
}

// Rows of sequences of one length: [B * L, D] with keys hidden where `visible` is false, and where
// `allowed` [L, L] (row: who looks) is.
inline at::Tensor reference_block(const Weights& w, std::int64_t layer,
                                  const TransformerConfig& config, const at::Tensor& x,
                                  const at::Tensor& visible, std::int64_t length,
                                  const at::Tensor& allowed = {}) {
  const auto names = reference_names(config.family);
  const auto prefix = message(names.block, layer, ".");
  const auto linear = [&](const at::Tensor& rows, const std::string& name) {
    return reference_linear(w, prefix + name, rows);
  };
  const std::int64_t batch = x.size(0) / length;
  const auto n = reference_norm(x, w.at(prefix + names.attn_norm + ".weight"), config.norm_eps);
  const auto [q, k, v] = reference_heads(w, prefix, config, n, length);
  auto scores = at::matmul(reference_rope(q, config), reference_rope(k, config).transpose(2, 3)) /
                std::sqrt(static_cast<double>(config.head_width()));
  constexpr double kNever = -std::numeric_limits<double>::infinity();
  if (visible.defined())
    scores = scores.masked_fill(visible.reshape({batch, 1, 1, length}).logical_not(), kNever);
  if (allowed.defined()) scores = scores.masked_fill(allowed.logical_not(), kNever);
  const auto mixed =
      at::matmul(at::softmax(scores, -1), v).transpose(1, 2).reshape({x.size(0), -1});
  const auto middle = x + linear(mixed, names.out);
  const auto m = reference_norm(middle, w.at(prefix + names.ff_norm + ".weight"), config.norm_eps);
  return middle + linear(at::silu(linear(m, names.gate)) * linear(m, names.up), names.down);
}

/// Row i - 1 where row i stood, and row 0 again.  [B * L, D] of sequences of one length.
inline at::Tensor reference_shift(const at::Tensor& rows, std::int64_t length) {
  const auto whole = rows.reshape({-1, length, rows.size(1)});
  return at::cat({whole.narrow(1, 0, 1), whole.narrow(1, 0, length - 1)}, 1)
      .reshape({-1, rows.size(1)});
}

/// Final rows [N, D].  Sequences of equal length in a row are one batch, ragged ones are taken one
/// by one.
inline at::Tensor hidden_by_operations(const Transformer& model, const PackedTokens& batch) {
  const auto w = weights_by_name(model);
  const auto& config = model.config();
  const auto names = reference_names(config.family);
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
    auto x = at::embedding(w.at(names.embedding + ".weight"),
                           batch.tokens.narrow(0, batch.offsets[first], rows));
    for (std::int64_t i = 0; i < config.layers; ++i)
      x = reference_block(w, i, config, x, visible, length);
    x = reference_norm(x, w.at(names.final_norm + ".weight"), config.norm_eps);
    parts.push_back(config.shifted_logits ? reference_shift(x, length) : x);
  }
  return at::cat(parts);
}

/// Final rows [L, D] of one sequence whose token i may look at token j where allowed[i, j].
inline at::Tensor hidden_under(const Transformer& model, const at::Tensor& tokens,
                               const at::Tensor& allowed) {
  const auto w = weights_by_name(model);
  const auto names = reference_names(model.config().family);
  auto x = at::embedding(w.at(names.embedding + ".weight"), tokens);
  for (std::int64_t i = 0; i < model.config().layers; ++i)
    x = reference_block(w, i, model.config(), x, {}, tokens.size(0), allowed);
  return reference_norm(x, w.at(names.final_norm + ".weight"), model.config().norm_eps);
}

inline at::Tensor log_probabilities_by_operations(const Transformer& model, const at::Tensor& rows,
                                                  const at::Tensor& targets) {
  const auto w = weights_by_name(model);
  const auto names = reference_names(model.config().family);
  auto logits =
      at::linear(rows, w.at((model.config().tied_head ? names.embedding : names.head) + ".weight"));
  if (const auto id = model.excluded_logit()) {
    const auto column = at::arange(logits.size(1), at::kLong).eq(*id);
    logits = logits.masked_fill(column, -std::numeric_limits<double>::infinity());
  }
  return at::log_softmax(logits, 1).gather(1, targets.unsqueeze(1)).squeeze(1);
}

}  // namespace lldm::testing
