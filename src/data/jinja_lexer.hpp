// SPDX-License-Identifier: MIT
// A template's text as tokens, with the white space around tags already gone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lldm::jinja {

enum class TokenKind : std::uint8_t {
  text,            // to write as it is
  expression,      // {{
  expression_end,  // }}
  statement,       // {%
  statement_end,   // %}
  name,            // and keywords
  string,          // without its quotes, escapes resolved
  integer,
  real,
  symbol,  // an operator or a bracket
  end,
};

struct Token {
  TokenKind kind = TokenKind::end;
  std::string text;
  std::size_t line = 1;
};

/// Tokens as Jinja 3.1 sees them with trim_blocks and lstrip_blocks, the settings that chat
/// templates are rendered with, `-` and `+` at tags included; comments are gone.
///
/// Errors  Failure: a tag, comment or string that does not end, or a character of no token.
[[nodiscard]] std::vector<Token> tokens_of(std::string_view source);

}  // namespace lldm::jinja
