// SPDX-License-Identifier: MIT
#include "lldm/train/trainer.hpp"

namespace lldm {
template class Trainer<AnyForwardProcess, AnyScoreEstimator, AnyObjective>;
}  // namespace lldm
