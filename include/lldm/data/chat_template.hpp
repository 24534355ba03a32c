// SPDX-License-Identifier: MIT
// The chat template of a model folder from elsewhere.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "lldm/data/template.hpp"

namespace lldm {

/// What a folder's own files say about how its prompts are written.
struct FolderTemplate {
  std::string source;  // the file that holds a chat template; "" if none does
  std::optional<TemplateOptions> known = {};  // empty: `source` holds one that lldm cannot write
  std::string reason = {};                    // why it is none of them, and which is nearest
};

/// Reads chat_template.jinja and `chat_template` of chat_template.json and tokenizer_config.json (a
/// text, or a list whose entry "default" counts).  A template is known if it writes what a
/// TemplateType writes, which is found by rendering probes: conversations with and without a system
/// message, of several turns, with blanks, with thoughts, with and without a generation prompt, by
/// an interpreter of the Jinja that chat templates use (src/data/jinja_*), whose work is bounded.
///
/// Errors  DataError: a file is wrong, or two of them hold different templates.
[[nodiscard]] FolderTemplate read_chat_template(const std::filesystem::path& folder);

/// The template that the folder's files ask for; nothing where they hold none.
///
/// Errors  ConfigError, naming the key to set and the nearest type, where it is not one that lldm
///         writes.
[[nodiscard]] std::optional<TemplateOptions> known_chat_template(
    const std::filesystem::path& folder);

}  // namespace lldm
