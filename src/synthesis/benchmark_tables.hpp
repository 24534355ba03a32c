// SPDX-License-Identifier: MIT
// Made by tools/generate_benchmarks.  Internal to src/synthesis.
#pragma once

#include <string_view>

#include "synthesis/benchmark_hashes.hpp"

namespace lldm::synthesis {

extern const std::string_view kMath500;
extern const std::string_view kGsm8kTest;
extern const std::string_view kLogiqaDev;
extern const std::string_view kHotpotqaDev1;
extern const std::string_view kHotpotqaDev2;
extern const std::string_view kHotpotqaDev3;

}  // namespace lldm::synthesis
