// SPDX-License-Identifier: MIT
#include "data/jinja_value.hpp"

#include <algorithm>

#include "lldm/errors.hpp"

namespace lldm::jinja {

template <class T>
const T& Value::as(std::string_view wanted) const {
  if (const T* found = std::get_if<T>(&data_)) return *found;
  if (const auto* missing = std::get_if<Undefined>(&data_))
    throw Failure(message("\"", missing->name, "\" is undefined"));
  throw Failure(message("a value of kind ", kind(), " stands where ", wanted, " is needed"));
}

std::int64_t Value::integer() const {
  if (const bool* flag = std::get_if<bool>(&data_)) return *flag ? 1 : 0;
  return as<std::int64_t>("an integer");
}
const std::string& Value::text() const { return as<std::string>("a text"); }
List& Value::list() const { return *as<std::shared_ptr<List>>("a list"); }
Dict& Value::dict() const { return *as<std::shared_ptr<Dict>>("a dict"); }
const Function& Value::function() const { return *as<std::shared_ptr<Function>>("a function"); }

std::string_view Value::kind() const {
  static constexpr std::string_view names[] = {"undefined", "none", "boolean", "integer",
                                               "text",      "list", "dict",    "function"};
  return names[data_.index()];
}

bool Value::is_true() const {
  if (is_text()) return !text().empty();
  if (is_list()) return !list().empty();
  if (is_dict()) return !dict().items.empty();
  if (is_integer() || is_boolean()) return integer() != 0;
  return is_function();
}

bool Value::equals(const Value& other) const {
  const auto is_number = [](const Value& v) { return v.is_integer() || v.is_boolean(); };
  if (is_number(*this) && is_number(other)) return integer() == other.integer();
  if (data_.index() != other.data_.index()) return false;
  if (is_text()) return text() == other.text();
  if (is_list())
    return std::ranges::equal(list(), other.list(),
                              [](const Value& a, const Value& b) { return a.equals(b); });
  if (is_dict()) {
    const auto& mine = dict().items;
    return mine.size() == other.dict().items.size() &&
           std::ranges::all_of(mine, [&](const auto& item) {
             const Value theirs = other.member(item.first);
             return !theirs.is_undefined() && item.second.equals(theirs);
           });
  }
  if (is_function()) return &function() == &other.function();
  return true;
}

std::string Value::printed() const {
  if (is_text()) return text();
  if (is_undefined()) return "";
  if (is_none()) return "None";
  if (is_boolean()) return integer() != 0 ? "True" : "False";
  if (is_integer()) return std::to_string(integer());
  throw Failure(message("a value of kind ", kind(), " is written into the text"));
}

std::size_t Value::weight(int depth) const {
  if (depth > 8) throw Failure("lists nest over 8 deep");
  std::size_t out = 1;
  if (is_text()) out += text().size() / 64;
  if (is_list())
    for (const Value& item : list()) out += item.weight(depth + 1);
  if (is_dict()) {
    if (depth > 0 && dict().is_namespace) throw Failure("a namespace stands in another value");
    for (const auto& item : dict().items) out += item.second.weight(depth + 1);
  }
  return out;
}

Value Value::member(std::string_view key) const {
  for (const auto& [name, value] : dict().items)
    if (name == key) return value;
  return undefined(std::string(key));
}

}  // namespace lldm::jinja
