// SPDX-License-Identifier: MIT
// Small tensors of the host that a device reads.
#pragma once

#include <ATen/core/Tensor.h>

namespace lldm::memory {

/// `values` on `device`.  To a GPU they go by way of locked memory, so that nobody waits for the
/// copy: LibTorch keeps that memory until it is done.
[[nodiscard]] inline at::Tensor uploaded(const at::Tensor& values, const at::Device& device) {
  if (!device.is_cuda() || !values.is_cpu()) return values.to(device);
  return values.pin_memory().to(device, /*non_blocking=*/true);
}

}  // namespace lldm::memory
