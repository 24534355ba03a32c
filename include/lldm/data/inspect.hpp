// SPDX-License-Identifier: MIT
// What a model will see of rows, as text: `lldm data inspect`.
#pragma once

#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "lldm/concepts/tokenizer.hpp"
#include "lldm/config/field.hpp"
#include "lldm/data/rows.hpp"
#include "lldm/data/template.hpp"

namespace lldm {

struct InspectSettings {
  std::int64_t num_rows = 3;     // rows shown in full
  std::int64_t num_tokens = 80;  // tokens shown of each text
  double noise_time = 0.5;       // chance that a scored token of the simulated copy is masked
  std::uint64_t seed = 0;        // of the simulated copies
  TemplateOptions prompt_template = {};
  ResponseLength response_length = {};  // nothing: "own"
};

/// Describes rows as a stage would train on them: for the first rows the text, and token by token
/// the id, the token, its part (prompt or response), whether it counts in the loss, and one
/// simulated noised copy (each token of the loss masked with probability `noise_time`, drawn from
/// seed and row id); for all rows the lengths in tokens (minimum, median, 95th percentile,
/// maximum), rows that occur twice, prompts that occur twice, answers that do not fit
/// `response_length`, rows that the tokenizer refuses, and texts with the begin-of-text token
/// twice, or without it where the template or the tokenizer's post_processor has it.
///
/// Text rows count every token in the loss; of the others only the response does, end-of-text
/// included.
///
/// Errors  ConfigError: noise_time outside [0, 1], negative counts, or a tokenizer without mask or
///         end-of-text; nothing for bad rows, which are listed.
[[nodiscard]] std::string describe_rows(const std::vector<TextRow>& rows,
                                        const Tokenizer& tokenizer,
                                        const InspectSettings& settings = {});
[[nodiscard]] std::string describe_rows(const std::vector<PromptRow>& rows,
                                        const Tokenizer& tokenizer,
                                        const InspectSettings& settings = {});
[[nodiscard]] std::string describe_rows(const std::vector<PreferenceRow>& rows,
                                        const Tokenizer& tokenizer,
                                        const InspectSettings& settings = {});
[[nodiscard]] std::string describe_rows(const std::vector<RankedRow>& rows,
                                        const Tokenizer& tokenizer,
                                        const InspectSettings& settings = {});

/// The text on one line: line ends, control characters, quotes and bytes that are not UTF-8 as
/// escapes.
[[nodiscard]] std::string escape_text(std::string_view text);

}  // namespace lldm
