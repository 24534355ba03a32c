// SPDX-License-Identifier: MIT
#include "data/jinja_token_stream.hpp"

#include <algorithm>
#include <utility>

#include "lldm/errors.hpp"

namespace lldm::jinja {

void TokenStream::fail(const std::string& what) const {
  throw Failure(message("line ", peek().line, ": ", what));
}
const Token& TokenStream::peek(std::size_t ahead) const {
  return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
}
bool TokenStream::is_word(std::string_view word) const {
  return is(TokenKind::name) && peek().text == word;
}
bool TokenStream::is_symbol(std::string_view symbol) const {
  return is(TokenKind::symbol) && peek().text == symbol;
}
Token TokenStream::take() {
  if (at_ + 1 >= tokens_.size()) return peek();
  return std::move(tokens_[at_++]);
}
bool TokenStream::take_word(std::string_view word) {
  if (!is_word(word)) return false;
  take();
  return true;
}
bool TokenStream::take_symbol(std::string_view symbol) {
  if (!is_symbol(symbol)) return false;
  take();
  return true;
}
void TokenStream::expect(TokenKind kind, std::string_view what) {
  if (!is(kind)) fail(message("\"", what, "\" is missing before \"", peek().text, "\""));
  take();
}
void TokenStream::expect_word(std::string_view word) {
  if (!take_word(word)) fail(message("\"", word, "\" is missing before \"", peek().text, "\""));
}
void TokenStream::expect_symbol(std::string_view symbol) {
  if (!take_symbol(symbol))
    fail(message("\"", symbol, "\" is missing before \"", peek().text, "\""));
}
NodePtr TokenStream::node(NodeKind kind, std::string text) const {
  auto out = std::make_unique<Node>();
  out->kind = kind;
  out->line = peek().line;
  out->text = std::move(text);
  return out;
}

}  // namespace lldm::jinja
