// SPDX-License-Identifier: MIT
// Dropout before a low-rank update.
#pragma once

#include <ATen/core/Tensor.h>

#include "model/block.hpp"

namespace lldm {

/// 0, or 1 / (1 - dropout), of every number that the update of projection `place` (of kProjections)
/// reads: [N, in].  Undefined where nothing is dropped.  A pure function of the sequence's key, the
/// block, the projection and the place in the sequence: of no neighbour in the pack.
at::Tensor dropout_mask(const BlockContext& context, std::size_t place, const Lora& lora,
                        const at::TensorOptions& options);

/// x, or x times that mask.
inline at::Tensor dropped(const at::Tensor& x, const at::Tensor& mask) {
  return mask.defined() ? x.mul(mask) : x;
}

}  // namespace lldm
