// SPDX-License-Identifier: MIT
// Encoded rows as text, token by token.
#pragma once

#include <string>
#include <vector>

#include "lldm/concepts/tokenizer.hpp"
#include "lldm/train/training_rows.hpp"
#include "stage/data_source.hpp"

namespace lldm {

struct DescribedRows {
  const std::vector<SourceRow>& sources;
  const std::vector<TrainingRow>& rows;  // of the sources, in their order
  const Tokenizer& tokenizer;
  std::int64_t num_rows = 3, num_tokens = 80;
  std::int64_t max_length = 0;  // of the model; 0 if it is not known
};

/// The first rows token by token (position, id, part, whether it is scored, text), then the lengths
/// of all.  Parts: prompt; response, with its first end-of-text; padding behind that.
std::string describe_training_rows(const DescribedRows& described);

}  // namespace lldm
