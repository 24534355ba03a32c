// SPDX-License-Identifier: MIT
// Every way to do a stage's steps.
#pragma once

#include <vector>

#include "lldm/experiment/stage_plan.hpp"
#include "stage/choose_step.hpp"
#include "stage/step_plan.hpp"

namespace lldm {

/// All that the stage's parts allow: storages (of trained weights bfloat16 alone), optimizers and
/// where their states lie, recomputations, gradient paths, sizes of a pass, and whether the
/// reference's scores are cached.  The first is `chosen`, what a run of the file does.
std::vector<StepChoice> step_choices(const StepModel& model, const StepSizes& sizes,
                                     const ObjectiveNeeds& needs, Combination combination,
                                     const ChosenStep& chosen, const DeviceProfile& profile,
                                     ByteSize budget);

/// One way, with its bytes and seconds.
StepChoice choice_of(const StepModel& model, const StepSizes& sizes, const ObjectiveNeeds& needs,
                     const StepSettings& settings, const DeviceProfile& profile, ByteSize budget);

/// The file's own storage, and others that its weights may be in.
std::vector<WeightStorage> storages_of(const StepModel& model);

/// The file's own optimizer, AdamW's states on the host beside a GPU, and, where all weights are
/// trained, as codes of 8 bits.
std::vector<OptimizerOptions> optimizers_of(const StepModel& model);

}  // namespace lldm
