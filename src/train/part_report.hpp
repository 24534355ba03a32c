// SPDX-License-Identifier: MIT
// What the processes of a step tell one another beside their gradients.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "lldm/concepts/score_set.hpp"
#include "lldm/score/pass_counts.hpp"

namespace lldm {

/// What one part of a step (or of a validation pass) came to.
struct PartReport {
  std::size_t index = 0;  // of the part, in the order of the step
  double loss = 0, tokens = 0, loss_variance = 0;
  double noise_square = 0;  // of its gradient, where the order of the sums is fixed
  PassCounts passes = {};
  Mean squared_error = {};  // of the margins, nats^2
  std::map<std::string, Mean> metrics = {};
};

/// What one process did of a step.
struct ShareReport {
  std::vector<PartReport> parts = {};
  double noise_squares = 0, noise_count = 0;  // of GradientNoise
  double last_norm = 0;                       // of the step before: all have the same
  bool wants_stop = false;
};

/// Exact, NaN and infinities too.
[[nodiscard]] std::string pack(const ShareReport& share);
[[nodiscard]] ShareReport unpack(const std::string& bytes);

void merge(std::map<std::string, Mean>& into, const std::map<std::string, Mean>& from);

/// The shares of all processes as one: its parts in the order of the step.
/// Errors  Error if the processes took other steps before this one (`last_norm`).
[[nodiscard]] ShareReport joined(const std::vector<std::string>& shares);

}  // namespace lldm
