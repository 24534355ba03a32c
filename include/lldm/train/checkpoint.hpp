// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lldm/concepts/adaptation.hpp"
#include "lldm/concepts/score_set.hpp"
#include "lldm/concepts/tokenizer.hpp"
#include "lldm/errors.hpp"
#include "lldm/track/logger.hpp"
#include "lldm/train/loss_scale.hpp"
#include "lldm/train/memory_retries.hpp"
#include "lldm/train/optimizer.hpp"

namespace lldm {

/// What a checkpoint says beside its tensors.  Draws need no state: they are keyed by step and row.
struct CheckpointState {
  std::int64_t step = 0;                   // optimizer steps done
  std::map<std::string, Mean> since = {};  // metrics of the steps since the last line of the log
  std::string identity;                    // hash of the work it belongs to
  std::string tokenizer;                   // fingerprint
  double best_validation = 0;              // best validation loss so far; NaN: none yet
  std::int64_t best_step = -1;
  AdaptationState adaptation = {};   // of an estimator of adaptive cost
  SpecialTokens special = {};        // ids that the weights were trained with
  std::string optimizer = "adamw";   // whose states lie beside; written from the optimizer itself
  std::string prompt_template = {};  // as template.toml has it; "": not recorded
  MemoryRetries memory = {};
  LossScale loss_scale = {};  // of products in float16
};

/// A checkpoint that cannot be gone on from: its files are not what was written, or its numbers are
/// not finite.  One of another stage is a plain DataError.
class DamagedCheckpoint : public DataError {
 public:
  using DataError::DataError;
};

/// Writes `parent`/step-NNNNNNNN: model/weights.safetensors, optim/moments.safetensors, state.json,
/// and the manifest with hashes last.  Complete or absent, whatever happens; then drops the oldest
/// beyond `keep`, never the newest; `parent`/newest.json names it.
///
/// Errors  FileError; Error if a weight or a moment is not finite.  An older checkpoint is intact.
void save_checkpoint(const std::filesystem::path& parent, const CheckpointState& state,
                     const std::vector<NamedParameter>& parameters, const Optimizer& optimizer,
                     std::int64_t keep);

/// Reads a checkpoint folder back into weights and optimizer.
/// Every byte is hashed while it is read; nothing is changed before all of it is known to be good.
/// Errors  DamagedCheckpoint if it is not whole or a number is not finite; DataError if it belongs
///         to other work or another tokenizer, or lacks a tensor.
CheckpointState load_checkpoint(const std::filesystem::path& folder, const std::string& identity,
                                const std::string& tokenizer,
                                const std::vector<NamedParameter>& parameters,
                                Optimizer& optimizer);

/// Removes checkpoints of later steps: going back to an older one makes them another history, which
/// would win at the next resume.
void drop_checkpoints_after(const std::filesystem::path& parent, std::int64_t step);

/// What to do where the newest checkpoint cannot be gone on from.
enum class ResumeRule : std::uint8_t {
  fall_back,  // the one before is taken, and that is said
  strict      // an error
};

/// Reads the newest good checkpoint below `parent` back; nothing if there is none.
/// Errors  as load_checkpoint, but a DamagedCheckpoint is passed over, with a warning naming folder
///         and file, unless the rule is strict; DataError, if it is strict, if the newest one that
///         was saved (newest.json) is missing.
std::optional<CheckpointState> load_newest_checkpoint(const std::filesystem::path& parent,
                                                      const std::string& identity,
                                                      const std::string& tokenizer,
                                                      const std::vector<NamedParameter>& parameters,
                                                      Optimizer& optimizer, ResumeRule rule,
                                                      Logger& logger);

}  // namespace lldm
