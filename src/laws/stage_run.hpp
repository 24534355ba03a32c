// SPDX-License-Identifier: MIT
// The law of a stage kind's `run`.
#pragma once

#include "lldm/concepts/any_stage_kind.hpp"
#include "lldm/laws/law.hpp"

namespace lldm {

class MemoryManager;
class Registry;

}  // namespace lldm

namespace lldm::laws {

/// Runs the stage `own` alone, twice, in folders of their own: equal results of finite figures, and
/// no file beside the work's folder.  The stage reads no other stage, no model, rows or task.
[[nodiscard]] Finding check_stage_run(const Registry& registry, MemoryManager& memory,
                                      const config::Value& own);

}  // namespace lldm::laws
