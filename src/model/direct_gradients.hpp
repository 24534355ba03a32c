// SPDX-License-Identifier: MIT
// Gradients of weights that are added where they lie, without a tensor of their own in between.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace lldm {

/// While one lives, the graphs that this thread makes add the gradients of weights to their .grad
/// during the backward pass, where there is one, instead of handing them to autograd: a block's,
/// the embedding's and the head's gradients never exist whole beside the sums.  For graphs that
/// `backward` alone is called on: torch::autograd::grad by weights would find nothing.
class DirectGradients {
 public:
  DirectGradients() : before_(flag()) { flag() = true; }
  ~DirectGradients() { flag() = before_; }
  DirectGradients(const DirectGradients&) = delete;
  DirectGradients& operator=(const DirectGradients&) = delete;

  [[nodiscard]] static bool are_on() { return flag(); }
  /// Where the gradient of `weight` is to be added in a node that was made with `is_direct`; or
  /// undefined.
  [[nodiscard]] static at::Tensor target(const at::Tensor& weight, bool is_direct) {
    return is_direct && weight.is_leaf() ? weight.grad() : at::Tensor();
  }

 private:
  static bool& flag() {
    static thread_local bool is_on = false;
    return is_on;
  }
  bool before_;
};

/// Bytes of a piece, in the wider type.
inline constexpr std::int64_t kMixedSumBytes = std::int64_t{1} << 20;
/// sum += value [same sizes], a piece after the other where their types differ: a sum in bfloat16
/// then takes two pieces beside it, not two copies in float32.  The same bits.
void add_gradient(const at::Tensor& sum, const at::Tensor& value);

}  // namespace lldm
