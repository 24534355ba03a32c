// SPDX-License-Identifier: MIT
#include "data/jinja_builtins.hpp"

#include <algorithm>
#include <array>

#include "data/jinja_text.hpp"
#include "lldm/data/text.hpp"
#include "lldm/errors.hpp"
#include "lldm/text/utf8.hpp"

namespace lldm::jinja {
namespace {

constexpr std::int64_t kMaxRange = 100'000;

[[noreturn]] void missing(std::string_view what, std::string_view name) {
  throw Failure(message("the ", what, " \"", name, "\" is not implemented"));
}

Value argument(const Arguments& arguments, std::size_t at, std::string_view name) {
  if (at < arguments.positional.size()) return arguments.positional[at];
  for (const auto& [key, value] : arguments.named)
    if (key == name) return value;
  return Value::undefined(std::string(name));
}

Value joined(const Value& value, const Arguments& arguments) {
  const Value separator = argument(arguments, 0, "d");
  std::string out;
  bool is_first = true;
  for (const Value& item : items_of(value)) {
    if (!is_first) out += separator.printed();
    out += item.printed();
    is_first = false;
  }
  return Value::of(std::move(out));
}

Value or_default(const Value& value, const Arguments& arguments) {
  const bool replaces_false = argument(arguments, 1, "boolean").is_true();
  if (!value.is_undefined() && !(replaces_false && !value.is_true())) return value;
  const Value other = argument(arguments, 0, "default_value");
  return other.is_undefined() ? Value::of("") : other;
}

Value range(const Arguments& arguments) {
  const auto& given = arguments.positional;
  if (given.empty() || given.size() > 2) missing("function", "range with a step");
  const std::int64_t start = given.size() == 2 ? given[0].integer() : 0;
  const std::int64_t stop = given.back().integer();
  if (start < -kMaxRange || stop > kMaxRange) throw Failure("a range over 100000 long");
  List out;
  for (std::int64_t i = start; i < stop; ++i) out.push_back(Value::of(i));
  return Value::of(std::move(out));
}

Value dict_method(const Value& object, std::string_view name, const Arguments& arguments,
                  bool& is_known) {
  is_known = true;
  if (name == "get") {
    const Value found = object.member(argument(arguments, 0, "key").text());
    if (!found.is_undefined()) return found;
    const Value other = argument(arguments, 1, "default");
    return other.is_undefined() ? Value::none() : other;
  }
  List out;
  for (const auto& [key, value] : object.dict().items) {
    if (name == "keys") out.push_back(Value::of(key));
    if (name == "values") out.push_back(value);
    if (name == "items") out.push_back(Value::of(List{Value::of(key), value}));
  }
  is_known = name == "keys" || name == "values" || name == "items";
  return Value::of(std::move(out));
}

}  // namespace

List items_of(const Value& value) {
  if (value.is_undefined()) return {};
  List out;
  if (value.is_dict())
    for (const auto& item : value.dict().items) out.push_back(Value::of(item.first));
  else if (value.is_text())
    for (std::string& c : characters_of(value.text())) out.push_back(Value::of(std::move(c)));
  else
    out = value.list();
  return out;
}

std::int64_t length_of(const Value& value) {
  if (value.is_text()) return static_cast<std::int64_t>(count_characters(value.text()));
  return static_cast<std::int64_t>(items_of(value).size());
}

bool contains(const Value& container, const Value& value) {
  if (container.is_text()) return container.text().find(value.text()) != std::string::npos;
  return std::ranges::any_of(items_of(container),
                             [&](const Value& item) { return item.equals(value); });
}

Value slice_of(const Value& value, const Value& start, const Value& stop, const Value& step) {
  const auto given = [](const Value& part, std::int64_t other) {
    return part.is_none() ? other : part.integer();
  };
  const List items = items_of(value);
  const auto size = static_cast<std::int64_t>(items.size());
  const std::int64_t by = given(step, 1);
  if (by != 1 && by != -1) throw Failure("a slice whose step is neither 1 nor -1");
  const std::int64_t low = by > 0 ? 0 : -1, high = by > 0 ? size : size - 1;
  const auto place = [&](const Value& part, std::int64_t other) {
    if (part.is_none()) return other;
    const std::int64_t at = part.integer();
    return std::clamp(at < 0 ? at + size : at, low, high);
  };
  List out;
  const std::int64_t end = place(stop, by > 0 ? high : low);
  for (std::int64_t i = place(start, by > 0 ? low : high); by > 0 ? i < end : i > end; i += by)
    out.push_back(items[static_cast<std::size_t>(i)]);
  if (!value.is_text()) return Value::of(std::move(out));
  std::string text;
  for (const Value& item : out) text += item.text();
  return Value::of(std::move(text));
}

Value apply_filter(std::string_view name, const Value& value, const Arguments& arguments) {
  if (name == "length" || name == "count") return Value::of(length_of(value));
  if (name == "default" || name == "d") return or_default(value, arguments);
  if (name == "join") return joined(value, arguments);
  if (name == "list") return Value::of(items_of(value));
  if (name == "string") return Value::of(value.printed());
  if (name == "first" || name == "last") {
    const List items = items_of(value);
    if (items.empty()) return Value::undefined(message("the ", name, " of nothing"));
    return name == "first" ? items.front() : items.back();
  }
  if (name == "trim") {
    const Value characters = argument(arguments, 0, "chars");
    return Value::of(
        strip(value.printed(), characters.is_undefined() ? Value::none() : characters, true, true));
  }
  if (name == "upper" || name == "lower" || name == "replace")
    if (auto done = call_method(Value::of(value.printed()), name, arguments)) return *done;
  missing("filter", name);
}

bool apply_test(std::string_view name, const Value& value, const Arguments& arguments) {
  if (name == "defined") return !value.is_undefined();
  if (name == "undefined") return value.is_undefined();
  if (name == "none") return value.is_none();
  if (name == "string") return value.is_text();
  if (name == "mapping") return value.is_dict();
  if (name == "sequence" || name == "iterable")
    return value.is_text() || value.is_list() || value.is_dict() || value.is_undefined();
  if (name == "number") return value.is_integer() || value.is_boolean();
  if (name == "integer") return value.is_integer();
  if (name == "boolean") return value.is_boolean();
  if (name == "true" || name == "false")
    return value.is_boolean() && value.is_true() == (name == "true");
  if (name == "callable") return value.is_function();
  if (name == "equalto" || name == "eq" || name == "==")
    return value.equals(argument(arguments, 0, "b"));
  if (name == "in") return contains(argument(arguments, 0, "seq"), value);
  missing("test", name);
}

std::optional<Value> call_method(const Value& object, std::string_view name,
                                 const Arguments& arguments) {
  if (object.is_text()) return text_method(object.text(), name, arguments);
  if (object.is_dict()) {
    bool is_known = false;
    Value out = dict_method(object, name, arguments, is_known);
    return is_known ? std::optional(std::move(out)) : std::nullopt;
  }
  return std::nullopt;
}

Value global_function(std::string_view name) {
  if (name == "namespace" || name == "dict")
    return Value::of(Function([is_namespace = name == "namespace"](const Arguments& arguments) {
      if (!arguments.positional.empty()) missing("function", "namespace of a dict");
      return Value::of(Dict{arguments.named, is_namespace});
    }));
  if (name == "range") return Value::of(Function(range));
  if (name == "raise_exception")
    return Value::of(Function([](const Arguments& arguments) -> Value {
      throw Failure(
          message("the template refuses it: ", argument(arguments, 0, "message").printed()));
    }));
  return Value::undefined(std::string(name));
}

}  // namespace lldm::jinja
