// SPDX-License-Identifier: MIT
// What one of several processes measured of a study.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lldm/score/pass_counts.hpp"
#include "stage/study_moments.hpp"

namespace lldm {

struct StudyShare {
  std::vector<StudyRepeat> repeats = {};
  std::vector<std::int64_t> evaluated = {};  // passes of each
  PassCounts passes = {};                    // of all
};

/// Exact.
[[nodiscard]] std::string pack(const StudyShare& share);
[[nodiscard]] StudyShare unpack_study(const std::string& bytes);

}  // namespace lldm
