// SPDX-License-Identifier: MIT
// lldm describe, and where a key that was looked for in the wrong place stands.
#pragma once

#include <string>
#include <vector>

#include "lldm/registry/registry.hpp"

namespace lldm::cli {

/// Prints what `name` stands for: a component (`dpo`, `objective.dpo`), a role (`task`), a kind of
/// stage (`stage.sft`), a table (`memory`), or one key of these (`memory.budget`,
/// `sft.optimizer.decay`).  Returns the exit code.
///
/// Errors  ConfigError with the nearest name, or the paths at which a key of that name stands.
int describe_name(const std::string& name, const Registry& registry);

}  // namespace lldm::cli
