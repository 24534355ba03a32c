// SPDX-License-Identifier: MIT
// Training rows and held-out rows, prompt by prompt.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "stage/data_source.hpp"

namespace lldm {

/// What a row is known by: its turns with runs of white space made one space, the same for a prompt
/// given as a text and as one message of the user; its first answer where it has no prompt, or
/// where the model sees none (`is_plain_text`: pretraining).
std::string prompt_text(const SourceRow& row, bool is_plain_text = false);
std::string prompt_text(const std::string& prompt);

/// Rows of one prompt, by number: equal prompt texts, or equal tokens once the template is laid on.
/// Numbers follow the first row of each.
struct PromptGroups {
  std::vector<std::size_t> of_row;
  std::vector<std::string> names;  // the smallest prompt text of each
};
PromptGroups prompt_groups(const std::vector<SourceRow>& sources,
                           const std::vector<TrainingRow>& rows, bool is_plain_text);

/// Rows held out of training, as a share of them or as rows of their own.
struct HeldOut {
  std::vector<TrainingRow> rows;
  std::vector<SourceRow> sources;
  Result record;  // what the stage's result says of them
};

/// Takes the rows of whole prompts out of `rows` and `sources`: prompts in an order that only
/// `seed` and their texts decide (not the order of the file, nor the stage), each that does not
/// exceed `count` rows in all; the smallest one where all do.
///
/// Errors  ConfigError naming `stage`: as many rows as there are, or all of one prompt.
HeldOut hold_out_prompts(std::vector<SourceRow>& sources, std::vector<TrainingRow>& rows,
                         std::int64_t count, std::int64_t seed, bool is_plain_text,
                         const std::string& stage);

/// Fills in the record: row ids, prompts, a hash of both, and how many prompts are trained on too.
void describe_held_out(HeldOut& held, const std::vector<SourceRow>& training, bool is_plain_text);

}  // namespace lldm
