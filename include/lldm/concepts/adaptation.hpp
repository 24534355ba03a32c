// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace lldm {

/// The rule by which the evaluations of step k + 1 follow from the steps up to k.
///
/// With v_k the smoothed variance of a pair's margin (of a score where rows are no pairs) at one
/// evaluation, step k + 1 takes ceil(v_k / standard_error^2) evaluations, within [min, max].
struct Adaptation {
  std::int64_t min = 1;
  std::int64_t max = 8;
  double standard_error = 1.0;  // wanted, nats
  double smoothing = 0.9;       // weight of the steps before in the smoothed variance, [0, 1)
};

/// Where the rule stands between two steps; part of a checkpoint.
struct AdaptationState {
  std::int64_t evaluations = 0;  // of the next step; 0: not begun
  double variance = 0;           // v_k, nats^2
};

/// The state after a step with `evaluations` of them in which the squared standard errors of the
/// margins were `squared_error` on average.
AdaptationState next_evaluations(const Adaptation& rule, const AdaptationState& before,
                                 double squared_error);

}  // namespace lldm
