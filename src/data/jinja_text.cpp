// SPDX-License-Identifier: MIT
#include "data/jinja_text.hpp"

#include <algorithm>

#include "lldm/data/text.hpp"
#include "lldm/errors.hpp"
#include "lldm/text/utf8.hpp"

namespace lldm::jinja {
namespace {

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<signed char>(c) >= 0; });
}

/// Pieces between separators, at most `most` cuts where it is not negative.
List split(std::string_view text, std::string_view separator, std::int64_t most) {
  if (separator.empty()) throw Failure("a text is split at an empty one");
  List out;
  for (; most != 0; --most) {
    const auto at = text.find(separator);
    if (at == std::string_view::npos) break;
    out.push_back(Value::of(text.substr(0, at)));
    text.remove_prefix(at + separator.size());
  }
  out.push_back(Value::of(text));
  return out;
}

List split_words(std::string_view text) {
  List out;
  std::string word;
  for (const std::string& c : characters_of(text)) {
    if (!trim_white_space(c).empty()) {
      word += c;
    } else if (!word.empty()) {
      out.push_back(Value::of(std::exchange(word, {})));
    }
  }
  if (!word.empty()) out.push_back(Value::of(std::move(word)));
  return out;
}

std::string with_case(const std::string& text, bool is_upper) {
  if (!is_ascii(text)) throw Failure("the case of a text beyond ASCII is not implemented");
  std::string out = text;
  for (char& c : out) {
    if (is_upper && c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    if (!is_upper && c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  if (from.empty()) throw Failure("an empty text is replaced");
  std::string out;
  for (auto at = text.find(from); at != std::string_view::npos; at = text.find(from)) {
    out.append(text.substr(0, at)).append(to);
    text.remove_prefix(at + from.size());
  }
  return out.append(text);
}

void need(const Arguments& arguments, std::string_view name, std::size_t low, std::size_t high) {
  const std::size_t given = arguments.positional.size();
  if (!arguments.named.empty() || given < low || given > high)
    throw Failure(message("the method \"", name, "\" with ", given + arguments.named.size(),
                          " arguments is not implemented"));
}

}  // namespace

std::vector<std::string> characters_of(std::string_view text) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = code_point_at(text, at).length;
    out.emplace_back(text.substr(at, length));
    at += length;
  }
  return out;
}

std::string_view strip(std::string_view text, const Value& characters, bool left, bool right) {
  const auto goes = [&](std::string_view c) {
    if (characters.is_none()) return trim_white_space(c).empty();
    return characters.text().find(c) != std::string::npos;
  };
  while (left && !text.empty()) {
    const std::size_t length = code_point_at(text, 0).length;
    if (!goes(text.substr(0, length))) break;
    text.remove_prefix(length);
  }
  while (right && !text.empty()) {
    const std::size_t start = character_start(text, text.size() - 1);
    if (!goes(text.substr(start))) break;
    text.remove_suffix(text.size() - start);
  }
  return text;
}

std::optional<Value> text_method(const std::string& text, std::string_view name,
                                 const Arguments& arguments) {
  const auto& given = arguments.positional;
  if (name == "strip" || name == "lstrip" || name == "rstrip") {
    need(arguments, name, 0, 1);
    return Value::of(
        strip(text, given.empty() ? Value::none() : given[0], name != "rstrip", name != "lstrip"));
  }
  if (name == "split") {
    need(arguments, name, 0, 2);
    if (given.empty() || given[0].is_none()) {
      need(arguments, name, 0, 1);
      return Value::of(split_words(text));
    }
    return Value::of(split(text, given[0].text(), given.size() == 2 ? given[1].integer() : -1));
  }
  if (name == "startswith" || name == "endswith") {
    need(arguments, name, 1, 1);
    return Value::of(name == "startswith" ? text.starts_with(given[0].text())
                                          : text.ends_with(given[0].text()));
  }
  if (name == "replace") {
    need(arguments, name, 2, 2);
    return Value::of(replaced(text, given[0].text(), given[1].text()));
  }
  if (name == "upper" || name == "lower") {
    need(arguments, name, 0, 0);
    return Value::of(with_case(text, name == "upper"));
  }
  return std::nullopt;
}

}  // namespace lldm::jinja
