// SPDX-License-Identifier: MIT
// What every kind of stage works with.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "lldm/concepts/tokenizer.hpp"
#include "lldm/experiment/schedule.hpp"
#include "lldm/model/adapter_base.hpp"
#include "lldm/model/model.hpp"
#include "lldm/services.hpp"
#include "lldm/stage/run_options.hpp"
#include "lldm/stage/trained_noise.hpp"
#include "lldm/track/logger.hpp"
#include "lldm/track/metrics.hpp"

namespace lldm {

class MemoryManager;

/// A model with the tokenizer that belongs to it.
struct ModelBundle {
  std::shared_ptr<Model> model;
  std::shared_ptr<const Tokenizer> tokenizer;
  std::filesystem::path folder;  // where it was loaded from; empty for a fresh one
  TrainedNoise noise = {};       // what it was trained with, as far as is known
  /// Of an adapter that is published alone: what it is trained beside.
  std::optional<AdapterBase> base = {};
};

/// What is known of a run before it starts.
struct PlannedRun {
  const RunSchedule& schedule;
  const Registry& registry;

  [[nodiscard]] const Experiment& experiment(const Work& work) const {
    return schedule.experiments[work.experiment];
  }
  [[nodiscard]] Services services(const Work& work,
                                  std::shared_ptr<const Tokenizer> tokenizer) const {
    return {.registry = registry,
            .draws = Draws(static_cast<std::uint64_t>(work.seed), work.stage),
            .tokenizer = std::move(tokenizer)};
  }
  /// The rows that the work's stage trains on or scores.  It has some.
  [[nodiscard]] const DataRef& rows(const Work& work) const {
    return schedule.stage_of(work).facts.rows.at(0).data;
  }
  /// Folder of the work that made `name` for this work; the name itself (a path) if no stage did.
  [[nodiscard]] std::filesystem::path folder_of(const Work& work, const std::string& name) const;
};

/// The run around one piece of work.
struct RunContext : PlannedRun {
  MemoryManager& memory;
  Logger& logger;
  const RunOptions& options;
  MetricsWriter& metrics;
  std::string device;

  /// `out`-relative folder: how metrics name a piece of work.
  [[nodiscard]] std::string label(const Work& work) const;
};

/// The model folder that a stage name or path stands for.
std::filesystem::path model_folder_of(const PlannedRun& run, const Work& work,
                                      const std::string& name);

/// Whether `checkpoint` (a path, perhaps empty) is a folder of this work's checkpoints.
bool is_checkpoint_of(const std::filesystem::path& checkpoint, const std::filesystem::path& work);

/// What one piece of work gives to the report; written as `result.json` when it is complete.
using Result = nlohmann::ordered_json;

}  // namespace lldm
