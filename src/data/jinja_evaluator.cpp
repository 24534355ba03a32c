// SPDX-License-Identifier: MIT
#include "data/jinja_evaluator.hpp"

#include <compare>
#include <limits>
#include <utility>

#include "data/jinja_builtins.hpp"
#include "lldm/errors.hpp"

namespace lldm::jinja {

Value Evaluator::look_up(const std::string& name) const {
  for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope)
    for (const auto& [key, value] : scope->items)
      if (key == name) return value;
  return global_function(name);
}

Value Evaluator::evaluate(const Node& node) {
  const Step step(*this, node);
  switch (node.kind) {
    case NodeKind::literal:
      return node.value;
    case NodeKind::name:
      return look_up(node.text);
    case NodeKind::list:
      return charged(list(node));
    case NodeKind::dict:
      return charged(dict(node));
    case NodeKind::attribute:
      return attribute(evaluate(*node.children[0]), node.text);
    case NodeKind::item:
      return item(evaluate(*node.children[0]), evaluate(*node.children[1]));
    case NodeKind::slice:
      return charged(slice(node));
    case NodeKind::call:
      return charged(call(node));
    case NodeKind::filter: {
      const Value value = evaluate(*node.children[0]);
      return charged(apply_filter(node.text, value, arguments(node)));
    }
    case NodeKind::test: {
      const Value value = evaluate(*node.children[0]);
      return Value::of(apply_test(node.text, value, arguments(node)));
    }
    case NodeKind::unary:
      return unary(node);
    case NodeKind::binary:
      return charged(binary(node));
    case NodeKind::condition:
      if (evaluate(*node.children[1]).is_true()) return evaluate(*node.children[0]);
      return node.children[2] ? evaluate(*node.children[2]) : Value();
    default:
      throw Failure(message(node.text, " is not implemented"));
  }
}

Value Evaluator::list(const Node& node) {
  List out;
  for (const NodePtr& child : node.children) out.push_back(evaluate(*child));
  return Value::of(std::move(out));
}

Value Evaluator::dict(const Node& node) {
  Dict out;
  for (std::size_t i = 0; i < node.children.size(); i += 2) {
    std::string key = evaluate(*node.children[i]).text();
    out.items.emplace_back(std::move(key), evaluate(*node.children[i + 1]));
  }
  return Value::of(std::move(out));
}

Value Evaluator::attribute(const Value& object, const std::string& name) {
  if (object.is_undefined()) static_cast<void>(object.text());  // the failure that names it
  return object.is_dict() ? object.member(name) : Value::undefined(name);
}

Value Evaluator::item(const Value& object, const Value& key) {
  if (key.is_text()) return attribute(object, key.text());
  if (object.is_dict() || object.is_none()) return Value::undefined("the item");
  if (object.is_undefined()) static_cast<void>(object.text());
  const List items = items_of(object);
  const auto size = static_cast<std::int64_t>(items.size());
  const std::int64_t at = key.integer() < 0 ? key.integer() + size : key.integer();
  if (at < 0 || at >= size) return Value::undefined("the item");
  return items[static_cast<std::size_t>(at)];
}

Value Evaluator::slice(const Node& node) {
  const auto part = [&](std::size_t i) {
    return node.children[i] ? evaluate(*node.children[i]) : Value::none();
  };
  const Value object = part(0);
  return slice_of(object, part(1), part(2), part(3));
}

Arguments Evaluator::arguments(const Node& node) {
  Arguments out;
  for (std::size_t i = 1; i < node.children.size(); ++i) {
    const std::string& name = node.names[i - 1];
    if (name.empty())
      out.positional.push_back(evaluate(*node.children[i]));
    else
      out.named.emplace_back(name, evaluate(*node.children[i]));
  }
  return out;
}

Value Evaluator::call(const Node& node) {
  const Node& callee = *node.children[0];
  if (callee.kind == NodeKind::attribute) {
    const Value object = evaluate(*callee.children[0]);
    const Arguments given = arguments(node);
    if (auto done = call_method(object, callee.text, given)) return *done;
    const Value member = attribute(object, callee.text);
    if (!member.is_function())
      throw Failure(message("the method \"", callee.text, "\" is not implemented"));
    return member.function()(given);
  }
  const Value function = evaluate(callee);
  return function.function()(arguments(node));
}

Value Evaluator::unary(const Node& node) {
  const Value value = evaluate(*node.children[0]);
  if (node.text == "not") return Value::of(!value.is_true());
  if (node.text == "+") return Value::of(value.integer());
  return checked_number('-', 0, value.integer());
}

Value Evaluator::binary(const Node& node) {
  const std::string& what = node.text;
  const Value a = evaluate(*node.children[0]);
  if (what == "and") return a.is_true() ? evaluate(*node.children[1]) : a;
  if (what == "or") return a.is_true() ? a : evaluate(*node.children[1]);
  const Value b = evaluate(*node.children[1]);
  charge(a.weight() + b.weight());
  if (what == "==") return Value::of(a.equals(b));
  if (what == "!=") return Value::of(!a.equals(b));
  if (what == "in") return Value::of(contains(b, a));
  if (what == "not in") return Value::of(!contains(b, a));
  if (what == "~") return Value::of(a.printed() + b.printed());
  if (what[0] == '<' || what[0] == '>') return Value::of(compared(what, a, b));
  if (what == "+" && a.is_text()) return Value::of(a.text() + b.text());
  if (what == "+" && a.is_list()) {
    List out = a.list();
    out.insert(out.end(), b.list().begin(), b.list().end());
    return Value::of(std::move(out));
  }
  if (what == "/") throw Failure("a quotient with a point is not implemented");
  return checked_number(what == "//" ? '/' : what[0], a.integer(), b.integer());
}

bool Evaluator::compared(const std::string& what, const Value& a, const Value& b) {
  const auto order =
      a.is_text() ? a.text() <=> b.text() : std::strong_ordering(a.integer() <=> b.integer());
  if (what == "<") return order < 0;
  if (what == "<=") return order <= 0;
  return what == ">" ? order > 0 : order >= 0;
}

Value Evaluator::checked_number(char what, std::int64_t a, std::int64_t b) {
  std::int64_t out = 0;
  bool overflows = false;
  if (what == '+') overflows = __builtin_add_overflow(a, b, &out);
  if (what == '-') overflows = __builtin_sub_overflow(a, b, &out);
  if (what == '*') overflows = __builtin_mul_overflow(a, b, &out);
  if (what == '/' || what == '%') {
    overflows = b == 0 || (a == std::numeric_limits<std::int64_t>::min() && b == -1);
    if (overflows) throw Failure("a division by zero");
    const std::int64_t rest = a % b;
    const bool is_below = rest != 0 && (rest < 0) != (b < 0);  // Python rounds down
    out = what == '%' ? rest + (is_below ? b : 0) : a / b - (is_below ? 1 : 0);
  }
  if (overflows) throw Failure("a number grows too large");
  return Value::of(out);
}

}  // namespace lldm::jinja
