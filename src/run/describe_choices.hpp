// SPDX-License-Identifier: MIT
// What `lldm plan --budget --device` tells of the ways to do a stage's steps.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "lldm/experiment/loaded_experiment.hpp"
#include "run/asked_device.hpp"

namespace lldm {

class Registry;

/// Every choice of every training stage of the file's first cell: "stages", each with "choices",
/// "configured" and "fastest_that_fits" (null where none fits) as places in them.
/// `seconds`: what a step may take, or 0; where the file's way takes longer, or more memory than
/// there is, "fewer" is looked at: the most copies of a text that would do.
nlohmann::ordered_json choices_json(const LoadedExperiment& loaded, const Registry& registry,
                                    const AskedDevice& device, double seconds);

/// The same for people: of each stage what the file says, the fastest choices that fit, and what
/// the planner proposes.  `width`: characters of a line of its tables.
std::string choices_text(const LoadedExperiment& loaded, const Registry& registry,
                         const AskedDevice& device, double seconds, int width);

}  // namespace lldm
