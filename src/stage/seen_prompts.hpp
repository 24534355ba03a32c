// SPDX-License-Identifier: MIT
// Which prompts a model was trained on, kept beside it: prompts.json in the folder of its stage.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "stage/data_source.hpp"

namespace lldm {

/// A prompt in prompts.json: the first 16 hexadecimal digits of its text's SHA-256.
std::string prompt_key(const std::string& text);

/// The prompts of a model's training and of everything it was trained from.
struct SeenPrompts {
  std::set<std::string> keys;
  std::vector<std::string> unknown;  // why not all of it is known, a folder each
};

/// Writes what a stage trains on, and where the model that it starts from lies ("" for a new one).
void save_prompts(const std::filesystem::path& stage_folder, const std::vector<SourceRow>& training,
                  bool is_plain_text, const std::filesystem::path& from);

/// Reads them for a model folder (DIR/STAGE/model, DIR/STAGE/best), and for what that was trained
/// from.  A folder beside which no prompts.json lies is unknown, and said to be.
/// `is_plain_text`: texts are asked about; what was trained on prompts is then not compared.
SeenPrompts seen_prompts(const std::filesystem::path& model_folder, bool is_plain_text);

/// How many of some prompts the model was trained on: {"prompts", "shared", "items",
/// "shared_items", "is_known"} and "unknown", the reasons, where something is not known.
/// `texts`: of every item, see prompt_text.
Result count_shared(const std::vector<std::string>& texts, const SeenPrompts& seen);

/// The same of the items of an evaluate stage and the model that it measures, told in the log.
Result shared_prompts(const RunContext& run, const Work& work,
                      const std::vector<std::string>& texts);

}  // namespace lldm
