// SPDX-License-Identifier: MIT
// What a TOML file says, with the place of every key and value.  toml++ itself stays in src/config.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace lldm::config {

/// A text that values come from.
struct Source {
  std::string name;              // as the user typed it: "experiments/dpo.toml", "--set"
  std::filesystem::path folder;  // relative paths in this text start here
};

/// A place in a Source; without a source for values that a program made.  Lines and columns start
/// at 1.
struct Position {
  std::shared_ptr<const Source> source;
  int line = 0;
  int column = 0;

  /// "file:line:column", or "" without a source.
  [[nodiscard]] std::string text() const;
  /// By file, line, column.
  [[nodiscard]] bool operator<(const Position& other) const;
  [[nodiscard]] bool operator==(const Position& other) const;
};

class Value;
struct Member;
using Array = std::vector<Value>;
/// Members in the order of the source.
using Table = std::vector<Member>;

enum class Kind : std::uint8_t { boolean, integer, real, string, array, table };

/// One TOML value with its place.  A default-constructed Value is an empty table.
class Value {
 public:
  Value();
  static Value boolean(bool value, Position position = {});
  static Value integer(std::int64_t value, Position position = {});
  static Value real(double value, Position position = {});
  static Value string(std::string value, Position position = {});
  static Value array(Array elements = {}, Position position = {});
  static Value table(Table members = {}, Position position = {});

  [[nodiscard]] Kind kind() const { return static_cast<Kind>(data_.index()); }
  [[nodiscard]] bool is_boolean() const { return kind() == Kind::boolean; }
  [[nodiscard]] bool is_integer() const { return kind() == Kind::integer; }
  [[nodiscard]] bool is_real() const { return kind() == Kind::real; }
  [[nodiscard]] bool is_string() const { return kind() == Kind::string; }
  [[nodiscard]] bool is_array() const { return kind() == Kind::array; }
  [[nodiscard]] bool is_table() const { return kind() == Kind::table; }

  /// The content; Error if the value is of another kind (ask `kind()` first).
  [[nodiscard]] bool as_boolean() const;
  [[nodiscard]] std::int64_t as_integer() const;
  [[nodiscard]] double as_real() const;  // integers too
  [[nodiscard]] const std::string& as_string() const;
  [[nodiscard]] const Array& as_array() const;
  [[nodiscard]] Array& as_array();
  [[nodiscard]] const Table& as_table() const;
  [[nodiscard]] Table& as_table();

  /// The member of that key; null if there is none or this is not a table.
  [[nodiscard]] const Member* find(std::string_view key) const;
  [[nodiscard]] Member* find(std::string_view key);
  /// The string under that key; "" if there is none.  For names (`type`, `name`) before checking.
  [[nodiscard]] std::string_view text_of(std::string_view key) const;
  /// Replaces the member's value in its place, or appends it.
  void set(std::string_view key, Value value, Position key_position = {});
  /// Removes the member; false if there was none.
  bool erase(std::string_view key);

  [[nodiscard]] const Position& position() const { return position_; }
  void set_position(Position position) { position_ = std::move(position); }

  /// What it is, for messages: `the string "abc"`, `the integer 3`, `an array`, `a table`.
  [[nodiscard]] std::string seen() const;
  /// Same content; positions and the order of members do not count.
  [[nodiscard]] bool operator==(const Value& other) const;

 private:
  using Data = std::variant<bool, std::int64_t, double, std::string, Array, Table>;
  Value(Data data, Position position);

  Data data_;
  Position position_;
};

/// One `key = value` of a table.
struct Member {
  std::string key;
  Position position;  // of the key
  Value value;

  [[nodiscard]] bool operator==(const Member& other) const {
    return key == other.key && value == other.value;
  }
};

/// `over` laid on `base`: tables merge key by key, everything else is replaced.  Where `over` names
/// another component (its `type`, or `generate`, differs from base's), base's keys are discarded.
[[nodiscard]] Value merged(const Value& base, const Value& over);

/// `text` in quotes with control characters escaped, shortened to 60 characters: for messages.
[[nodiscard]] std::string in_quotes(std::string_view text);

}  // namespace lldm::config
