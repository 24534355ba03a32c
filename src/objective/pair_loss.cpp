// SPDX-License-Identifier: MIT
#include "lldm/objective/pair_loss.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/log_sigmoid.h>

namespace lldm {

at::Tensor smoothed_log_sigmoid(const at::Tensor& margins, double eps) {
  return -at::log_sigmoid(margins) * (1.0 - eps) - at::log_sigmoid(-margins) * eps;
}

std::pair<at::Tensor, at::Tensor> columns_of(const at::Tensor& pairs) {
  return {pairs.select(1, 0), pairs.select(1, 1)};
}

}  // namespace lldm
