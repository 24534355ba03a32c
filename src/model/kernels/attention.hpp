// SPDX-License-Identifier: MIT
// Rotary multi-head attention on packed ragged tokens, as plain memory kernels.  Matrices are
// feature-major
// ("columns are tokens"): one vector register holds one feature of 16 neighbouring tokens, and
// nothing has to be transposed.
#pragma once

#include <cstdint>

namespace lldm {

/// Positions that the rotary tables must have behind the longest sequence's last: whole vectors
/// are read there.
inline constexpr std::int64_t kTablePadding = 16;

/// `qkv` holds, one feature a row, H query heads, KV key heads and KV value heads of width W,
/// before rotation; interleaved, it holds per key head its H / KV query heads, the key and the
/// value.  A unit of work is one key head of one sequence with the H / KV query heads
/// that read it: unit s * KV + head of sequence s.  No unit depends on another one's tokens.
template <class T>
struct AttentionArgs {
  const T* qkv;                 // [(H + 2 KV) W, stride]
  const T* cosines;             // [W / 2, table_stride]: a column per position
  const T* sines;               // [W / 2, table_stride]
  const std::int64_t* offsets;  // [B + 1]
  const bool* visible;          // [N], or null; false hides a token as a key
  std::int64_t heads, kv_heads, head_width;
  bool is_interleaved;
  std::int64_t columns;  // N
  std::int64_t stride, table_stride;
  T* out;                 // [H W, stride]: written by the forward pass, read by the backward pass
  T* log_sums;            // [H, stride]: log2 of the sum of 2^(score log2 e); likewise
  const T* out_gradient;  // [H W, stride]: backward only
  T* qkv_gradient;        // [(H + 2 KV) W, stride]: backward only, every token's column written
};

/// out = softmax(rot(q) rot(k)^T / sqrt(W)) v for units [begin, end).
void attention_forward(const AttentionArgs<float>&, std::int64_t begin, std::int64_t end);
void attention_forward(const AttentionArgs<double>&, std::int64_t begin, std::int64_t end);

/// Gradients of q, k and v for units [begin, end); scores are computed again from q, k and
/// log_sums.
void attention_backward(const AttentionArgs<float>&, std::int64_t begin, std::int64_t end);
void attention_backward(const AttentionArgs<double>&, std::int64_t begin, std::int64_t end);

/// The same with products that read bfloat16 and add up float32: rotated queries and keys, values,
/// weights and, backward, upstream gradients and slopes are rounded to it, sums and the sum of
/// weights are not.  As flash attention reads them; by the processor's own products where it has
/// them (AVX512-BF16).
void attention_forward_bfloat16(const AttentionArgs<float>&, std::int64_t begin, std::int64_t end);
void attention_backward_bfloat16(const AttentionArgs<float>&, std::int64_t begin, std::int64_t end);

}  // namespace lldm
