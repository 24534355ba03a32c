// SPDX-License-Identifier: MIT
// Where queries, keys and values lie in a row of projections [(H + 2 K) W]: all queries, all keys,
// all values; interleaved, per key head its queries, the key and the value.
#pragma once

#include <ATen/core/Tensor.h>

#include "memory/cuda_kernels.hpp"
#include "model/block.hpp"

namespace lldm {

inline cuda::HeadPlaces query_places(const BlockContext& context, std::int64_t width,
                                     bool is_interleaved) {
  const std::int64_t group = context.heads / context.kv_heads;
  if (is_interleaved) return {static_cast<int>(group), static_cast<int>((group + 2) * width), 0};
  return {static_cast<int>(context.heads), 0, 0};
}

inline cuda::HeadPlaces key_places(const BlockContext& context, std::int64_t width,
                                   bool is_interleaved) {
  const std::int64_t group = context.heads / context.kv_heads;
  if (is_interleaved)
    return {1, static_cast<int>((group + 2) * width), static_cast<int>(group * width)};
  return {1, static_cast<int>(width), static_cast<int>(context.heads * width)};
}

/// [N, K, W] of rows [N, (H + 2 K) W], which are contiguous; no copy.
inline at::Tensor value_heads(const at::Tensor& rows, const BlockContext& context,
                              bool is_interleaved) {
  const std::int64_t heads = context.heads, kv = context.kv_heads, group = heads / kv;
  if (is_interleaved) return rows.view({rows.size(0), kv, group + 2, -1}).select(2, group + 1);
  return rows.view({rows.size(0), heads + 2 * kv, -1}).narrow(1, heads + kv, kv);
}

}  // namespace lldm
