// SPDX-License-Identifier: MIT
#include "data/jinja_lexer.hpp"

#include <algorithm>
#include <array>

#include "data/jinja_value.hpp"
#include "lldm/data/text.hpp"
#include "lldm/errors.hpp"
#include "lldm/text/utf8.hpp"

namespace lldm::jinja {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || is_digit(c);
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) {
    for (std::size_t i = 0; i < source.size(); ++i)  // Python's universal newlines
      if (source[i] != '\r')
        source_ += source[i];
      else if (i + 1 == source.size() || source[i + 1] != '\n')
        source_ += '\n';
    if (source_.ends_with('\n')) source_.pop_back();
  }

  std::vector<Token> run() {
    while (at_ < source_.size()) {
      const std::size_t tag = next_tag();
      add_text(tag);
      at_ = tag;
      if (at_ < source_.size()) read_tag();
    }
    tokens_.push_back({TokenKind::end, "", line_});
    return std::move(tokens_);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Failure(message("line ", line_, ": ", what));
  }
  [[nodiscard]] char peek(std::size_t ahead = 0) const {
    return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0';
  }
  [[nodiscard]] bool stands(std::string_view text) const {
    return std::string_view(source_).substr(at_).starts_with(text);
  }
  void advance(std::size_t count) {
    for (; count > 0 && at_ < source_.size(); --count) line_ += source_[at_++] == '\n' ? 1 : 0;
  }

  [[nodiscard]] std::size_t next_tag() const {
    for (std::size_t i = at_; i + 1 < source_.size(); ++i)
      if (source_[i] == '{' &&
          (source_[i + 1] == '{' || source_[i + 1] == '%' || source_[i + 1] == '#'))
        return i;
    return source_.size();
  }

  /// The text up to `end`, without what the tags on its two sides take from it.
  void add_text(std::size_t end) {
    std::string_view text = std::string_view(source_).substr(at_, end - at_);
    const std::string_view whole = text;
    const std::size_t line = line_;
    line_ += static_cast<std::size_t>(std::ranges::count(text, '\n'));
    if (strips_left_)
      text = trim_left(text);
    else if (drops_newline_ && text.starts_with('\n'))
      text.remove_prefix(1);
    const std::size_t taken = whole.size() - text.size();
    const bool starts_line = at_ == 0 || (taken > 0 && whole[taken - 1] == '\n');
    if (end < source_.size()) {
      const char mark = end + 2 < source_.size() ? source_[end + 2] : '\0';
      if (mark == '-')
        text = trim_right(text);
      else if (mark != '+' && source_[end + 1] != '{')
        text = without_indent(text, starts_line);
    }
    if (!text.empty()) tokens_.push_back({TokenKind::text, std::string(text), line});
  }

  static std::string_view trim_left(std::string_view text) {
    const std::string_view inner = trim_white_space(text);
    return text.substr(inner.empty() ? text.size()
                                     : static_cast<std::size_t>(inner.data() - text.data()));
  }
  static std::string_view trim_right(std::string_view text) {
    const std::string_view inner = trim_white_space(text);
    return inner.empty() ? text.substr(0, 0)
                         : text.substr(0, static_cast<std::size_t>(inner.data() - text.data()) +
                                              inner.size());
  }
  /// lstrip_blocks: blanks go where nothing else stands between the line's start and the tag.
  static std::string_view without_indent(std::string_view text, bool starts_line) {
    const auto newline = text.rfind('\n');
    const std::size_t from = newline == std::string_view::npos ? 0 : newline + 1;
    if (from == 0 && !starts_line) return text;
    return trim_white_space(text.substr(from)).empty() ? text.substr(0, from) : text;
  }

  void read_tag() {
    const char type = source_[at_ + 1];
    advance(2);
    if (peek() == '-' || (peek() == '+' && type != '{')) advance(1);
    if (type == '#') return skip_comment();
    const bool is_block = type == '%';
    tokens_.push_back({is_block ? TokenKind::statement : TokenKind::expression, "", line_});
    const std::string_view close = is_block ? "%}" : "}}";
    for (depth_ = 0;;) {
      while (at_ < source_.size() && trim_white_space(source_.substr(at_, 1)).empty()) advance(1);
      if (at_ >= source_.size()) fail("a tag does not end");
      const bool has_mark =
          (peek() == '-' || peek() == '+') && peek(1) == close[0] && peek(2) == close[1];
      if (depth_ == 0 && (has_mark || stands(close))) {
        tokens_.push_back(
            {is_block ? TokenKind::statement_end : TokenKind::expression_end, "", line_});
        return end_tag(has_mark, is_block);
      }
      read_token();
    }
  }
  void end_tag(bool has_mark, bool is_block) {
    strips_left_ = has_mark && peek() == '-';
    drops_newline_ = is_block && !has_mark;
    advance(has_mark ? 3 : 2);
  }
  void skip_comment() {
    const auto end = source_.find("#}", at_);
    if (end == std::string::npos) fail("a comment does not end");
    strips_left_ = end > at_ && source_[end - 1] == '-';
    drops_newline_ = !(end > at_ && source_[end - 1] == '+');
    advance(end + 2 - at_);
  }

  void read_token() {
    const char c = peek();
    if (c == '\'' || c == '"') return read_string(c);
    std::size_t length = 0;
    if (is_digit(c)) {
      while (is_digit(peek(length))) ++length;
      const bool has_point = peek(length) == '.' && is_digit(peek(length + 1));
      while (has_point && (peek(length) == '.' || is_digit(peek(length)))) ++length;
      return add(has_point ? TokenKind::real : TokenKind::integer, length);
    }
    if (is_name(c)) {
      while (is_name(peek(length))) ++length;
      return add(TokenKind::name, length);
    }
    static constexpr std::array<std::string_view, 6> two = {"==", "!=", "<=", ">=", "//", "**"};
    for (const auto symbol : two)
      if (stands(symbol)) return add(TokenKind::symbol, 2);
    if (std::string_view("+-*/%~|.,:()[]{}=<>").find(c) == std::string_view::npos)
      fail(message("the character ", excerpt(source_, at_, 8)));
    if (c == '(' || c == '[' || c == '{') ++depth_;
    if ((c == ')' || c == ']' || c == '}') && depth_ > 0) --depth_;
    add(TokenKind::symbol, 1);
  }
  void add(TokenKind kind, std::size_t length) {
    tokens_.push_back({kind, source_.substr(at_, length), line_});
    advance(length);
  }
  void read_string(char quote) {
    Token token{TokenKind::string, "", line_};
    advance(1);
    while (peek() != quote) {
      if (at_ >= source_.size()) fail("a string does not end");
      if (peek() == '\\') {
        read_escape(token.text);
      } else {
        token.text += peek();
        advance(1);
      }
    }
    advance(1);
    tokens_.push_back(std::move(token));
  }
  /// As Python reads them; a backslash before another character stays.
  void read_escape(std::string& text) {
    static constexpr std::string_view names = "ntr\\'\"", values = "\n\t\r\\'\"";
    const char c = peek(1);
    if (const auto found = names.find(c); c != '\0' && found != std::string_view::npos) {
      text += values[found];
      return advance(2);
    }
    if (c == 'u' || c == 'x') return read_code(text, c == 'u' ? 4 : 2);
    text += '\\';
    advance(1);
  }
  void read_code(std::string& text, std::size_t digits) {
    const std::string hex = source_.substr(at_ + 2, digits);
    if (hex.size() < digits || hex.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos)
      fail("an escape without its digits");
    const auto code = static_cast<char32_t>(std::stoul(hex, nullptr, 16));
    if (code >= 0xD800 && code < 0xE000) fail("an escape of half a character");
    append_utf8(text, code);
    advance(2 + digits);
  }

  std::string source_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0, line_ = 1;
  int depth_ = 0;
  bool strips_left_ = false, drops_newline_ = false;
};

}  // namespace

std::vector<Token> tokens_of(std::string_view source) { return Lexer(source).run(); }

}  // namespace lldm::jinja
