// SPDX-License-Identifier: MIT
// take = "ranked": the graded samples of a synthesize stage as ranked lists.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "lldm/track/logger.hpp"
#include "stage/data_source.hpp"

namespace lldm {

/// One row per prompt with at least `answers` different grades: its answers by falling grade, one
/// of each grade (the first sampled), the `answers` - 1 best and the worst.  How many prompts have
/// too few grades is logged; DataError if none is left or the file cannot be read.
std::vector<SourceRow> rank_samples(const std::filesystem::path& samples, const std::string& stage,
                                    std::int64_t answers, Logger& logger);

}  // namespace lldm
