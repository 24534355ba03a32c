// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "lldm/concepts/any_noise_schedule.hpp"
#include "lldm/laws/law.hpp"

namespace lldm::laws {

/// The laws of concepts/noise_schedule.hpp.
[[nodiscard]] std::vector<Law> noise_schedule_laws(const AnyNoiseSchedule& schedule);

}  // namespace lldm::laws
