// SPDX-License-Identifier: MIT
#include <algorithm>
#include <charconv>
#include <cmath>

#include "lldm/config/document.hpp"
#include "lldm/errors.hpp"
#include "lldm/text/utf8.hpp"

namespace lldm::config {
namespace {

std::string string_literal(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "\"";
  for (std::size_t i = 0; i < text.size();) {
    const auto character = decode_utf8(text, i);
    if (!character)
      throw Error(message("write_toml: the string ", in_quotes(text), " is not UTF-8"));
    const char c = text[i];
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\', out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\u00", out += kHex[byte >> 4], out += kHex[byte & 15];
    } else {
      out += text.substr(i, character->length);
    }
    i += character->length;
  }
  return out + "\"";
}

std::string key_text(std::string_view key) {
  const bool is_bare = !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
  return is_bare ? std::string(key) : string_literal(key);
}

/// The shortest text that reads back as the same double, always recognisable as one.
std::string real_text(double value) {
  if (!std::isfinite(value)) return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value).ptr;
  std::string text(buffer, end);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

bool is_table_array(const Value& value) {
  return value.is_array() && !value.as_array().empty() &&
         std::all_of(value.as_array().begin(), value.as_array().end(),
                     [](const Value& element) { return element.is_table(); });
}

void append_members(std::string& out, const Value& table) {
  for (const Member& member : table.as_table())
    out += key_text(member.key) + " = " + to_toml(member.value) + "\n";
}

}  // namespace

std::string to_toml(const Value& value) {
  switch (value.kind()) {
    case Kind::boolean:
      return value.as_boolean() ? "true" : "false";
    case Kind::integer:
      return std::to_string(value.as_integer());
    case Kind::real:
      return real_text(value.as_real());
    case Kind::string:
      return string_literal(value.as_string());
    case Kind::array: {
      std::string out;
      for (const Value& element : value.as_array())
        out += (out.empty() ? "" : ", ") + to_toml(element);
      return "[" + out + "]";
    }
    case Kind::table:
      break;
  }
  std::string out;
  for (const Member& member : value.as_table())
    out += (out.empty() ? "" : ", ") + key_text(member.key) + " = " + to_toml(member.value);
  return out.empty() ? "{}" : "{ " + out + " }";
}

std::string write_toml(const Value& root) {
  std::string out;
  for (const Member& member : root.as_table())
    if (!member.value.is_table() && !is_table_array(member.value))
      out += key_text(member.key) + " = " + to_toml(member.value) + "\n";
  for (const Member& member : root.as_table())
    if (member.value.is_table()) {
      out += "\n[" + key_text(member.key) + "]\n";
      append_members(out, member.value);
    }
  for (const Member& member : root.as_table())
    if (is_table_array(member.value))
      for (const Value& element : member.value.as_array()) {
        out += "\n[[" + key_text(member.key) + "]]\n";
        append_members(out, element);
      }
  return out;
}

}  // namespace lldm::config
