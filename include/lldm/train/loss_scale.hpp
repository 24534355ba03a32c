// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstdint>

namespace lldm {

/// How the loss scale of products in float16 begins and grows.
struct LossScaling {
  double initial = 65536;
  std::int64_t growth_interval = 2000;  // finite steps after which it is doubled
};

/// The loss scale of a run, between two steps.  Powers of two: gradients are divided by it without
/// rounding.
struct LossScale {
  double scale = 0;                // 0: as LossScaling begins
  std::int64_t finite_steps = 0;   // since it was changed
  std::int64_t skipped_steps = 0;  // in all: their gradients were not finite

  /// A step's gradient was finite: it was taken.
  /// Source  torch.amp.GradScaler: growth_factor = 2, growth_interval = 2000.
  void grow(const LossScaling& rules) {
    if (++finite_steps < rules.growth_interval) return;
    finite_steps = 0;
    if (std::isfinite(static_cast<float>(2 * scale))) scale *= 2;
  }
  /// It was not, and the step was skipped.
  /// Source  as above: backoff_factor = 0.5.
  void back_off() {
    scale /= 2;
    finite_steps = 0;
    ++skipped_steps;
  }
};

}  // namespace lldm
