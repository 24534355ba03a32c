// SPDX-License-Identifier: MIT
// What the steps of a training stage put through the model: from its rows, or, where these are not
// known, from the longest they may have.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "lldm/concepts/any_forward_process.hpp"
#include "lldm/concepts/any_objective.hpp"
#include "lldm/concepts/any_score_estimator.hpp"
#include "lldm/concepts/attention_pattern.hpp"
#include "lldm/score/gradient_path.hpp"
#include "lldm/train/trainer.hpp"
#include "model/pass_memory.hpp"
#include "train/step_parts.hpp"

namespace lldm {

/// One text as it is scored.
struct TextLoad {
  std::int64_t length = 0;                   // tokens of a copy; both streams, where there are two
  std::int64_t copies = 0;                   // evaluated ones
  std::int64_t queries = 0;                  // rows of all copies that reach the head
  std::vector<std::int64_t> of_copies = {};  // those of each, once drawn; empty: evenly
  std::int64_t walked = 0;            // copies read before that, while the model walks its own path
  std::int64_t ids = 0;               // distinct ones, the mask's among them; 0: as many as tokens
  std::int64_t rows_per_readout = 1;  // of `queries`: two of a posterior
  // Once drawn.  Neighbours of one length and pattern share a mask (attention_runs).
  std::optional<AttentionPattern> pattern = {};

  [[nodiscard]] std::int64_t tokens() const { return length * copies; }
  [[nodiscard]] std::int64_t readouts() const { return queries / rows_per_readout; }
};
using MicroBatchLoad = std::vector<TextLoad>;

/// Of all copies.
[[nodiscard]] std::int64_t tokens_of(std::span<const TextLoad> texts);

struct StepSizes {
  std::vector<MicroBatchLoad> micro_batches;  // those that hold most, at least one
  std::vector<MicroBatchLoad> validation;     // those that hold most; empty: none
  MicroBatchLoad last_look;                   // scored behind the last step (require_sound_model)
  std::int64_t longest = 0;                   // tokens of the longest copy
  bool is_bound = false;      // texts may be shorter, and fill a pass better than these do
  bool has_patterns = false;  // of attention
  std::int64_t micro_batches_per_step = 1;  // whose gradients are added up
  std::int64_t answers_per_row = 1;
  Combination combination = Combination::sum;  // of the texts' readouts

  /// Tokens of the largest micro-batch.
  [[nodiscard]] std::int64_t most_tokens() const;
};

/// Tokens beyond which a pass is no faster: an open choice takes no more, unless a copy is longer.
inline constexpr std::int64_t kMostPassTokens = 65536;

/// What makes plans of texts.
struct StepParts {
  const AnyScoreEstimator& estimator;
  const AnyForwardProcess& process;
  const ObjectiveNeeds& needs;
  const OptimizerOptions& optimizer;
};

/// How `setup`'s processes share a step.
StepSharing sharing_of(const AnyObjective& objective, const ObjectiveNeeds& needs,
                       const TrainingSetup& setup);

/// Of a stage whose rows are there: the order of `setup`'s draws says which come together.  Of
/// several processes the sizes are those of the largest share.
StepSizes sizes_of_rows(const StepParts& parts, const TrainingSetup& setup,
                        const StepSharing& sharing = {});

/// Of rows that are not known but for `longest`, the tokens of prompt and answer, of which `canvas`
/// are the answer's.
StepSizes sizes_of_bound(const StepParts& parts, std::int64_t longest, std::int64_t canvas,
                         bool has_validation);

/// The forward passes of texts, as ScoreEngineCore packs them: up to `max_tokens` and (0: any
/// number) `most_copies` in each.  Copies of one text share a mask.
std::vector<Pack> packs_of(std::span<const TextLoad> texts, std::int64_t max_tokens,
                           std::int64_t most_copies = 0);

}  // namespace lldm
