// SPDX-License-Identifier: MIT
#include "data/jinja_expressions.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "lldm/errors.hpp"

namespace lldm::jinja {

NodePtr ExpressionParser::join(NodeKind kind, std::string text, NodePtr a, NodePtr b) const {
  NodePtr out = node(kind, std::move(text));
  out->children.push_back(std::move(a));
  if (b) out->children.push_back(std::move(b));
  return out;
}

NodePtr ExpressionParser::expression() {
  const Depth depth(*this);
  NodePtr value = or_chain();
  while (take_word("if")) {
    NodePtr condition = or_chain();
    NodePtr out = join(NodeKind::condition, "", std::move(value), std::move(condition));
    out->children.push_back(take_word("else") ? expression() : nullptr);
    value = std::move(out);
  }
  return value;
}

NodePtr ExpressionParser::without_condition() {
  const Depth depth(*this);
  return or_chain();
}

NodePtr ExpressionParser::expression_list() {
  NodePtr first = expression();
  if (!is_symbol(",")) return first;
  NodePtr out = join(NodeKind::list, "", std::move(first));
  while (take_symbol(",")) out->children.push_back(expression());
  return out;
}

NodePtr ExpressionParser::or_chain() {
  NodePtr left = and_chain();
  while (take_word("or")) left = join(NodeKind::binary, "or", std::move(left), and_chain());
  return left;
}
NodePtr ExpressionParser::and_chain() {
  NodePtr left = negation();
  while (take_word("and")) left = join(NodeKind::binary, "and", std::move(left), negation());
  return left;
}
NodePtr ExpressionParser::negation() {
  const Depth depth(*this);
  if (take_word("not")) return join(NodeKind::unary, "not", negation());
  return comparison();
}

NodePtr ExpressionParser::comparison() {
  static constexpr std::array<std::string_view, 6> symbols = {"==", "!=", "<=", ">=", "<", ">"};
  NodePtr left = binary(0);
  for (bool is_chained = false;; is_chained = true) {
    std::string what;
    if (is(TokenKind::symbol) && std::ranges::find(symbols, peek().text) != symbols.end())
      what = take().text;
    else if (take_word("in"))
      what = "in";
    else if (is_word("not") && peek(1).text == "in")
      what = (take(), take(), "not in");
    else
      return left;
    if (is_chained) fail("a chain of comparisons is not implemented");
    left = join(NodeKind::binary, what, std::move(left), binary(0));
  }
}

/// From the loosest: + and -, ~, then * / // and %; as Jinja has them.
NodePtr ExpressionParser::binary(int level) {
  static constexpr std::array<std::array<std::string_view, 4>, 3> levels = {
      {{"+", "-", "+", "-"}, {"~", "~", "~", "~"}, {"*", "/", "//", "%"}}};
  if (level == 3) return prefixed(true);
  const auto& symbols = levels[static_cast<std::size_t>(level)];
  NodePtr left = binary(level + 1);
  while (is(TokenKind::symbol) && std::ranges::find(symbols, peek().text) != symbols.end()) {
    std::string symbol = take().text;
    left = join(NodeKind::binary, std::move(symbol), std::move(left), binary(level + 1));
  }
  return left;
}

/// Filters and tests behind a sign apply to the signed value.
NodePtr ExpressionParser::prefixed(bool with_filters) {
  const Depth depth(*this);
  NodePtr object;
  if (is_symbol("-") || is_symbol("+")) {
    std::string sign = take().text;
    object = join(NodeKind::unary, std::move(sign), prefixed(false));
  } else {
    object = postfixed(primary());
  }
  while (with_filters) {
    if (take_symbol("|"))
      object = postfixed(filter_of(std::move(object)));
    else if (take_word("is"))
      object = test_of(std::move(object));
    else
      break;
  }
  return object;
}

NodePtr ExpressionParser::postfixed(NodePtr object) {
  for (;;) {
    if (take_symbol(".")) {
      std::string name = take().text;
      object = join(NodeKind::attribute, std::move(name), std::move(object));
    } else if (take_symbol("[")) {
      object = bracketed(std::move(object));
    } else if (is_symbol("(")) {
      NodePtr call = join(NodeKind::call, "", std::move(object));
      arguments(*call);
      object = std::move(call);
    } else {
      return object;
    }
  }
}

NodePtr ExpressionParser::bracketed(NodePtr object) {
  std::array<NodePtr, 3> parts;
  std::size_t at = 0;
  for (; !is_symbol("]");) {
    if (take_symbol(":")) {
      if (++at == parts.size()) fail("a slice has at most three parts");
      continue;
    }
    if (parts[at]) fail("\"]\" is missing");
    parts[at] = expression();
  }
  take();
  if (at == 0) {
    if (!parts[0]) fail("an index is missing");
    return join(NodeKind::item, "", std::move(object), std::move(parts[0]));
  }
  NodePtr out = join(NodeKind::slice, "", std::move(object));
  for (NodePtr& part : parts) out->children.push_back(std::move(part));
  return out;
}

NodePtr ExpressionParser::filter_of(NodePtr filtered) {
  std::string name = take().text;
  NodePtr out = join(NodeKind::filter, std::move(name), std::move(filtered));
  if (is_symbol("(")) arguments(*out);
  return out;
}

NodePtr ExpressionParser::test_of(NodePtr tested) {
  const bool is_negated = take_word("not");
  std::string name = take().text;
  NodePtr out = join(NodeKind::test, std::move(name), std::move(tested));
  const bool is_word_here = is(TokenKind::name) && !is_word("and") && !is_word("or") &&
                            !is_word("else") && !is_word("if") && !is_word("is") &&
                            !is_word("in") && !is_word("not");
  if (is_symbol("(")) {
    arguments(*out);
  } else if (is_word_here || is(TokenKind::string) || is(TokenKind::integer)) {
    out->children.push_back(postfixed(primary()));  // "x is divisibleby 3"
    out->names.emplace_back();
  }
  return is_negated ? join(NodeKind::unary, "not", std::move(out)) : std::move(out);
}

void ExpressionParser::arguments(Node& out) {
  expect_symbol("(");
  while (!take_symbol(")")) {
    const bool is_named =
        is(TokenKind::name) && peek(1).text == "=" && peek(1).kind == TokenKind::symbol;
    out.names.push_back(is_named ? take().text : "");
    if (is_named) take();
    out.children.push_back(expression());
    if (!is_symbol(")")) expect_symbol(",");
  }
}

NodePtr ExpressionParser::list_until(std::string_view close, NodePtr out) {
  while (!take_symbol(close)) {
    out->children.push_back(expression());
    if (!is_symbol(close)) expect_symbol(",");
  }
  return out;
}

NodePtr ExpressionParser::dict() {
  NodePtr out = node(NodeKind::dict);
  while (!take_symbol("}")) {
    out->children.push_back(expression());
    expect_symbol(":");
    out->children.push_back(expression());
    if (!is_symbol("}")) expect_symbol(",");
  }
  return out;
}

NodePtr ExpressionParser::primary() {
  const Depth depth(*this);
  NodePtr out = node(NodeKind::literal);
  if (take_symbol("[")) return list_until("]", node(NodeKind::list));
  if (take_symbol("{")) return dict();
  if (take_symbol("(")) {
    if (take_symbol(")")) return node(NodeKind::list);
    NodePtr inner = expression();
    if (take_symbol(",")) return list_until(")", join(NodeKind::list, "", std::move(inner)));
    expect_symbol(")");
    return inner;
  }
  if (is(TokenKind::string)) {
    std::string text = take().text;
    while (is(TokenKind::string)) text += take().text;  // neighbours are one
    out->value = Value::of(std::move(text));
    return out;
  }
  if (is(TokenKind::real)) {
    out->kind = NodeKind::unsupported;
    out->text = message("the number ", take().text, " with a point");
    return out;
  }
  if (is(TokenKind::integer)) {
    const std::string digits = take().text;
    std::int64_t value = 0;
    if (std::from_chars(digits.data(), digits.data() + digits.size(), value).ec != std::errc())
      fail(message("the number ", digits, " is too large"));
    out->value = Value::of(value);
    return out;
  }
  if (!is(TokenKind::name)) fail(message("a value is missing before \"", peek().text, "\""));
  out->text = take().text;
  if (out->text == "true" || out->text == "True")
    out->value = Value::of(true);
  else if (out->text == "false" || out->text == "False")
    out->value = Value::of(false);
  else if (out->text == "none" || out->text == "None")
    out->value = Value::none();
  else
    out->kind = NodeKind::name;
  return out;
}

}  // namespace lldm::jinja
