// SPDX-License-Identifier: MIT
// Expressions by recursive descent; the parser of statements builds on it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "data/jinja_token_stream.hpp"

namespace lldm::jinja {

class ExpressionParser : public TokenStream {
 public:
  using TokenStream::TokenStream;

 protected:
  NodePtr expression();         // with "a if b else c"
  NodePtr without_condition();  // what a loop runs over
  NodePtr expression_list();    // "a, b" is a list

 private:
  NodePtr join(NodeKind kind, std::string text, NodePtr a, NodePtr b = nullptr) const;
  NodePtr or_chain();
  NodePtr and_chain();
  NodePtr negation();
  NodePtr comparison();
  NodePtr binary(int level);
  NodePtr prefixed(bool with_filters);
  NodePtr postfixed(NodePtr object);
  NodePtr primary();
  NodePtr bracketed(NodePtr object);
  NodePtr test_of(NodePtr tested);
  NodePtr filter_of(NodePtr filtered);
  NodePtr list_until(std::string_view close, NodePtr out);
  NodePtr dict();
  void arguments(Node& out);
};

}  // namespace lldm::jinja
