// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "lldm/concepts/any_stage_kind.hpp"
#include "lldm/laws/law.hpp"

namespace lldm {

class MemoryManager;
class Registry;

}  // namespace lldm

namespace lldm::laws {

/// The laws of concepts/stage_kind.hpp, of a stage that a file writes as `own`: `name`, `kind`,
/// every key without default, and whatever else.  A stage that reads no model, rows or task is run,
/// in a folder of the system's temporary ones.  Registry and memory outlive the laws.
[[nodiscard]] std::vector<Law> stage_kind_laws(const Registry& registry, MemoryManager& memory,
                                               const AnyStageKind& kind, const config::Value& own);

}  // namespace lldm::laws
