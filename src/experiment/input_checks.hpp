// SPDX-License-Identifier: MIT
// What can be read from files before anything is trained: how long texts may be, how many rows
// there are, whether a model folder is one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lldm/experiment/loaded_experiment.hpp"
#include "lldm/services.hpp"

namespace lldm {

/// The model folder that the model `from` (a stage's name, a folder, or "") grew out of; empty
/// where this file makes it.
std::filesystem::path root_folder(const Experiment& experiment, std::string from);

/// The longest text of that model: its folder's, else that of [model]; nothing where the folder is
/// not here.
std::optional<std::int64_t> longest_text(const Experiment& experiment, const std::string& from);

/// Counts rows of stages, each source once.
class RowCounts {
 public:
  RowCounts(const Registry& registry, const Services& services)
      : registry_(registry), services_(services) {}

  /// Why the rows of a stage that trains come to no step or leave none to train on; ""
  /// if they do not, or if their number is not known yet (an earlier stage's, a missing file's).
  std::string problem(const Experiment& experiment, const StageFacts& stage);

 private:
  std::optional<std::int64_t> count(const Experiment& experiment, const DataRef& data,
                                    std::int64_t most);
  std::optional<std::int64_t> items(const ComponentRef<Role::task>& task);

  const Registry& registry_;
  const Services& services_;
  std::map<std::string, std::optional<std::int64_t>> known_ = {};
};

/// ConfigError (DataError of `folder`, where it is not empty) for a tokenizer without a mask or an
/// end-of-text token, saying where to name it.
void check_special(const Tokenizer& tokenizer, const std::filesystem::path& folder);

/// What is wrong with a model folder, without reading a weight: config.json, the tokenizer and
/// whether both name the same special tokens, the chat template (unless the file names a
/// [template]), the weights' presence.  `tokenizer`: the keys of a [tokenizer] table beside it.
std::vector<FileProblem> folder_problems(const std::filesystem::path& folder,
                                         const TokenizerOptions& options,
                                         const std::vector<std::string>& tokenizer_keys,
                                         bool names_template);

}  // namespace lldm
