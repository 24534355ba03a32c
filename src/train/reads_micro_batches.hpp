// SPDX-License-Identifier: MIT
#pragma once

#include "lldm/score/engine.hpp"

namespace lldm {

/// Whether a loss is another one where a micro-batch is cut: it divides by their number itself.
[[nodiscard]] bool reads_micro_batches(const ObjectiveNeeds& needs, const LossFunction& loss);

}  // namespace lldm
