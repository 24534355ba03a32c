// SPDX-License-Identifier: MIT
// Prompt templates as data, and the canvas of a response.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

#include "lldm/concepts/tokenizer.hpp"
#include "lldm/config/field.hpp"
#include "lldm/data/response_length.hpp"
#include "lldm/data/rows.hpp"

namespace lldm {

namespace config {
class OptionsCheck;
}

/// A piece of a rendered text.  Only special pieces may become control tokens: whatever users' text
/// says, it is encoded as plain text.
struct Span {
  std::string text;
  bool is_special = false;
  bool operator==(const Span&) const = default;
};

/// Which template writes the prompt.
enum class TemplateType : std::uint8_t {
  plain,                   // the prompt's text, then `separator`, then the response
  llada_chat,              // LLaDA-8B-Instruct
  dream_chat,              // Dream-v0-Instruct-7B, Qwen2
  qwen2_5_chat,            // Qwen2.5
  qwen3_chat,              // Qwen3, which may think before it answers
  qwen3_chat_no_thinking,  // Qwen3, enable_thinking = false
  llama3_chat,             // Llama 3
  llama3_1_chat,           // Llama 3.1 and 3.2, without tools
  chatml,                  // turns alone
};
constexpr auto choices(std::type_identity<TemplateType>) {
  using enum TemplateType;
  return std::array{Choice<TemplateType>{"plain", plain},
                    Choice<TemplateType>{"llada_chat", llada_chat},
                    Choice<TemplateType>{"dream_chat", dream_chat},
                    Choice<TemplateType>{"qwen2_5_chat", qwen2_5_chat},
                    Choice<TemplateType>{"qwen3_chat", qwen3_chat},
                    Choice<TemplateType>{"qwen3_chat_no_thinking", qwen3_chat_no_thinking},
                    Choice<TemplateType>{"llama3_chat", llama3_chat},
                    Choice<TemplateType>{"llama3_1_chat", llama3_1_chat},
                    Choice<TemplateType>{"chatml", chatml}};
}
/// The TOML name of a type.
[[nodiscard]] std::string_view template_name(TemplateType type);

struct TemplateOptions {
  TemplateType type = TemplateType::plain;
  std::string separator = {};
  bool close_turn = true;
  static constexpr auto describe() {
    return std::tuple{
        field(
            "type", &TemplateOptions::type,
            "\"plain\": the prompt's text as it is. The others write the turns of a chat model as "
            "it was taught: \"llada_chat\" LLaDA-8B-Instruct; \"dream_chat\" Dream-Instruct and "
            "Qwen2, with their system prompt; \"qwen2_5_chat\" Qwen2.5, with its system prompt; "
            "\"qwen3_chat\" Qwen3: answers begin with a <think> block, which only turns behind "
            "the last question keep; \"qwen3_chat_no_thinking\": with an empty block in the "
            "prompt; \"llama3_chat\" Llama 3; \"llama3_1_chat\" Llama 3.1 and 3.2, without tools; "
            "\"chatml\" turns between <|im_start|> and <|im_end|> and nothing else."),
        field("separator", &TemplateOptions::separator,
              "plain: text between prompt and response, part of the prompt; the others have none."),
        field(
            "close_turn", &TemplateOptions::close_turn,
            "all but plain: the response ends with the token that closes a turn (<|eot_id|>, "
            "<|im_end|>) before its end-of-text, as Instruct models write; false: with end-of-text "
            "alone, as in LLaDA's SFT guidelines."),
    };
  }
  /// Every key is one that the type reads.
  void check(config::OptionsCheck& check) const;
};

/// A prompt and a response as pieces of text.
struct Rendered {
  std::vector<Span> prompt;
  std::vector<Span> response;
};

/// Whether the assistant's turn is opened behind the last message.
enum class GenerationPrompt : std::uint8_t { written, left_out };

/// The pieces of a conversation, as the published template renders it; llada_chat opens the
/// assistant's turn only if asked to, where LLaDA's own template always does.
///
/// Errors  ConfigError: plain, which has no turns, or a key that the type does not read; DataError:
///         a role for which the template has no place (it would be lost in silence).
/// Source  the published templates, in src/data/chat_forms.cpp.
/// Tests   golden/chat_test.cpp, unit/data/template_published_test.cpp
[[nodiscard]] std::vector<Span> render_messages(const TemplateOptions& options,
                                                const std::vector<Message>& messages,
                                                GenerationPrompt generation);
/// The pieces of a prompt, up to the place where the answer begins.  plain: the one message's
/// content + `separator`; else `render_messages` with the assistant's turn opened.
///
/// Errors  as render_messages; DataError: plain, and not exactly one message (its role would be
///         lost in silence).
[[nodiscard]] std::vector<Span> render_prompt(const TemplateOptions& options,
                                              const std::vector<Message>& prompt);
/// The pieces of a response: as it is (plain), or as the template writes an assistant's last
/// content (trimmed by llada_chat and llama3; with its <think> block by qwen3_chat), closed as
/// `close_turn` says.
/// Errors  DataError: a <think> block with text in it under qwen3_chat_no_thinking.
[[nodiscard]] std::vector<Span> render_response(const TemplateOptions& options,
                                                std::string_view response);
[[nodiscard]] Rendered render(const TemplateOptions& options, const std::vector<Message>& prompt,
                              std::string_view response);
/// The pieces put together.
[[nodiscard]] std::string text_of(const std::vector<Span>& spans);
/// Ids of the pieces: special ones recognised, neighbouring plain ones encoded together, as plain
/// text.
///
/// Errors  DataError of the tokenizer, or if it does not know a special piece as exactly one token.
[[nodiscard]] std::vector<std::int64_t> encode_spans(const std::vector<Span>& spans,
                                                     const Tokenizer& tokenizer);

/// A row as token ids, before its canvas.
struct Encoded {
  std::uint64_t row = 0;  // id of the row
  std::vector<std::int64_t> prompt;
  std::vector<std::int64_t> response;
  std::string place = {};  // how messages call it: "rows.jsonl:12"; "": by its id
};
/// The ids of both.  A closing token that is the tokenizer's end-of-text (Qwen3, Llama 3) is left
/// to `fit_to_canvas`, which ends every answer with one.
[[nodiscard]] Encoded encode(const Rendered& rendered, std::uint64_t row,
                             const Tokenizer& tokenizer);

/// Puts the responses on their canvas: end-of-text after each, up to `length` tokens, or one if
/// "own".
///
/// Every answer keeps at least one end-of-text: one that leaves no room for it is too long, and
/// nothing is ever cut.
///
/// Errors  ConfigError: length < 1, or the tokenizer has no end-of-text; DataError: answers that
///         are too long (the first 20 rows, the count, and the length that would do).
void fit_to_canvas(std::vector<Encoded>& rows, ResponseLength length, const Tokenizer& tokenizer);

}  // namespace lldm
