// SPDX-License-Identifier: MIT
// The parts of a block on the CPU, each with its backward: threads around the kernels of
// model/kernels.
#pragma once

#include <ATen/core/Tensor.h>

#include "model/block.hpp"

namespace lldm {

struct Normed {
  at::Tensor rows, scale;  // [N, D], [N]: 1 / rms
};
Normed norm_forward(const at::Tensor& x, const at::Tensor& weight, double eps);

struct NormGradient {
  at::Tensor rows, weight, normed;  // normed: the normalised rows again
};
/// `residual`, where it is defined, is added to the gradient of x.
NormGradient norm_backward(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& scale,
                           const at::Tensor& dy, const at::Tensor& residual);

/// silu(gate) * up of [N, 2 F] -> [N, F].
at::Tensor swiglu(const at::Tensor& gate_up);
struct SwigluGradient {
  at::Tensor gate_up, y;  // y: the product again
};
SwigluGradient swiglu_gradient(const at::Tensor& gate_up, const at::Tensor& dy);

/// A feature-major matrix with the padding behind its last token that the kernels read over.
at::Tensor columns(std::int64_t features, std::int64_t tokens, const at::TensorOptions& options);

struct Attended {
  at::Tensor columns, log_sums;  // [H W, N], [H, N]
};
/// qkv [(H + 2 K) W, N] from `columns`; interleaved: see kernels/attention.hpp.
Attended attend(const at::Tensor& qkv, const BlockContext& context, bool is_interleaved);
at::Tensor attend_gradient(const at::Tensor& qkv, const BlockContext& context, bool is_interleaved,
                           const Attended& attended, const at::Tensor& upstream);

/// RMSNorm of every head's query and key, in two steps: 1 / rms [H + K, 1, N], and the normalised
/// [(H + 2 K) W, N].
at::Tensor heads_scale(const at::Tensor& qkv, const BlockContext& context);
at::Tensor heads_norm(const at::Tensor& qkv, const BlockContext& context, const at::Tensor& q_norm,
                      const at::Tensor& k_norm, const at::Tensor& scale);
struct HeadsNormGradient {
  at::Tensor qkv, q_norm, k_norm;
};
HeadsNormGradient heads_norm_gradient(const at::Tensor& qkv, const BlockContext& context,
                                      const at::Tensor& q_norm, const at::Tensor& k_norm,
                                      const at::Tensor& scale, const at::Tensor& upstream);

}  // namespace lldm
