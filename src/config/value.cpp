// SPDX-License-Identifier: MIT
#include "lldm/config/value.hpp"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "config/merge.hpp"
#include "lldm/config/document.hpp"
#include "lldm/errors.hpp"
#include "lldm/text/utf8.hpp"

namespace lldm::config {
namespace {

constexpr std::array<std::string_view, 6> kKindNames = {"a boolean", "an integer", "a number",
                                                        "a string",  "an array",   "a table"};

[[noreturn]] void wrong_kind(const Value& value, Kind wanted) {
  throw Error(message("config::Value: asked for ", kKindNames[static_cast<std::size_t>(wanted)],
                      "\n  got ", value.seen(), " ", value.position().text()));
}

auto key_of(const Position& position) {
  static const std::string none;
  return std::tuple<const std::string&, int, int>(position.source ? position.source->name : none,
                                                  position.line, position.column);
}

}  // namespace

std::string Position::text() const {
  return source ? message(source->name, ":", line, ":", column) : std::string();
}
bool Position::operator<(const Position& other) const { return key_of(*this) < key_of(other); }
bool Position::operator==(const Position& other) const { return key_of(*this) == key_of(other); }

Value::Value() : data_(Table{}) {}
Value::Value(Data data, Position position)
    : data_(std::move(data)), position_(std::move(position)) {}
Value Value::boolean(bool value, Position position) { return {Data(value), std::move(position)}; }
Value Value::integer(std::int64_t value, Position position) {
  return {Data(value), std::move(position)};
}
Value Value::real(double value, Position position) { return {Data(value), std::move(position)}; }
Value Value::string(std::string value, Position position) {
  return {Data(std::move(value)), std::move(position)};
}
Value Value::array(Array elements, Position position) {
  return {Data(std::move(elements)), std::move(position)};
}
Value Value::table(Table members, Position position) {
  return {Data(std::move(members)), std::move(position)};
}

bool Value::as_boolean() const {
  if (const auto* value = std::get_if<bool>(&data_)) return *value;
  wrong_kind(*this, Kind::boolean);
}
std::int64_t Value::as_integer() const {
  if (const auto* value = std::get_if<std::int64_t>(&data_)) return *value;
  wrong_kind(*this, Kind::integer);
}
double Value::as_real() const {
  if (const auto* value = std::get_if<double>(&data_)) return *value;
  if (const auto* value = std::get_if<std::int64_t>(&data_)) return static_cast<double>(*value);
  wrong_kind(*this, Kind::real);
}
const std::string& Value::as_string() const {
  if (const auto* value = std::get_if<std::string>(&data_)) return *value;
  wrong_kind(*this, Kind::string);
}
const Array& Value::as_array() const {
  if (const auto* value = std::get_if<Array>(&data_)) return *value;
  wrong_kind(*this, Kind::array);
}
Array& Value::as_array() {
  if (auto* value = std::get_if<Array>(&data_)) return *value;
  wrong_kind(*this, Kind::array);
}
const Table& Value::as_table() const {
  if (const auto* value = std::get_if<Table>(&data_)) return *value;
  wrong_kind(*this, Kind::table);
}
Table& Value::as_table() {
  if (auto* value = std::get_if<Table>(&data_)) return *value;
  wrong_kind(*this, Kind::table);
}

const Member* Value::find(std::string_view key) const {
  const auto* members = std::get_if<Table>(&data_);
  if (!members) return nullptr;
  const auto it = std::find_if(members->begin(), members->end(),
                               [&](const Member& member) { return member.key == key; });
  return it == members->end() ? nullptr : &*it;
}
Member* Value::find(std::string_view key) {
  return const_cast<Member*>(std::as_const(*this).find(key));
}

std::string_view Value::text_of(std::string_view key) const {
  const Member* member = find(key);
  return member && member->value.is_string() ? std::string_view(member->value.as_string())
                                             : std::string_view();
}

void Value::set(std::string_view key, Value value, Position key_position) {
  if (Member* member = find(key)) {
    member->value = std::move(value);
    member->position = std::move(key_position);
  } else {
    as_table().push_back({std::string(key), std::move(key_position), std::move(value)});
  }
}

bool Value::erase(std::string_view key) {
  return is_table() &&
         std::erase_if(as_table(), [&](const Member& member) { return member.key == key; }) > 0;
}

std::string Value::seen() const {
  switch (kind()) {
    case Kind::boolean:
      return message("the boolean ", as_boolean() ? "true" : "false");
    case Kind::integer:
      return message("the integer ", as_integer());
    case Kind::real:
      return message("the number ", to_toml(*this));
    case Kind::string:
      return message("the string ", in_quotes(as_string()));
    case Kind::array:
      return message("an array of ", as_array().size());
    case Kind::table:
      break;
  }
  return "a table";
}

bool Value::operator==(const Value& other) const {
  if (kind() != other.kind()) return false;
  if (!is_table()) return data_ == other.data_;
  if (as_table().size() != other.as_table().size()) return false;
  return std::all_of(as_table().begin(), as_table().end(), [&](const Member& member) {
    const Member* twin = other.find(member.key);
    return twin && twin->value == member.value;
  });
}

namespace {

/// The key and the name by which a table picks its component.
std::pair<std::string_view, std::string_view> component_of(const Value& table) {
  for (const std::string_view key : {"type", "generate"})
    if (const std::string_view name = table.text_of(key); !name.empty()) return {key, name};
  if (table.find("terms")) return {"type", "weighted_sum"};  // what `terms` alone stands for
  return {};
}

/// An optimizer's table without what one type reads and another one refuses.
Value without_keys_of_a_type(const Value& optimizer) {
  Value rest = Value::table({}, optimizer.position());
  for (const Member& member : optimizer.as_table())
    if (member.key != "resident" && member.key != "relative_step")
      rest.set(member.key, member.value, member.position);
  return rest;
}

}  // namespace

Value merged_at(std::string_view key, const Value& base, const Value& over) {
  if (!base.is_table() || !over.is_table()) return over;
  const auto old_component = component_of(base), new_component = component_of(over);
  const bool is_other = !old_component.first.empty() && !new_component.first.empty() &&
                        old_component != new_component;
  if (is_other && key != "optimizer") return over;
  Value result = is_other ? without_keys_of_a_type(base) : base;
  result.set_position(over.position());
  for (const Member& member : over.as_table()) {
    const Member* old = result.find(member.key);
    result.set(member.key, old ? merged_at(member.key, old->value, member.value) : member.value,
               member.position);
  }
  return result;
}

Value merged(const Value& base, const Value& over) { return merged_at("", base, over); }

std::string in_quotes(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  constexpr std::size_t kLongest = 60;
  std::string result = "\"";
  // Not in the middle of a UTF-8 character.
  const std::size_t shown = text.size() > kLongest ? character_start(text, kLongest) : text.size();
  for (const char c : text.substr(0, shown)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      result += '\\', result += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      result += "\\x", result += kHex[byte >> 4], result += kHex[byte & 15];
    } else {
      result += c;
    }
  }
  if (shown < text.size()) result += "...";
  return result + "\"";
}

}  // namespace lldm::config
