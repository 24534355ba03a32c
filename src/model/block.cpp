// SPDX-License-Identifier: MIT
#include "model/block.hpp"

namespace lldm {

at::Tensor rms_norm(const at::Tensor& rows, const at::Tensor& weight, double eps) {
  return rms_norm_by_operations(rows, weight, eps);
}

at::Tensor block_forward(const LladaBlock& block, const at::Tensor& rows,
                         const BlockContext& context) {
  return block_by_operations(block, rows, context);
}

}  // namespace lldm
