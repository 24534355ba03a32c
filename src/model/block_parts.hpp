// SPDX-License-Identifier: MIT
// The parts of a block that are not matrix products, each with its backward, as one kind of device
// runs them.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace lldm {

struct BlockContext;

struct Normed {
  at::Tensor rows, scale;  // [N, D], [N]: 1 / rms
};
struct NormGradient {
  at::Tensor rows, weight, normed;  // normed: the normalised rows again
};
struct SwigluGradient {
  at::Tensor gate_up, y;  // y: the product again
};
struct Attended {
  at::Tensor columns;   // [H W, N]
  at::Tensor log_sums;  // [H, N]; of LibTorch's kernels as they keep them; or undefined
};

/// Rows are [N, D] in float32 or float64, whatever the products read.  Matrices of attention are
/// [features, N], in the memory that `columns` gives.
struct BlockParts {
  /// Whether a feature's tokens lie side by side in matrices of attention; else a token's features.
  bool is_feature_major;
  /// x / rms(x) * weight.
  Normed (*norm)(const at::Tensor& x, const at::Tensor& weight, double eps);
  /// `residual`, where it is defined, is added to the gradient of x.
  NormGradient (*norm_gradient)(const at::Tensor& x, const at::Tensor& weight,
                                const at::Tensor& scale, const at::Tensor& dy,
                                const at::Tensor& residual);
  /// silu(gate) * up of [N, 2 F] -> [N, F].
  at::Tensor (*swiglu)(const at::Tensor& gate_up);
  SwigluGradient (*swiglu_gradient)(const at::Tensor& gate_up, const at::Tensor& dy);
  /// Rotates queries and keys by their positions, and attends.  qkv [(H + 2 K) W, N]; interleaved,
  /// it holds per key head its queries, the key and the value.
  Attended (*attend)(const at::Tensor& qkv, const BlockContext& context, bool is_interleaved);
  at::Tensor (*attend_gradient)(const at::Tensor& qkv, const BlockContext& context,
                                bool is_interleaved, const Attended& attended,
                                const at::Tensor& upstream);
  /// What attention needs to know of a pack is made once for all blocks; null: nothing.
  void (*prepare)(BlockContext& context);

  /// An empty matrix of attention.
  [[nodiscard]] at::Tensor columns(std::int64_t features, std::int64_t tokens,
                                   const at::TensorOptions& options) const;
};

/// Our kernels, on the CPU, for sequences that are seen whole.
const BlockParts& cpu_block_parts();
/// Tensor operations on any device, with any attention pattern.  The backward of attention computes
/// it again; scores of attention exist where the device's own attention keeps them.
const BlockParts& operation_block_parts();
/// The same on a GPU in few launches: LibTorch's fused RMSNorm, our kernels for rotation and
/// SwiGLU, and one call of LibTorch's attention for a pack.
const BlockParts& fused_block_parts();

/// What a model takes; on a GPU fused parts, after a trial (block_parts_trial.hpp).
const BlockParts& block_parts(at::Device device, bool has_patterns);

}  // namespace lldm
