// SPDX-License-Identifier: MIT
// The gradient of a step that several processes, or several micro-batches in order, add up.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <vector>

#include "lldm/concepts/packed_tokens.hpp"
#include "lldm/distributed/process_group.hpp"
#include "lldm/train/reduction.hpp"

namespace lldm {

/// The gradients of the trained parameters as one-dimensional tensors, as few as their memory
/// allows: one where they lie behind one another (FlatTensors).
[[nodiscard]] std::vector<at::Tensor> flat_gradients(const std::vector<NamedParameter>& parameters);

/// What a step's parts leave in the gradients, added up.
class SharedGradient {
 public:
  /// `group` may be null: this process alone.
  SharedGradient(std::vector<NamedParameter> parameters, ProcessGroup* group, Reduction reduction);

  /// A round of parts is done: of `rank` r < `count` each the gradients hold one part, all calls
  /// with r = 0, 1, ... in order.  With `ordered` these are added in that order, and the gradients
  /// are zero behind it; else nothing happens.
  void after_round(int count);
  /// The gradients become those of the whole step, on all ranks.
  void finish();
  /// Whether all of this process's own gradients are finite.
  [[nodiscard]] bool is_finite() const;

 private:
  std::vector<NamedParameter> parameters_;
  ProcessGroup* group_;
  Reduction reduction_;
  std::vector<at::Tensor> sum_;  // ordered alone
};

}  // namespace lldm
