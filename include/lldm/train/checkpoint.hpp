// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "lldm/concepts/adaptation.hpp"
#include "lldm/concepts/score_set.hpp"
#include "lldm/track/logger.hpp"
#include "lldm/train/adamw.hpp"

namespace lldm {

/// What a checkpoint says beside its tensors.  Draws need no state: they are keyed by step and row.
struct CheckpointState {
  std::int64_t step = 0;              // optimizer steps done
  std::map<std::string, Mean> since;  // metrics of the steps since the last line of the log
  std::string identity;               // hash of the work it belongs to
  std::string tokenizer;              // fingerprint
  double best_validation = 0;         // best validation loss so far; NaN: none yet
  std::int64_t best_step = -1;
  AdaptationState adaptation = {};  // of an estimator of adaptive cost
};

/// Writes `parent`/step-NNNNNNNN: model/weights.safetensors, optim/moments.safetensors, state.json,
/// and the manifest with hashes last.  Complete or absent, whatever happens; then drops the oldest
/// beyond `keep`, never the newest.
///
/// Errors  FileError; an older checkpoint is intact.
void save_checkpoint(const std::filesystem::path& parent, const CheckpointState& state,
                     const std::vector<NamedParameter>& parameters, const AdamW& optimizer,
                     std::int64_t keep);

/// Reads a checkpoint folder back into weights and optimizer.
/// Errors  DataError if it is not whole, belongs to other work or another tokenizer, or lacks a
/// tensor.
CheckpointState load_checkpoint(const std::filesystem::path& folder, const std::string& identity,
                                const std::string& tokenizer,
                                const std::vector<NamedParameter>& parameters, AdamW& optimizer);

/// Removes checkpoints of later steps: going back to an older one makes them another history, which
/// would win at the next resume.
void drop_checkpoints_after(const std::filesystem::path& parent, std::int64_t step);

/// The newest whole checkpoint below `parent`, or an empty path; broken newer ones are named to
/// `logger`.
std::filesystem::path newest_checkpoint(const std::filesystem::path& parent, Logger& logger);

}  // namespace lldm
