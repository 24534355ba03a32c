// SPDX-License-Identifier: MIT
// What parsers read tokens by.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "data/jinja_lexer.hpp"
#include "data/jinja_parser.hpp"

namespace lldm::jinja {

class TokenStream {
 public:
  explicit TokenStream(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

 protected:
  /// Counts how deep the parser is in itself.
  class Depth {
   public:
    explicit Depth(TokenStream& parser) : depth_(parser.depth_) {
      if (++depth_ > 100) parser.fail("the template nests over 100 deep");
    }
    ~Depth() { --depth_; }
    Depth(const Depth&) = delete;
    Depth& operator=(const Depth&) = delete;

   private:
    int& depth_;
  };

  [[noreturn]] void fail(const std::string& what) const;
  [[nodiscard]] const Token& peek(std::size_t ahead = 0) const;
  [[nodiscard]] bool is(TokenKind kind) const { return peek().kind == kind; }
  [[nodiscard]] bool is_word(std::string_view word) const;
  [[nodiscard]] bool is_symbol(std::string_view symbol) const;
  Token take();
  bool take_word(std::string_view word);
  bool take_symbol(std::string_view symbol);
  void expect(TokenKind kind, std::string_view what);
  void expect_word(std::string_view word);
  void expect_symbol(std::string_view symbol);
  [[nodiscard]] NodePtr node(NodeKind kind, std::string text = "") const;

 private:
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace lldm::jinja
