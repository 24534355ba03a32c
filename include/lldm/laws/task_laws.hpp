// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "lldm/concepts/any_task.hpp"
#include "lldm/laws/law.hpp"

namespace lldm::laws {

/// The laws of concepts/task.hpp.
[[nodiscard]] std::vector<Law> task_laws(const AnyTask& task);

}  // namespace lldm::laws
