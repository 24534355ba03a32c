// SPDX-License-Identifier: MIT
#include "data/chat_forms.hpp"

#include <algorithm>
#include <array>

#include "lldm/data/text.hpp"
#include "lldm/errors.hpp"
#include "lldm/text/utf8.hpp"

namespace lldm {
namespace {

constexpr std::string_view kThinkOpen = "<think>", kThinkClose = "</think>";

constexpr ChatForm headers(TemplateType type, std::string_view begin) {
  return {.type = type,
          .begin = begin,
          .turn_open = "<|start_header_id|>",
          .role_close = "<|end_header_id|>",
          .turn_close = "<|eot_id|>",
          .role_gap = "\n\n",
          .trims = true};
}

constexpr ChatForm llama3_1() {
  ChatForm form = headers(TemplateType::llama3_1_chat, "<|begin_of_text|>");
  form.default_system = "";
  form.tools = ToolTurns::refused;
  form.system_preamble = "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n";
  return form;
}

constexpr ChatForm im_turns(TemplateType type, std::optional<std::string_view> system,
                            Thinking thinking = Thinking::none) {
  return {.type = type,
          .turn_open = "<|im_start|>",
          .turn_close = "<|im_end|>",
          .role_gap = "\n",
          .turn_gap = "\n",
          .default_system = system,
          .thinking = thinking,
          .tools = ToolTurns::wrapped};
}

constexpr ChatForm turns_alone() {
  ChatForm form = im_turns(TemplateType::chatml, std::nullopt);
  form.tools = ToolTurns::as_any;
  return form;
}

// Sources  chat_template of the tokenizer_config.json of LLaDA-8B-Instruct (with and without a
// condition on the generation prompt), Meta-Llama-3-8B-Instruct, Llama-3.1-8B-Instruct (without
// tools and with the date it takes where none is given), Dream-v0-Instruct-7B and
// Qwen2-7B-Instruct, Qwen2.5-7B-Instruct, Qwen3-8B (enable_thinking left out, and false).
constexpr std::array kForms = {
    headers(TemplateType::llada_chat, "<|startoftext|>"),
    im_turns(TemplateType::dream_chat, "You are a helpful assistant."),
    im_turns(TemplateType::qwen2_5_chat,
             "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."),
    im_turns(TemplateType::qwen3_chat, std::nullopt, Thinking::open),
    im_turns(TemplateType::qwen3_chat_no_thinking, std::nullopt, Thinking::closed),
    headers(TemplateType::llama3_chat, "<|begin_of_text|>"),
    llama3_1(),
    turns_alone(),
};

std::string_view strip_newlines(std::string_view text, bool left, bool right) {
  while (left && text.starts_with('\n')) text.remove_prefix(1);
  while (right && text.ends_with('\n')) text.remove_suffix(1);
  return text;
}

struct Thought {
  std::string_view reasoning, content;
};

/// A content taken apart as Qwen3's template does it: what stands behind the last </think> is the
/// answer, what stands before the first one and behind the last <think> there the reasoning.
Thought thought_of(std::string_view content) {
  const auto first = content.find(kThinkClose);
  if (first == std::string_view::npos) return {"", content};
  std::string_view reasoning = strip_newlines(content.substr(0, first), false, true);
  if (const auto open = reasoning.rfind(kThinkOpen); open != std::string_view::npos)
    reasoning.remove_prefix(open + kThinkOpen.size());
  return {
      strip_newlines(reasoning, true, false),
      strip_newlines(content.substr(content.rfind(kThinkClose) + kThinkClose.size()), true, false)};
}

std::string with_block(const Thought& thought) {
  return message(kThinkOpen, '\n', strip_newlines(thought.reasoning, true, true), '\n', kThinkClose,
                 "\n\n", strip_newlines(thought.content, true, false));
}

/// The place of the last question: a user's message that is no tool's response.
std::size_t last_question(const std::vector<Message>& messages) {
  for (std::size_t i = messages.size(); i-- > 0;)
    if (messages[i].role == "user" && !(messages[i].content.starts_with("<tool_response>") &&
                                        messages[i].content.ends_with("</tool_response>")))
      return i;
  return messages.empty() ? 0 : messages.size() - 1;
}

class Writer {
 public:
  explicit Writer(const ChatForm& form) : form_(form) {}

