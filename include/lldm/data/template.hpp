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
  plain,       // the prompt's text, then `separator`, then the response
  llada_chat,  // the chat template of LLaDA-8B-Instruct
};
constexpr auto choices(std::type_identity<TemplateType>) {
  return std::array{Choice<TemplateType>{"plain", TemplateType::plain},
                    Choice<TemplateType>{"llada_chat", TemplateType::llada_chat}};
}

struct TemplateOptions {
  TemplateType type = TemplateType::plain;
  std::string separator = {};
  bool close_turn = true;
  static constexpr auto describe() {
    return std::tuple{
        field("type", &TemplateOptions::type,
              "\"plain\": the prompt's text as it is; \"llada_chat\": begin-of-text once, role "
              "headers, "
              "trimmed contents and end-of-turn, as LLaDA-8B-Instruct was taught."),
        field("separator", &TemplateOptions::separator,
              "plain: text between prompt and response, part of the prompt; llada_chat has none."),
        field(
            "close_turn", &TemplateOptions::close_turn,
            "llada_chat: the response ends with <|eot_id|> before its end-of-text, as the Instruct "
            "model writes; false: with end-of-text alone, as in LLaDA's SFT guidelines."),
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

/// The pieces of a prompt, up to the place where the answer begins.
///
/// llada_chat: <|startoftext|> before the first message (none without messages), per message
/// <|start_header_id|>role<|end_header_id|>\n\n + content without surrounding white space +
/// <|eot_id|>, then the assistant header.  plain: the one message's content + `separator`.
///
/// Errors  DataError: plain, and not exactly one message (its role would be lost in silence);
///         ConfigError: llada_chat with a separator, plain with close_turn = false.
/// Source  chat_template of LLaDA-8B-Instruct's tokenizer_config.json.
/// Tests   golden/chat_test.cpp
[[nodiscard]] std::vector<Span> render_prompt(const TemplateOptions& options,
                                              const std::vector<Message>& prompt);
/// The pieces of a response: as it is (plain), or trimmed and closed by <|eot_id|> (llada_chat).
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
