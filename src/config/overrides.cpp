// SPDX-License-Identifier: MIT
#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>
#include <utility>

#include "config/dot_depth.hpp"
#include "config/merge.hpp"
#include "lldm/config/document.hpp"
#include "lldm/config/foreign_names.hpp"
#include "lldm/errors.hpp"

namespace lldm::config {
namespace {

struct Segment {
  std::string text;
  int offset;  // of its first character within the path
};

/// `a."b.c".d` cut at its dots; nothing if a segment is empty or a quote is not closed.
std::optional<std::vector<Segment>> split_path(std::string_view path) {
  std::vector<Segment> segments;
  std::size_t i = 0;
  for (;;) {
    const std::size_t begin = i;
    std::size_t end = path.find('.', i);
    std::string_view text;
    if (i < path.size() && path[i] == '"') {
      const std::size_t close = path.find('"', i + 1);
      if (close == std::string_view::npos) return std::nullopt;
      text = path.substr(i + 1, close - i - 1);
      end = close + 1;
      if (end < path.size() && path[end] != '.') return std::nullopt;
      if (end == path.size()) end = std::string_view::npos;
    } else {
      text = path.substr(i, end == std::string_view::npos ? end : end - i);
    }
    if (text.empty()) return std::nullopt;
    segments.push_back({std::string(text), static_cast<int>(begin)});
    if (end == std::string_view::npos) return segments;
    i = end + 1;
  }
}

/// Where the key of an override ends: the first = outside quotes.
std::size_t find_equals(std::string_view text) {
  bool is_quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') is_quoted = !is_quoted;
    if (text[i] == '=' && !is_quoted) return i;
  }
  return std::string_view::npos;
}

Value* find_stage(Value& root, std::string_view name) {
  Member* stages = root.find("stage");
  if (!stages || !stages->value.is_array()) return nullptr;
  for (Value& stage : stages->value.as_array())
    if (stage.text_of("name") == name) return &stage;
  return nullptr;
}

std::vector<std::string> first_words(const Value& root, std::span<const std::string> keys) {
  std::vector<std::string> words;  // paths of keys further down are for hints alone
  std::copy_if(keys.begin(), keys.end(), std::back_inserter(words),
               [](const std::string& key) { return key.find('.') == std::string::npos; });
  const auto add = [&](std::string_view word) {
    if (!word.empty() && std::find(words.begin(), words.end(), word) == words.end())
      words.emplace_back(word);
  };
  for (const Member& member : root.as_table()) add(member.key);
  if (const Member* stages = root.find("stage"); stages && stages->value.is_array())
    for (const Value& stage : stages->value.as_array()) add(stage.text_of("name"));
  return words;
}

/// Walks a path through a tree, making the tables that are missing.
class Walk {
 public:
  Walk(Value& root, std::span<const Segment> segments, const Position& position,
       Diagnostics& diagnostics)
      : root_(root), segments_(segments), position_(position), diagnostics_(diagnostics) {}

  void assign(Value value, std::span<const std::string> top_level_keys) {
    Value* here = start(top_level_keys);
    for (std::size_t i = next_; here && i + 1 < segments_.size(); ++i) here = step(*here, i);
    if (!here) return;
    place(*here, segments_.size() - 1, std::move(value));
  }

 private:
  [[nodiscard]] Position at(std::size_t i) const {
    Position position = position_;
    position.column += segments_[i].offset;
    return position;
  }

  /// The table that the path begins in: a stage's, or the root.
  Value* start(std::span<const std::string> top_level_keys) {
    const std::string& word = segments_[0].text;
    Value* stage = find_stage(root_, word);
    const bool is_key =
        root_.find(word) != nullptr ||
        std::find(top_level_keys.begin(), top_level_keys.end(), word) != top_level_keys.end();
    if (stage && is_key) {
      diagnostics_.error(at(0),
                         message(in_quotes(word), " is both a stage and a table of the file"),
                         "rename the stage");
      return nullptr;
    }
    if (stage && segments_.size() == 1) {
      diagnostics_.error(at(0), message(in_quotes(word), " is a stage, not a key"),
                         message("name one of its keys: ", word, ".KEY=VALUE"));
      return nullptr;
    }
    if (stage) {
      next_ = 1;
      return stage;
    }
    if (!is_key && !top_level_keys.empty()) {
      std::string hint = did_you_mean(word, first_words(root_, top_level_keys), "keys and stages");
      const std::string tail = "." + word;
      const auto path = std::ranges::find_if(
          top_level_keys, [&](const std::string& key) { return key.ends_with(tail); });
      if (path != top_level_keys.end())
        hint = "did you mean " + in_quotes(*path) + "?  " + hint;
      else if (const std::string known = foreign_hint(word); !known.empty())
        hint = known + "\n  " + hint;
      diagnostics_.error(at(0), message("there is no key or stage ", in_quotes(word)), hint);
      return nullptr;
    }
    return &root_;
  }

