// SPDX-License-Identifier: MIT
// What a stage will cost, from the file alone.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "lldm/memory/planner.hpp"

namespace lldm {

/// Upper figures: every text as long as the longest of its rows where those can be read, else as
/// long as the model accepts.  A run knows which rows come together and predicts less.
/// A stage that trains nothing has no figures.
struct StagePlan {
  std::optional<MemoryPlan> memory = {};
  std::string note = {};                            // what had to be assumed, a line; often ""
  std::string lengths = {};                         // what texts' lengths were taken from
  std::int64_t tokens_per_forward = 0;              // of the largest forward pass
  std::int64_t copies_per_text = 0;                 // forward passes of one answer
  std::optional<std::int64_t> forward_passes = {};  // of the policy in the stage, answers times
                                                    // copies; nothing where the rows are not known
  std::string steps = "-", batch = "-", estimator = "-";  // for a table
  std::filesystem::path reference_cache = {};             // "": none
};

}  // namespace lldm
