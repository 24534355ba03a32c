// SPDX-License-Identifier: MIT
// One key of a table without its C++ type: what reading, `lldm describe` and the docs are made
// from.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lldm/config/diagnostics.hpp"
#include "lldm/config/field.hpp"
#include "lldm/config/value.hpp"

namespace lldm::config {

/// Checks a table that names a component, where options hold one (ComponentRef).  The registry is
/// one; without one such tables are kept unchecked.
class ComponentChecker {
 public:
  virtual ~ComponentChecker() = default;
  /// The table with its defaults filled in (as given where errors were reported), and what the
  /// checker wants to find again in ComponentRef::bound.
  struct Checked {
    Value table;
    std::shared_ptr<const void> bound;
  };
  /// What is asked: which role, and how messages call the table.
  struct Question {
    std::string_view role;
    const Value& table;
    std::string where;
    std::vector<std::string> extra_keys = {};  // of the table, which somebody else reads
    std::string synonym = {};                  // another word for `type`: "generate"
  };
  /// The checked table says `type`, whatever word it was given with.
  [[nodiscard]] virtual Checked check_component(const Question& asked,
                                                Diagnostics& diagnostics) const = 0;
};

/// What reading a table needs besides the table.
struct ReadContext {
  Diagnostics& diagnostics;
  std::string where;                             // "[objective] type \"dpo\"": begins every message
  const ComponentChecker* components = nullptr;  // for ComponentRef members
  std::string origin = {};                       // "plugin remask 0.1.2"; "" for lldm's own
  std::vector<std::string> extra_keys = {};      // legal keys that somebody else reads
};

/// Legal values of a number.
struct Limits {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  bool min_open = false, max_open = false;

  [[nodiscard]] bool contains(double value) const {
    return (min_open ? value > min : value >= min) && (max_open ? value < max : value <= max);
  }
};

struct FieldInfo;

/// One value on its way into one member.
struct Slot {
  const FieldInfo& info;
  const ReadContext& context;
  std::string element = {};  // " element 2" inside an array

  /// Report and return false, so that readers can `return slot.wrong_type(value);`.
  bool wrong_type(const Value& value) const;
  bool out_of_range(const Value& value) const;
  bool fail(const Value& value, std::string_view what, std::string hint) const;
};

struct FieldInfo {
  std::string key;
  std::string type;          // "integer", "list of numbers", "noise_schedule"
  std::string default_text;  // as TOML; "" where there is none
  std::string range;         // "in [1, 65536]", "above 0"; "" where every value is legal
  std::string unit;
  std::string help;
  std::vector<std::string> choices;  // of an enum
  std::vector<FieldInfo> fields;     // of a nested table
  bool is_required = false;
  std::string old_key;  // what it was called before; "" where it always had this name
  Limits limits = {};
  bool (*read)(const Value& value, void* options, const Slot& slot) = nullptr;
  std::optional<Value> (*write)(const void* options) = nullptr;
};

/// Reads every member of `table` into `options` (an object of the struct that `fields` describe).
/// Reports unknown keys, wrong types, values out of range and missing required keys.  True if all
/// is well.
bool read_table(const Value& table, std::span<const FieldInfo> fields, void* options,
                const ReadContext& context);
/// The table of all members, in the order of `fields`.
[[nodiscard]] Value write_table(std::span<const FieldInfo> fields, const void* options);

/// Readers of single values; false after reporting.
bool read_value(const Value& value, bool& out, const Slot& slot);
bool read_value(const Value& value, std::int64_t& out, const Slot& slot);
bool read_value(const Value& value, double& out, const Slot& slot);
bool read_value(const Value& value, std::string& out, const Slot& slot);
/// A number and one of B, KiB, MiB, GiB, TiB: "2 GiB".
bool read_value(const Value& value, ByteSize& out, const Slot& slot);
/// Relative to the folder of the file it is written in; "${NAME}" is replaced by the environment's
/// NAME.
bool read_value(const Value& value, std::filesystem::path& out, const Slot& slot);
bool read_value(const Value& value, std::map<std::string, double>& out, const Slot& slot);
bool read_value(const Value& value, Value& out, const Slot& slot);
/// The index of the name among `info.choices`.
bool read_choice(const Value& value, std::size_t& out, const Slot& slot);
/// A component's name, or a table with `type`; checked by `context.components`.
struct ComponentSlot {  // the members of a ComponentRef
  Value& table;
  std::shared_ptr<const void>& bound;
};
bool read_component(const Value& value, ComponentSlot out, std::string_view role,
                    std::span<const std::string> extra_keys, const Slot& slot);

[[nodiscard]] Value write_value(bool value);
[[nodiscard]] Value write_value(std::int64_t value);
[[nodiscard]] Value write_value(double value);
[[nodiscard]] Value write_value(const std::string& value);
[[nodiscard]] Value write_value(ByteSize value);
/// Absolute, so that the written file means the same from any folder.
[[nodiscard]] Value write_value(const std::filesystem::path& value);
[[nodiscard]] Value write_value(const std::map<std::string, double>& value);

/// Fills in `default_text` from an object with default members (paths as they are, not absolute).
void set_default_text(FieldInfo& info, const void* defaults, bool is_path);

/// "2 GiB": the largest unit that divides the size.
[[nodiscard]] std::string byte_text(std::int64_t bytes);
/// "in [1, 65536]", "above 0", "".
[[nodiscard]] std::string range_text(const Limits& limits, bool is_bytes);

}  // namespace lldm::config