  Value* step(Value& here, std::size_t i) {
    if (here.is_array()) return element(here, i);
    if (!is_walkable(here, i)) return nullptr;
    if (!here.find(segments_[i].text)) here.set(segments_[i].text, Value::table({}, at(i)), at(i));
    return &here.find(segments_[i].text)->value;
  }

  void place(Value& here, std::size_t i, Value value) {
    if (here.is_array()) {
      if (Value* old = element(here, i)) *old = merged(*old, value);
      return;
    }
    if (!is_walkable(here, i)) return;
    // A table with that one key: so that another `type` discards what belonged to the old one.
    Value over = Value::table({}, here.position());
    over.set(segments_[i].text, std::move(value), at(i));
    here = merged_at(i > 0 ? segments_[i - 1].text : "", here, over);
  }

  bool is_walkable(const Value& here, std::size_t i) {
    if (here.is_table()) return true;
    diagnostics_.error(
        at(i), message(in_quotes(segments_[i - 1].text), " is ", here.seen(), ": it has no keys"),
        here.is_string() ? message("write it as a table: ", segments_[i - 1].text,
                                   "={ type = ", to_toml(here), ", ", segments_[i].text, " = ... }")
                         : message("give the whole value: ", segments_[i - 1].text, "=VALUE"));
    return false;
  }

  Value* element(Value& array, std::size_t i) {
    const std::string& text = segments_[i].text;
    std::size_t index = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
    const std::size_t size = array.as_array().size();
    if (error == std::errc() && end == text.data() + text.size() && index < size)
      return &array.as_array()[index];
    diagnostics_.error(at(i), message("the array has no element ", in_quotes(text)),
                       size == 0 ? std::string("it is empty") : message("legal: 0 to ", size - 1));
    return nullptr;
  }

  Value& root_;
  std::span<const Segment> segments_;
  const Position& position_;
  Diagnostics& diagnostics_;
  std::size_t next_ = 0;
};

}  // namespace

void assign(Value& root, std::string_view path, const Position& position, Value value,
            std::span<const std::string> top_level_keys, Diagnostics& diagnostics) {
  const auto segments = split_path(path);
  if (!segments || segments->size() > static_cast<std::size_t>(kMaxKeyDots)) {
    diagnostics.error(position, message(in_quotes(path), " is not a key path"),
                      "write names with dots between them: tuned.objective.beta");
    return;
  }
  Walk(root, *segments, position, diagnostics).assign(std::move(value), top_level_keys);
}

void apply_overrides(Value& root, const LoadOptions& options, Diagnostics& diagnostics) {
  const auto source = std::make_shared<const Source>(Source{"--set", "."});
  // Overrides that pick a component come first: what they discard is what the file said, never
  // what another override says.
  for (const bool picks : {true, false}) {
    int line = 0;  // every override is a line: its keys have places of their own
    for (const std::string& text : options.overrides) {
      const Position begin{source, ++line, 1};
      const std::size_t equals = find_equals(text);
      if (equals == std::string::npos || equals == 0) {
        if (picks)
          diagnostics.error(
              begin, message("--set ", in_quotes(text), " has no ", equals == 0 ? "key" : "\"=\""),
              "write --set key.path=VALUE");
        continue;
      }
      // Spaces around "=", as TOML has them.
      std::string_view path = std::string_view(text).substr(0, equals);
      path = path.substr(0, path.find_last_not_of(' ') + 1);
      const std::size_t first = text.find_first_not_of(' ', equals + 1);
      const std::size_t place = first == std::string::npos ? equals + 1 : first;
      Position at = begin;
      at.column += static_cast<int>(place);
      Diagnostics of_value;
      Value value = parse_override_value(std::string_view(text).substr(place), at, of_value);
      const bool picks_component = path.ends_with(".type") || value.is_table();
      if (picks_component != picks) continue;
      for (const Diagnostic& error : of_value.errors())
        diagnostics.error(error.position, error.message, error.hint);
      if (!of_value.has_errors())
        assign(root, path, begin, std::move(value), options.top_level_keys, diagnostics);
    }
  }
}

}  // namespace lldm::config
