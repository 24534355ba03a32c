// SPDX-License-Identifier: MIT
// A table of block parts, tried on a device against tensor operations in float64 on the host.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <string_view>

#include "model/block.hpp"
#include "model/block_parts.hpp"

namespace lldm {

/// A pack of five texts (5, 32, 32, 1, 90 tokens) and the heads that attend in it.
struct TrialPack {
  static constexpr std::int64_t kTokens = 160;
  std::int64_t heads = 4, kv_heads = 2, head_width = 64;
  bool is_interleaved = false;
  bool hides_keys = false;     // some tokens are seen by none
  bool is_two_stream = false;  // the second text, in blocks of 4
};

/// What `parts` are given of it, on `device`, with products that read `compute`.
[[nodiscard]] BlockContext trial_context(const TrialPack& pack, const BlockParts& parts,
                                         at::Device device, at::ScalarType rows,
                                         at::ScalarType compute);

/// What is wrong of each pair of a part and its backward; empty: nothing.
struct TrialFindings {
  std::string norm, swiglu, attention;
};

/// Rows are float32; attention is tried in float32, bfloat16 and float16, with one and several
/// queries a key, in both orders of projections.  An error of a part is what is wrong of it.
/// Errors  OutOfMemory, and a device that is lost.
/// Cost    4 MiB on the device and the host for a while, some hundred launches and a dozen waits.
[[nodiscard]] TrialFindings try_block_parts(const BlockParts& parts, at::Device device);

/// Where nothing is left to operations.
inline constexpr std::string_view kFusedText = "fused";

/// Operations, and in their place those of `parts` that are right.
struct TrustedParts {
  BlockParts parts;
  std::string text;  // kFusedText, or what is left to operations and why, one line
};
[[nodiscard]] TrustedParts trusted_block_parts(const BlockParts& parts, at::Device device);

}  // namespace lldm
