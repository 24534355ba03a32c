// SPDX-License-Identifier: MIT
// What the stages of an experiment train on or score: `lldm data inspect EXPERIMENT.toml`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "lldm/run/run.hpp"

namespace lldm {

struct InspectRequest {
  std::filesystem::path out;     // folder of the run: models and outputs of stages that have run
  std::string stage = "all";     // or one stage's name
  std::int64_t num_rows = 3;     // rows shown in full
  std::int64_t num_tokens = 80;  // tokens shown of each text
  std::filesystem::path tokenizer = {};  // a model folder to be used instead of each stage's own
};

/// What is shown of one stage.
struct InspectedStage {
  std::string stage;
  std::string text = {};    // rows, tokens and lengths; "" where `error` says why not
  std::string error = {};   // what is wrong with the rows; "" if nothing
  bool is_missing = false;  // rows of a stage that has not run: no mistake
};

/// The rows of every training stage, and of stages that score pairs, as the stage itself reads and
/// encodes them: the file, generator or earlier stage's output, through the template and the
/// tokenizer of the model that the stage starts from (or will, where that is not trained yet), on
/// its canvas.  Of a grid the first cell is shown.
/// Errors  ConfigError: no such stage, or the stage reads no rows.
std::vector<InspectedStage> inspect_experiment(const LoadedExperiment& loaded,
                                               const Registry& registry,
                                               const InspectRequest& request);

}  // namespace lldm
