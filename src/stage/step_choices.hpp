// SPDX-License-Identifier: MIT
// Every way to do a stage's steps, and what helps where memory is short.
#pragma once

#include <string>
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

/// What decides, beside its sizes, which keys of a stage can be changed.
struct Advised {
  const TrainingStage& stage;
  Combination combination = Combination::sum;
  bool takes_codes = true;  // weights in int8 and nf4: no stage trains fresh ones
};

/// The three single keys whose change lowers the peak most, with the peak each gives, as indented
/// lines; where none of them comes below `limit` (0: none is known), that.
std::string advice_text(const StepModel& model, const StepSizes& sizes, const ObjectiveNeeds& needs,
                        const ChosenStep& chosen, const Advised& advised, std::int64_t limit);

}  // namespace lldm
