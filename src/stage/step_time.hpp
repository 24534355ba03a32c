// SPDX-License-Identifier: MIT
// How long a step takes, from sizes and a device profile.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "lldm/memory/device_profile.hpp"
#include "stage/step_plan.hpp"

namespace lldm {

/// Operations of a block, over which a profile's `call` is measured.
inline constexpr std::int64_t kBlockCallsForward = 25, kBlockCallsBackward = 60;

/// Seconds of one optimizer step by what takes them: products, head, attention, recomputation,
/// reference (passes of the policy again included), decoding, memory (row-wise operations),
/// optimizer, calls, copies (between host and device).  Each is work over rate; nothing overlaps
/// but the copies of a GPU, of which only what is longer than its work counts.
std::vector<std::pair<std::string_view, double>> step_seconds(const StepModel& model,
                                                              const StepSizes& sizes,
                                                              const StepPlan& plan,
                                                              const DeviceProfile& profile);

}  // namespace lldm
