// SPDX-License-Identifier: MIT
// The peak of a training run before its first step, from what it always holds and what its moments
// hold beside.  Pure arithmetic; the bytes come from those who know the code that allocates.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lldm/config/field.hpp"
#include "lldm/memory/manager.hpp"

namespace lldm {

struct PlanLine {
  std::string_view what;  // "reference", "pair buffers", ...
  MemoryPurpose purpose;  // that the manager counts it under
  std::int64_t bytes = 0;
};

/// What a run holds at one of its moments beside what it always holds.
struct PlanMoment {
  std::string_view what;  // "forward", "head", "backward of a block", ...
  std::int64_t activations = 0;
  std::int64_t gradients = 0;  // of single layers, on their way into the sums
  std::int64_t logits = 0;
  std::int64_t staging = 0;    // numbers on their way to a file or a device
  std::int64_t workspace = 0;  // decoded weights, sums for figures

  [[nodiscard]] std::int64_t bytes() const {
    return activations + gradients + logits + staging + workspace;
  }
};

struct PlanInputs {
  std::vector<PlanLine> held;       // from before the first step to the end
  std::vector<PlanMoment> moments;  // one after the other
  ByteSize budget;                  // 0: none
};

struct MemoryPlan {
  std::vector<PlanLine> lines;    // at the moment that holds most
  std::string_view moment = {};   // which that is; "" where there is none
  std::int64_t budget_bytes = 0;  // 0: none
  /// By purpose the most of any moment, as the manager's peaks; they sum to `peak_bytes()` or more.
  std::array<std::int64_t, kMemoryPurposes> purpose_peaks{};

  [[nodiscard]] std::int64_t bytes(MemoryPurpose purpose) const {
    return purpose_peaks[static_cast<std::size_t>(purpose)];
  }
  [[nodiscard]] std::int64_t peak_bytes() const;
  /// True without a budget.
  [[nodiscard]] bool fits() const { return budget_bytes == 0 || peak_bytes() <= budget_bytes; }
  /// A table of the lines with the budget; with a measurement, the measured peaks and their ratio
  /// beside.
  [[nodiscard]] std::string text(const DeviceMemory* measured = nullptr) const;
  /// What is too much, in two lines: "the plan needs A of B [memory] budget" and the largest lines.
  [[nodiscard]] std::string shortage() const;
  /// Errors  OutOfMemory if it does not fit: the largest lines, and `advice`, what would make it
  ///         fit (indented lines; empty: the keys that usually help).
  void require_fit(const std::string& advice = "") const;
};

/// The lines that are held, and those of the moment that adds most.
///
/// Errors  ShapeError for a negative number of bytes.
[[nodiscard]] MemoryPlan plan_memory(const PlanInputs& inputs);

}  // namespace lldm
