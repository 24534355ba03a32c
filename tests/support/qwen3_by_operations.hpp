// SPDX-License-Identifier: MIT
// The transformer of golden/dllm_bd3lm (Qwen3 without a causal mask: q and k are normalised per
// head) in plain tensor operations, for sequences of equal length and pattern.  No model of lldm.
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
#include <string>

#include "lldm/concepts/denoiser.hpp"
#include "lldm/errors.hpp"
#include "lldm/model/safetensors.hpp"
#include "model/two_stream_mask.hpp"

namespace lldm::testing {

struct Qwen3Sizes {
  std::int64_t layers, heads, kv_heads, head_width;
  double rope_theta, eps;
};

class Qwen3ByOperations {
 public:
  Qwen3ByOperations(Qwen3Sizes sizes, const TensorMap& tensors, at::ScalarType type)
      : sizes_(sizes) {
    for (const auto& [name, value] : tensors) weights_[name] = value.to(type);
  }

  [[nodiscard]] at::Tensor hidden(const PackedTokens& batch) const {
    std::vector<at::Tensor> parts;
    for (std::size_t s = 0; s + 1 < batch.offsets.size(); ++s) {
      const std::int64_t begin = batch.offsets[s], length = batch.offsets[s + 1] - begin;
      at::Tensor allowed, positions = at::arange(length, at::kDouble);
      if (!batch.patterns.empty() && batch.patterns[s].kind != AttentionPattern::Kind::full) {
        allowed = two_stream_mask(batch.patterns[s], length);
        positions = positions.remainder(static_cast<double>(length) / 2);
      }
      parts.push_back(sequence(batch.tokens.narrow(0, begin, length), positions, allowed));
    }
    return at::cat(parts);
  }
  [[nodiscard]] at::Tensor logits(const at::Tensor& rows) const {
    return at::linear(rows, weight("lm_head"));
  }
  [[nodiscard]] at::Tensor log_probabilities(const at::Tensor& rows,
                                             const at::Tensor& targets) const {
    return at::log_softmax(logits(rows), -1).gather(1, targets.unsqueeze(1)).squeeze(1);
  }
  [[nodiscard]] std::vector<NamedParameter> parameters() const { return {}; }
  [[nodiscard]] std::int64_t vocabulary_size() const { return weight("lm_head").size(0); }

 private:
  [[nodiscard]] const at::Tensor& weight(const std::string& name) const {
    return weights_.at(name + ".weight");
  }
  [[nodiscard]] at::Tensor norm(const at::Tensor& x, const std::string& name) const {
    return x * at::rsqrt((x * x).mean(-1, true) + sizes_.eps) * weight(name);
  }
  // x [h, L, dh]
  [[nodiscard]] at::Tensor rotate(const at::Tensor& x, const at::Tensor& positions) const {
    const std::int64_t half = sizes_.head_width / 2;
    const auto steps = at::arange(half, at::kDouble)
                           .mul(-std::log(sizes_.rope_theta) / static_cast<double>(half))
                           .exp();
    const auto angles = at::outer(positions, steps);
    const auto cosines = angles.cos().to(x.scalar_type()), sines = angles.sin().to(x.scalar_type());
    const auto a = x.narrow(2, 0, half), b = x.narrow(2, half, half);
    return at::cat({a * cosines - b * sines, b * cosines + a * sines}, 2);
  }
  [[nodiscard]] at::Tensor attention(const at::Tensor& x, const std::string& prefix,
                                     const at::Tensor& positions, const at::Tensor& allowed) const {
    const auto heads = [&](const char* name) {
      return at::linear(x, weight(prefix + name))
          .view({x.size(0), -1, sizes_.head_width})
          .transpose(0, 1);
    };
    const std::int64_t group = sizes_.heads / sizes_.kv_heads;
    const auto q = rotate(norm(heads("q_proj"), prefix + "q_norm"), positions);
    const auto k =
        rotate(norm(heads("k_proj"), prefix + "k_norm"), positions).repeat_interleave(group, 0);
    const auto v = heads("v_proj").repeat_interleave(group, 0);
    auto scores =
        at::matmul(q, k.transpose(1, 2)) / std::sqrt(static_cast<double>(sizes_.head_width));
    if (allowed.defined())
      scores = scores.masked_fill(allowed.logical_not(), -std::numeric_limits<double>::infinity());
    const auto mixed = at::matmul(at::softmax(scores, -1), v).transpose(0, 1);
    return at::linear(mixed.reshape({x.size(0), -1}), weight(prefix + "o_proj"));
  }
  [[nodiscard]] at::Tensor sequence(const at::Tensor& tokens, const at::Tensor& positions,
                                    const at::Tensor& allowed) const {
    auto x = at::embedding(weight("model.embed_tokens"), tokens);
    for (std::int64_t i = 0; i < sizes_.layers; ++i) {
      const std::string layer = message("model.layers.", i, ".");
      x = x +
          attention(norm(x, layer + "input_layernorm"), layer + "self_attn.", positions, allowed);
      const auto wide = norm(x, layer + "post_attention_layernorm");
      const auto gated = at::silu(at::linear(wide, weight(layer + "mlp.gate_proj"))) *
                         at::linear(wide, weight(layer + "mlp.up_proj"));
      x = x + at::linear(gated, weight(layer + "mlp.down_proj"));
    }
    return norm(x, "model.norm");
  }

  Qwen3Sizes sizes_;
  TensorMap weights_;
};
static_assert(Denoiser<Qwen3ByOperations>);

}  // namespace lldm::testing
