// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "lldm/concepts/any_objective.hpp"
#include "lldm/laws/law.hpp"

namespace lldm::laws {

/// The laws of concepts/objective.hpp, the check of its gradient among them.
[[nodiscard]] std::vector<Law> objective_laws(const AnyObjective& objective);

}  // namespace lldm::laws
