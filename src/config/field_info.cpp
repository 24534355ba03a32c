// SPDX-License-Identifier: MIT
// Sizes, ranges, and values written back.
#include "lldm/config/field_info.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "lldm/config/document.hpp"
#include "lldm/errors.hpp"

namespace lldm::config {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t bytes;
};
constexpr std::array<Unit, 5> kUnits = {{{"TiB", std::int64_t{1} << 40},
                                         {"GiB", std::int64_t{1} << 30},
                                         {"MiB", std::int64_t{1} << 20},
                                         {"KiB", std::int64_t{1} << 10},
                                         {"B", 1}}};

std::optional<std::int64_t> parse_bytes(std::string_view text) {
  double number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc() || !std::isfinite(number) || number < 0) return std::nullopt;
  std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  unit.remove_prefix(std::min(unit.find_first_not_of(' '), unit.size()));
  for (const Unit& known : kUnits) {
    const double bytes = number * static_cast<double>(known.bytes);
    if (unit == known.name && bytes < 0x1p62) return static_cast<std::int64_t>(std::llround(bytes));
  }
  return std::nullopt;
}

std::string number_text(double value) {
  char buffer[32];
  return {buffer, std::to_chars(buffer, buffer + sizeof(buffer), value).ptr};
}

}  // namespace

bool read_value(const Value& value, ByteSize& out, const Slot& slot) {
  if (!value.is_string()) return slot.wrong_type(value);
  const auto bytes = parse_bytes(value.as_string());
  if (!bytes)
    return slot.fail(value, "must be a size with its unit, like \"2 GiB\"",
                     "got " + in_quotes(value.as_string()) + "; units: B, KiB, MiB, GiB, TiB");
  // 0 says "no limit" to most keys: a fraction of a byte does not.
  if (*bytes == 0 && value.as_string().find_first_of("123456789") != std::string::npos)
    return slot.fail(value, "must be 0 or at least 1 B", "got " + in_quotes(value.as_string()));
  if (!slot.info.limits.contains(static_cast<double>(*bytes))) return slot.out_of_range(value);
  out.bytes = *bytes;
  return true;
}

Value write_value(bool value) { return Value::boolean(value); }
Value write_value(std::int64_t value) { return Value::integer(value); }
Value write_value(double value) { return Value::real(value); }
Value write_value(const std::string& value) { return Value::string(value); }
Value write_value(ByteSize value) { return Value::string(byte_text(value.bytes)); }
Value write_value(const std::filesystem::path& value) {
  return Value::string(value.empty() ? "" : std::filesystem::absolute(value).lexically_normal());
}
Value write_value(const std::map<std::string, double>& value) {
  Value table;
  for (const auto& [key, number] : value) table.set(key, Value::real(number));
  return table;
}

std::string byte_text(std::int64_t bytes) {
  for (const Unit& unit : kUnits)
    if (bytes != 0 && bytes % unit.bytes == 0) return message(bytes / unit.bytes, " ", unit.name);
  return message(bytes, " B");
}

std::string range_text(const Limits& limits, bool is_bytes) {
  const auto text = [&](double bound) {
    return is_bytes ? byte_text(static_cast<std::int64_t>(bound)) : number_text(bound);
  };
  const bool has_min = std::isfinite(limits.min), has_max = std::isfinite(limits.max);
  if (has_min && has_max)
    return message("in ", limits.min_open ? "(" : "[", text(limits.min), ", ", text(limits.max),
                   limits.max_open ? ")" : "]");
  if (has_min) return message(limits.min_open ? "above " : "at least ", text(limits.min));
  if (has_max) return message(limits.max_open ? "below " : "at most ", text(limits.max));
  return "";
}

}  // namespace lldm::config