  void special(std::string_view text) {
    if (!text.empty()) spans_.push_back({std::string(text), true});
  }
  void plain(std::string_view text) {
    if (text.empty()) return;
    if (spans_.empty() || spans_.back().is_special) spans_.push_back({"", false});
    spans_.back().text += text;
  }
  void open(std::string_view role) {
    special(form_.turn_open);
    plain(role);
    special(form_.role_close);
    plain(form_.role_gap);
  }
  void close() {
    special(form_.turn_close);
    plain(form_.turn_gap);
  }
  void turn(std::string_view role, std::string_view content, std::string_view preamble = "") {
    open(role);
    plain(preamble);
    plain(form_.trims ? trim_white_space(content) : content);
    close();
  }
  std::vector<Span> take() { return std::move(spans_); }

 private:
  const ChatForm& form_;
  std::vector<Span> spans_;
};

/// Responses of tools that follow one another share one turn of the user.
void write_tool(const ChatForm& form, const std::vector<Message>& messages, std::size_t i,
                Writer& out) {
  const auto is_tool = [&](std::size_t at) {
    return at < messages.size() && messages[at].role == "tool";
  };
  if (i == 0 || !is_tool(i - 1)) {
    out.special(form.turn_open);
    out.plain("user");
  }
  out.plain(message("\n<tool_response>\n", messages[i].content, "\n</tool_response>"));
  if (!is_tool(i + 1)) out.close();
}

void write_assistant(const std::vector<Message>& messages, std::size_t i, Writer& out) {
  const Thought thought = thought_of(messages[i].content);
  const bool is_last = i + 1 == messages.size();
  const bool keeps = i > last_question(messages) && (is_last || !thought.reasoning.empty());
  out.turn("assistant", keeps ? with_block(thought) : std::string(thought.content));
}

void check_role(const ChatForm& form, const std::string& role) {
  const bool is_tool = role == "tool" || role == "ipython";
  const bool is_one_of_four =
      role == "system" || role == "user" || role == "assistant" || role == "tool";
  if (form.tools == ToolTurns::as_any || (form.tools == ToolTurns::refused && !is_tool) ||
      (form.tools == ToolTurns::wrapped && is_one_of_four))
    return;
  throw DataError(message("template \"", template_name(form.type),
                          "\" has no place for a message of role \"", role, "\"\n  its roles are ",
                          form.tools == ToolTurns::refused ? "any but tool and ipython"
                                                           : "system, user, assistant and tool"));
}

}  // namespace

std::span<const ChatForm> chat_forms() { return kForms; }

const ChatForm& chat_form(TemplateType type) {
  const auto* found = std::ranges::find(kForms, type, &ChatForm::type);
  if (found == kForms.end()) throw ConfigError("template \"plain\" writes no turns");
  return *found;
}

std::vector<Span> render_turns(const ChatForm& form, const std::vector<Message>& messages,
                               GenerationPrompt generation) {
  Writer out(form);
  if (!messages.empty() || form.default_system) out.special(form.begin);
  const bool has_system = !messages.empty() && messages.front().role == "system";
  if (!has_system && form.default_system)
    out.turn("system", *form.default_system, form.system_preamble);
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const Message& turn = messages[i];
    check_role(form, turn.role);
    if (form.tools == ToolTurns::wrapped && turn.role == "tool")
      write_tool(form, messages, i, out);
    else if (form.thinking != Thinking::none && turn.role == "assistant")
      write_assistant(messages, i, out);
    else if (i == 0 && has_system)
      out.turn("system", turn.content, form.system_preamble);
    else
      out.turn(turn.role, turn.content);
  }
  if (generation == GenerationPrompt::written) {
    out.open("assistant");
    if (form.thinking == Thinking::closed) out.plain(with_block({}));
  }
  return out.take();
}

std::vector<Span> render_answer(const ChatForm& form, std::string_view answer) {
  Writer out(form);
  if (form.thinking == Thinking::none) {
    out.plain(form.trims ? trim_white_space(answer) : answer);
    return out.take();
  }
  const Thought thought = thought_of(answer);
  if (form.thinking == Thinking::open) {
    out.plain(with_block(thought));
    return out.take();
  }
  if (!thought.reasoning.empty())
    throw DataError(message(
        "template \"", template_name(form.type),
        "\" closes the <think> block in the prompt, and the answer thinks: ", excerpt(answer, 0),
        "\n  type = \"qwen3_chat\" lets it think; or take the block out"));
  out.plain(strip_newlines(thought.content, true, false));
  return out.take();
}

}  // namespace lldm
