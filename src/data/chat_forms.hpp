// SPDX-License-Identifier: MIT
// The chat templates that lldm writes, as a table of data, and the one renderer that reads it.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "lldm/data/template.hpp"

namespace lldm {

/// What stands where an assistant's turn begins, about the text it thinks in.
enum class Thinking : std::uint8_t {
  none,    // nothing: a <think> block of a content is content
  open,    // the model writes its own block; only turns behind the last question keep theirs
  closed,  // the same, and the prompt ends with an empty block: the model shall not think
};

/// What becomes of messages of role "tool".
enum class ToolTurns : std::uint8_t {
  as_any,   // turns as those of any role
  wrapped,  // <tool_response> in a user's turn; no role beside system, user, assistant and tool
  refused,  // the published template writes them in a form that is not here
};

/// One chat template.  A turn is `turn_open` role `role_close` `role_gap` content `turn_close`
/// `turn_gap`; open and close pieces are special tokens, "" where there is none.
struct ChatForm {
  TemplateType type = TemplateType::plain;
  std::string_view begin = {};  // special token before the first turn
  std::string_view turn_open = {}, role_close = {}, turn_close = {};
  std::string_view role_gap = {}, turn_gap = {};
  /// Written as a system turn where the first message is none.
  std::optional<std::string_view> default_system = {};
  std::string_view system_preamble = {};  // before the content of the first system turn
  Thinking thinking = Thinking::none;
  bool trims = false;  // contents lose surrounding white space, as Python's strip() sees it
  ToolTurns tools = ToolTurns::as_any;
};

/// All of them but `plain`, in the order of the enum.
[[nodiscard]] std::span<const ChatForm> chat_forms();
/// The form of a type.  ConfigError for `plain`, which has none.
[[nodiscard]] const ChatForm& chat_form(TemplateType type);

/// The pieces of a conversation; see lldm/data/template.hpp.
[[nodiscard]] std::vector<Span> render_turns(const ChatForm& form,
                                             const std::vector<Message>& messages,
                                             GenerationPrompt generation);
/// The pieces of an answer behind a generation prompt, without its closing token.
/// Errors  DataError: it thinks, and the form has said that it does not.
[[nodiscard]] std::vector<Span> render_answer(const ChatForm& form, std::string_view answer);

}  // namespace lldm
