// SPDX-License-Identifier: MIT
// What can be known to fail before anything is trained.
#pragma once

#include "lldm/config/diagnostics.hpp"
#include "lldm/experiment/run.hpp"

namespace lldm {

class Registry;

/// Mistakes between the parts of a stage, from the file alone: an objective that compares another
/// number of answers than the stage has, a gradient path that is not exact for it, a canvas longer
/// than the model, an unknown device.
void check_stage_fit(const LoadedExperiment& loaded, const Registry& registry,
                     config::Diagnostics& diagnostics);

/// Files and folders that the stages read and that are not there or hold other rows than the stage
/// needs.  A run looks before its first stage; `validate` only notes them.
void check_files(const LoadedExperiment& loaded, config::Diagnostics& diagnostics);

}  // namespace lldm
