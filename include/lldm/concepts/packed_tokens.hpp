// SPDX-License-Identifier: MIT
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "lldm/concepts/attention_pattern.hpp"

namespace lldm {

/// Ragged sequences behind one another: no padding is stored and none is computed.
struct PackedTokens {
  at::Tensor tokens;                  // [N] int64, on the host, where ids can still be checked
  std::vector<std::int64_t> offsets;  // [B + 1], offsets[0] = 0, offsets[B] = N; no empty sequence
  /// [N] bool, or undefined when every token may be attended to.  False hides a token as a key
  /// from all queries of its sequence (left padding); RoPE still counts it.
  at::Tensor visible = {};
  /// [B] who sees whom, or empty when every sequence is seen whole by each of its tokens.
  std::vector<AttentionPattern> patterns = {};

  [[nodiscard]] std::int64_t num_sequences() const {
    return static_cast<std::int64_t>(offsets.size()) - 1;
  }
  [[nodiscard]] std::int64_t num_tokens() const { return offsets.back(); }
};

/// A trainable tensor under its name in the model folder.
struct NamedParameter {
  std::string name;
  at::Tensor value;          // leaf, requires_grad as set by the stage
  bool is_followed = false;  // its gradient stands for the model's when noise is measured
};

/// The tensor whose gradient is followed; the first where the model marks none.  Not empty.
inline const NamedParameter& followed_parameter(const std::vector<NamedParameter>& parameters) {
  for (const NamedParameter& parameter : parameters)
    if (parameter.is_followed) return parameter;
  return parameters.front();
}

}  // namespace lldm
