// SPDX-License-Identifier: MIT
// The gradient of a step that several processes, or several micro-batches in order, add up.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <vector>

#include "lldm/concepts/packed_tokens.hpp"
#include "lldm/distributed/process_group.hpp"
#include "lldm/train/reduction.hpp"
#include "score/last_backward.hpp"
#include "train/gradient_buckets.hpp"

namespace lldm {

/// What a step's parts leave in the gradients, added up.  With `fast` and several processes the
/// sums begin while the last part of this process goes back (GradientBuckets).
class SharedGradient {
 public:
  /// All.  `group` may be null: this process alone.
  /// Errors  OutOfMemory on all, where one of them has no room for it.
  SharedGradient(std::vector<NamedParameter> parameters, ProcessGroup* group, Reduction reduction);

  /// To be held while the engine does the last part that this process has; null where nothing can
  /// begin before all is done.  `before_followed`: see GradientBuckets::watch.
  [[nodiscard]] std::unique_ptr<LastBackward> in_last_part(std::function<void()> before_followed);
  /// Before `after_round`, inside an agreement: what it needs, so that it cannot fail on one rank.
  void make_room();
  /// A round of parts is done: of `rank` r < `count` each the gradients hold one part, all calls
  /// with r = 0, 1, ... in order.  With `ordered` these are added in that order, and the gradients
  /// are zero behind it; else nothing happens.
  void after_round(int count);
  /// This process has done all its parts, if it had any: every sum has begun behind it.
  void end_parts();
  /// The gradients become those of the whole step, on all ranks.
  /// Errors  OutOfMemory on all, where one of them has no room for the sums.
  void finish();
  /// One of the processes has failed, and all know it: behind it nobody writes to the gradients.
  void abandon() noexcept;
  /// Whether all of this process's own gradients are finite.  Behind `end_parts`.
  [[nodiscard]] bool is_finite() const;

 private:
  std::vector<NamedParameter> parameters_;
  ProcessGroup* group_;
  Reduction reduction_;
  std::vector<at::Tensor> sum_, own_;         // ordered alone: runs of gradients
  at::Tensor other_;                          // ordered alone: bytes of another rank's run
  std::unique_ptr<GradientBuckets> buckets_;  // fast alone, of several processes
};

}  // namespace lldm
