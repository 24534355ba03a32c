// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lldm/draws/stream.hpp"
#include "lldm/train/training_rows.hpp"

namespace lldm {

/// What a plan knows of a training stage's rows.
struct KnownRows {
  std::string problem = {};                             // why they cannot be read; "": they can
  std::int64_t longest = 0;                             // tokens of the longest text
  std::int64_t vocabulary = 0;                          // ids of the tokenizer that reads them
  std::vector<TrainingRow> rows = {}, validation = {};  // as the stage has them; none of a corpus
  Draws draws{0, ""};                                   // whose order says which rows come together
};

}  // namespace lldm
