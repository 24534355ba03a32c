// SPDX-License-Identifier: MIT
// What runs settled of keys that the file leaves open, in config.resolved.toml.
#pragma once

#include <filesystem>

#include "lldm/config/value.hpp"
#include "lldm/experiment/schedule.hpp"

namespace lldm {

/// In the folder of a training stage's work: how its steps are done, from the first process on.
inline constexpr const char* kStepPlanName = "step_plan.json";

/// A resolved file whose stages have a table `settled` each, of their open keys, where their work
/// has begun.  Cells of a grid settle by themselves, in their works' folders alone.
config::Value with_settled(config::Value resolved, const RunSchedule& schedule);

/// Writes that into the folder's config.resolved.toml, which stays as it is otherwise.
void note_settled(const std::filesystem::path& out, const RunSchedule& schedule);

}  // namespace lldm
