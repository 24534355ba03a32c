// SPDX-License-Identifier: MIT
// Which of the built-in templates a Jinja text is, found by rendering.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lldm/data/template.hpp"

namespace lldm {

/// Special tokens of a folder, as its template may name them; "" where it has none.
struct FolderTokens {
  std::string bos, eos, pad, unk;
};

/// What the probes have found.
struct ProbeResult {
  std::optional<TemplateType> type = {};  // the one that writes every probe as the text does
  std::string reason = {};                // where there is none: why, in a sentence
};

/// Renders conversations with and without a system message, of one and several turns, with blanks
/// and line ends around contents, with text in <think> blocks and with control tokens in it, each
/// up to a generation prompt and with the answer; compares every result with what each built-in
/// template writes.  How the text is written decides nothing.
[[nodiscard]] ProbeResult probe_template(std::string_view source, const FolderTokens& tokens);

}  // namespace lldm
