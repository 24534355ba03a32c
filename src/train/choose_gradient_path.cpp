// SPDX-License-Identifier: MIT
#include <algorithm>

#include "lldm/train/trainer.hpp"

namespace lldm {

GradientPath choose_gradient_path(const TrainingSetup& setup, const ObjectiveNeeds& needs,
                                  Combination combination,
                                  const std::function<std::int64_t(std::int64_t scored)>& copies) {
  const std::vector<GradientPath> exact = exact_gradient_paths(needs, combination);
  if (exact.front() != GradientPath::retain) return exact.front();
  std::int64_t largest = 0;  // tokens of all copies of a row
  for (const TrainingRow& row : setup.rows) {
    std::int64_t tokens = 0;
    for (const Text& text : row.answers) tokens += text.length() * copies(text.num_scored());
    largest = std::max(largest, tokens);
  }
  const OptimizerOptions& optimizer = setup.optimizer;
  const std::int64_t rows =
      optimizer.batch_size *
      (needs.use == ScoreUse::coupled ? optimizer.gradient_accumulation_steps : 1);
  return rows * largest <= setup.engine.max_tokens_per_forward ? GradientPath::retain
                                                               : GradientPath::replay;
}

}  // namespace lldm
