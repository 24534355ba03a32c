// SPDX-License-Identifier: MIT
// Many tensors behind one another in one allocation.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace lldm {

/// Tensors that are cleared as one, and kept or moved as one: an adapter's weights, gradients,
/// moments.  Each begins at a multiple of 64 bytes; what lies between them stays zero.  A tensor
/// keeps the whole allocation alive.
class FlatTensors {
 public:
  FlatTensors() = default;
  /// Zeros of the shapes, dtypes and devices of `like`, one allocation for each dtype and device.
  static FlatTensors zeros_like(const std::vector<at::Tensor>& like);

  /// In the order of `like`; contiguous, without a gradient history.
  [[nodiscard]] const std::vector<at::Tensor>& parts() const { return parts_; }
  [[nodiscard]] const at::Tensor& operator[](std::size_t i) const { return parts_[i]; }
  [[nodiscard]] std::size_t size() const { return parts_.size(); }
  void zero() const;

 private:
  std::vector<at::Tensor> wholes_;  // one-dimensional
  std::vector<at::Tensor> parts_;
};

}  // namespace lldm
