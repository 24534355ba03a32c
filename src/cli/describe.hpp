// SPDX-License-Identifier: MIT
// lldm describe, and where a key that was looked for in the wrong place stands.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "lldm/registry/registry.hpp"

namespace lldm::cli {

/// Tables of a file that are no components, by name.
std::map<std::string, std::vector<config::FieldInfo>> plain_tables(const Registry& registry);

/// Prints what `name` stands for: a component (`dpo`, `objective.dpo`), a role (`task`), a kind of
/// stage (`stage.sft`), a table (`memory`), or one key of these (`memory.budget`,
/// `sft.optimizer.decay`).  Returns the exit code.
///
/// Errors  ConfigError with the nearest name, or the paths at which a key of that name stands.
int describe_name(const std::string& name, const Registry& registry);

}  // namespace lldm::cli
