// SPDX-License-Identifier: MIT
// What helps where memory is short.
#pragma once

#include <string>

#include "stage/choose_step.hpp"

namespace lldm {

/// A stage that does not fit, and what decides, beside its sizes, which keys of it can be changed.
struct Advised {
  const TrainingStage& stage;
  StepAsked asked;  // what the file says of its steps, or what was settled
  const DeviceProfile& profile;
  Combination combination = Combination::sum;
  bool takes_codes = true;  // weights in int8 and nf4: no stage trains fresh ones
  /// Where the way of the steps is settled: what is to be taken away for it to be chosen anew, and
  /// what is asked then.
  std::string settled_by = {};
  StepAsked anew = {};
  bool is_other_anew = false;  // chosen anew it would be other work, of another folder
  bool is_begun = false;       // so that keys in its hash make other work
};

/// The three single keys whose change lowers the peak most, with the peak that a run with each
/// would be planned with, as indented lines; where none of them comes below `limit` (0: none is
/// known), that.
std::string advice_text(const StepModel& model, const StepSizes& sizes, const ObjectiveNeeds& needs,
                        const ChosenStep& chosen, const Advised& advised, std::int64_t limit);

}  // namespace lldm
