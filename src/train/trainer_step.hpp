// SPDX-License-Identifier: MIT
// One optimizer step while it is done.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "train/coupled_scores.hpp"
#include "train/gradient_noise.hpp"
#include "train/part_report.hpp"
#include "train/shared_gradient.hpp"
#include "train/step_parts.hpp"
#include "train/step_rows.hpp"

namespace lldm {

struct TrainerCore::StepReport {
  std::map<std::string, Mean> metrics = {};
  Mean squared_error = {};  // of the margins, nats^2
  bool wants_stop = false;  // any of several processes
};

/// What is kept of a micro-batch until the step is taken: to name who gave a number that is not
/// finite.
struct TrainerCore::DonePart {
  std::vector<std::uint64_t> ids;
  ScoreSet scores;
  double loss = 0;
};

struct TrainerCore::Step {
  std::int64_t index;
  const StepRows& chosen;
  std::vector<StepPart> parts;
  StepTotals totals;
  LossFunction loss;  // over the scores of all processes where groups are coupled
  GradientNoise noise;
  SharedGradient gradient;
  std::optional<CoupledScores> coupled = {};
  std::vector<DonePart> done = {};  // by this process
  /// The micro-batch that was begun last.
  struct Size {
    std::int64_t tokens = 0, longest = 0;  // of all its copies, of the longest one
    std::int64_t queries = 0;
  } last = {};
};

/// The sizes of passes that a process of several goes on with, as it tells the others; and the
/// smallest of all, which all take: one of them writes what a resumed run keeps.
std::string retry_text(const MemoryRetries& memory);
void take_smallest(const std::vector<std::string>& texts, MemoryRetries& memory);

/// Ids of rows, for errors about them.
inline std::vector<std::uint64_t> ids_of(const std::vector<const TrainingRow*>& rows) {
  std::vector<std::uint64_t> ids;
  for (const TrainingRow* row : rows) ids.push_back(row->id);
  return ids;
}

/// Passes as figures of one step (or one validation pass).
void add_passes(std::map<std::string, Mean>& metrics, const PassCounts& passes);

}  // namespace lldm
