// SPDX-License-Identifier: MIT
// Rotary multi-head attention on packed ragged rows, as plain memory kernels.
#pragma once

#include <cstdint>

namespace lldm {

/// Rows of `qkv` hold H query heads, KV key heads and KV value heads of width W, before rotation.
/// A unit of work is one key head of one sequence with the H / KV query heads that read it: units
/// s * KV + head for sequence s.  No unit reads or writes another one's rows.
template <class T>
struct AttentionArgs {
  const T* qkv;                 // [N, (H + 2 KV) W]
  const T* cosines;             // [max length, W / 2]
  const T* sines;               // [max length, W / 2]
  const std::int64_t* offsets;  // [B + 1]
  const bool* visible;          // [N], or null; false hides a row as a key
  std::int64_t heads, kv_heads, head_width;
  T* out;                 // [N, H W]: written by the forward pass, read by the backward pass
  T* log_sums;            // [N, H]: log-sum-exp of the scaled scores; likewise
  const T* out_gradient;  // [N, H W]: backward only
  T* qkv_gradient;        // [N, (H + 2 KV) W]: backward only, fully written
};

/// out = softmax(rot(q) rot(k)^T / sqrt(W)) v for units [begin, end).
void attention_forward(const AttentionArgs<float>&, std::int64_t begin, std::int64_t end);
void attention_forward(const AttentionArgs<double>&, std::int64_t begin, std::int64_t end);

/// Gradients of q, k and v for units [begin, end); scores are computed again from q, k and
/// log_sums.
void attention_backward(const AttentionArgs<float>&, std::int64_t begin, std::int64_t end);
void attention_backward(const AttentionArgs<double>&, std::int64_t begin, std::int64_t end);

}  // namespace lldm
