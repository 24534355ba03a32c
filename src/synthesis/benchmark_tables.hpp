// SPDX-License-Identifier: MIT
// Made by tools/generate_benchmarks.  Internal to src/synthesis.
#pragma once

#include <array>
#include <string_view>

#include "synthesis/benchmark_hashes.hpp"

namespace lldm::synthesis {

extern const std::array<std::string_view, 500> kMath500Prompts;
extern const std::array<std::string_view, 1319> kGsm8kTestPrompts;

}  // namespace lldm::synthesis
