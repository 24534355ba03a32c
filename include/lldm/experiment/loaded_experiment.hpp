// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "lldm/config/document.hpp"
#include "lldm/experiment/experiment.hpp"
#include "lldm/experiment/grid.hpp"

namespace lldm {

class Registry;

/// A file that was loaded and bound, cell by cell.
struct LoadedExperiment {
  config::Document document;
  std::vector<Cell> cells;
  std::vector<Experiment> experiments;
  config::Value resolved;          // what config.resolved.toml says
  std::vector<std::string> notes;  // keys that are set and have no effect, one text each
};

/// One file or folder that a stage cannot use.
struct FileProblem {
  std::string text;
  bool is_missing = true;     // false: it is there, and is not what the stage reads
  std::string advice = {};    // lines below `text` for a file that does not say `requires`
  std::string variable = {};  // of the environment: its path names it, and it is not set
};

}  // namespace lldm
