// SPDX-License-Identifier: MIT
// RMSNorm of every head's query and key, on any device.
#pragma once

#include <ATen/core/Tensor.h>

#include "model/block.hpp"

namespace lldm {

/// In two steps: 1 / rms [H + K, 1, N], and the normalised [(H + 2 K) W, N].
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
