// SPDX-License-Identifier: MIT
// The ways to do a stage's steps as a table for people: of many, those that are worth a look.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "lldm/experiment/stage_plan.hpp"

namespace lldm {

/// Places of the choices that fit, the fastest first; equal ones in the given order.
[[nodiscard]] std::vector<std::size_t> fitting(const std::vector<StepChoice>& choices);

/// The choice that holds least.
[[nodiscard]] std::size_t least_of(const std::vector<StepChoice>& choices);

/// The file's way (the first), and the fastest that fit; else the one that holds least.  What all
/// of them have in common is said once, before the table.
[[nodiscard]] std::string choices_table(const std::vector<StepChoice>& choices, int width);

}  // namespace lldm
