// SPDX-License-Identifier: MIT
// How a stage's parts and rows are called in an error about its numbers.
#pragma once

#include <functional>
#include <string>

#include "lldm/score/finite_scores.hpp"
#include "lldm/stage/run_context.hpp"

namespace lldm {

/// `objective "weighted_sum" (of "dpo", "margin_dpo" (plugin margin_objective 0.1.0))`: a component
/// and those inside it, each with the plugin it is from where that is not lldm itself.
std::string component_label(const Registry& registry, Role role, const config::Value& table);

/// Names a row of `data` by its id: file and line, a stage's file and row, or a task's row.
std::function<std::string(std::uint64_t)> row_label(const RunContext& run, const Work& work,
                                                    const config::Value& data);

/// The denoiser of a stage's (or folder's) model.
std::string denoiser_label(const RunContext& run, const Work& work, const std::string& model);

}  // namespace lldm
