// SPDX-License-Identifier: MIT
// The table `data` of a stage, bound: a task's generator, a file, or an earlier stage.
#pragma once

#include <string>

#include "lldm/config/diagnostics.hpp"
#include "lldm/experiment/stage_options.hpp"
#include "lldm/registry/registry.hpp"

namespace lldm {

struct BoundData {
  BoundComponent task;  // of `generate`; empty for files and stages
  DataOptions options;
  config::Value resolved;  // the table with every default
};

/// Errors go to `diagnostics` at the table's keys: none or several of generate, file and stage;
/// unknown keys; a task's own mistakes.
BoundData bind_data(const config::Value& table, const Registry& registry,
                    config::Diagnostics& diagnostics, const std::string& where);

/// What is wrong with `take` for an objective that compares `group_size` answers; "" if nothing.
std::string take_problem(Take take, std::int64_t group_size);
/// The same of a file, whose table may name none.
std::string file_take_problem(const config::Value& data, Take take, std::int64_t group_size);

}  // namespace lldm
