// SPDX-License-Identifier: MIT
// The only file that sees toml++.
#include <toml++/toml.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>
#include <utility>

#include "config/dot_depth.hpp"
#include "lldm/config/document.hpp"
#include "lldm/errors.hpp"

namespace lldm::config {
namespace {

/// Turns toml++'s tree into ours; what the schema of every file forbids is reported here.
class Converter {
 public:
  /// Where the text begins: an override's value stands on a line of its own, inside a longer
  /// text.
  Converter(std::shared_ptr<const Source> source, int line_shift, int column_shift,
            Diagnostics& diagnostics)
      : source_(std::move(source)),
        line_shift_(line_shift),
        column_shift_(column_shift),
        diagnostics_(diagnostics) {}

  Value convert(const toml::node& node) const {
    const Position position = place(node.source());
    switch (node.type()) {
      case toml::node_type::table:
        return convert_table(*node.as_table(), position);
      case toml::node_type::array:
        return convert_array(*node.as_array(), position);
      case toml::node_type::string:
        return convert_string(**node.as_string(), position);
      case toml::node_type::integer:
        return Value::integer(**node.as_integer(), position);
      case toml::node_type::boolean:
        return Value::boolean(**node.as_boolean(), position);
      case toml::node_type::floating_point:
        return convert_real(**node.as_floating_point(), position);
      default:
        break;
    }
    diagnostics_.error(position, "dates and times have no meaning here",
                       "write the value in quotes: as a string");
    return Value::string("", position);
  }

  [[nodiscard]] Position place(const toml::source_region& region) const {
    const auto line = static_cast<int>(region.begin.line);
    const auto column = static_cast<int>(region.begin.column);
    return {source_, line + line_shift_, column + (line == 1 ? column_shift_ : 0)};
  }

 private:
  Value convert_real(double value, const Position& position) const {
    if (!std::isfinite(value))
      diagnostics_.error(position,
                         message("a number must be finite, not ", std::isnan(value) ? "nan"
                                                                  : value > 0       ? "inf"
                                                                                    : "-inf"),
                         "to switch a limit off, leave its key out");
    return Value::real(value, position);
  }

  Value convert_string(const std::string& text, const Position& position) const {
    if (const auto nul = text.find('\0'); nul != std::string::npos)
      diagnostics_.error(position, "a string holds a NUL character",
                         message("it is character ", nul + 1, " of ", in_quotes(text)));
    return Value::string(text, position);
  }

  Value convert_array(const toml::array& array, const Position& position) const {
    Array elements;
    elements.reserve(array.size());
    for (const toml::node& element : array) elements.push_back(convert(element));
    return Value::array(std::move(elements), position);
  }

  Value convert_table(const toml::table& table, const Position& position) const {
    Table members;
    members.reserve(table.size());
    for (const auto& [key, node] : table) {
      Position key_position = place(key.source());
      Value value = convert(node);
      // toml++ gives no place to tables that only dotted keys or deeper headers imply.
      if (value.position().line == 0) value.set_position(key_position);
      if (key_position.line == 0) key_position = value.position();
      members.push_back({std::string(key.str()), std::move(key_position), std::move(value)});
    }
    // toml++ iterates alphabetically; what a user reads back should stand where they wrote it.
    std::stable_sort(members.begin(), members.end(),
                     [](const Member& a, const Member& b) { return a.position < b.position; });
    return Value::table(std::move(members), position);
  }

  std::shared_ptr<const Source> source_;
  int line_shift_, column_shift_;
  Diagnostics& diagnostics_;
};

Value empty_root(const std::shared_ptr<const Source>& source) {
  return Value::table({}, Position{source, 1, 1});
}

}  // namespace

Value parse(std::string_view text, Source source_in, Diagnostics& diagnostics) {
  const auto source = std::make_shared<const Source>(std::move(source_in));
  if (const auto deep = find_deep_key(text)) {
    diagnostics.error({source, deep->line, deep->column},
                      message("a key has more than ", kMaxKeyDots, " dots"), "nest tables instead");
    return empty_root(source);
  }
  const std::size_t before = diagnostics.num_errors();
  const Converter converter(source, 0, 0, diagnostics);
  try {
    const toml::table table = toml::parse(text, std::string_view(source->name));
    Value root = converter.convert(table);
    root.set_position({source, 1, 1});
    return diagnostics.num_errors() == before ? root : empty_root(source);
  } catch (const toml::parse_error& error) {
    diagnostics.error(converter.place(error.source()), "this is not TOML",
                      std::string(error.description()));
    return empty_root(source);
  }
}

Value parse_override_value(std::string_view text, const Position& position,
                           Diagnostics& diagnostics) {
  constexpr std::string_view kPrefix = "v = ";
  const Value bare = Value::string(std::string(text), position);
  const bool is_structured =
      !text.empty() && std::string_view("[{\"'").find(text.front()) != std::string_view::npos;
  const std::string_view digits = text.substr(text.starts_with('-') || text.starts_with('+'));
  if (digits.size() > 18 && digits.find_first_not_of("0123456789") == std::string_view::npos)
    if (std::int64_t number = 0;
        std::from_chars(text.data() + text.starts_with('+'), text.data() + text.size(), number)
            .ec != std::errc()) {
      diagnostics.error(
          position, "this integer has more than 64 bits",
          message("got ", text, "; legal: -9223372036854775808 to ", "9223372036854775807"));
      return Value::integer(0, position);
    }
  // "a#b" is a word: only behind a structured value could # begin a comment, and nobody writes one
  // there.
  if (!is_structured && text.find_first_of("#\n") != std::string_view::npos) return bare;
  const std::string line = std::string(kPrefix) + std::string(text);
  if (const auto deep = find_deep_key(line)) {
    diagnostics.error(position, message("a key has more than ", kMaxKeyDots, " dots"),
                      "nest tables instead");
    return bare;
  }
  const int shift = position.column - static_cast<int>(kPrefix.size()) - 1;
  const Converter converter(position.source, position.line - 1, shift, diagnostics);
  try {
    const toml::table table = toml::parse(line, std::string_view("--set"));
    if (table.size() == 1) return converter.convert(table.begin()->second);
    if (!is_structured) return bare;
    diagnostics.error(position, "the value is followed by other keys",
                      "give each key its own --set");
  } catch (const toml::parse_error& error) {
    if (!is_structured) return bare;
    diagnostics.error(converter.place(error.source()), "this value is not TOML",
                      std::string(error.description()));
  }
  return bare;
}

}  // namespace lldm::config
