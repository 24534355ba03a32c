// SPDX-License-Identifier: MIT
#include "text/json.hpp"

#include <algorithm>
#include <cmath>
#include <unordered_set>
#include <vector>

#include "lldm/text/utf8.hpp"
#include "text/foreign.hpp"

namespace lldm {
namespace {

constexpr std::size_t kMaxReason = 200;  // a parser's message may quote a token of megabytes

/// The characters of a text; says how far they have been read.
class Cursor {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  Cursor(const char* at, const char** read) : at_(at), read_(read) {}
  reference operator*() const { return *at_; }
  Cursor& operator++() {
    *read_ = ++at_;
    return *this;
  }
  Cursor operator++(int) {
    const Cursor before = *this;
    ++*this;
    return before;
  }
  friend bool operator==(const Cursor& a, const Cursor& b) { return a.at_ == b.at_; }

 private:
  const char* at_;
  const char** read_;
};

/// nlohmann: "[json.exception...] parse error at line 1, column 9: syntax error while parsing value
/// - WHY".
std::string why_not_json(std::string text) {
  if (const auto end = text.find("] "); end != std::string::npos) text = text.substr(end + 2);
  if (const auto dash = text.find(" - "); dash != std::string::npos) text = text.substr(dash + 3);
  if (text.size() > kMaxReason) {
    text.resize(kMaxReason);
    if (const auto bad = find_invalid_utf8(text)) text.resize(*bad);
    text += " ...";
  }
  return "not JSON: " + text;
}

/// Between nlohmann's parser and the receiver: limits and places.
class Watch final : public nlohmann::json_sax<nlohmann::json>, public JsonPlace {
 public:
  Watch(std::string_view text, const std::string& file, JsonEvents& events,
        const JsonLimits& limits)
      : text_(text), file_(file), events_(events), limits_(limits), read_(text.data()) {}

  Cursor begin() { return {text_.data(), &read_}; }
  Cursor end() { return {text_.data() + text_.size(), &read_}; }

  bool null() override { return count(), events_.null(), true; }
  bool boolean(bool value) override { return count(), events_.boolean(value), true; }
  bool number_integer(number_integer_t value) override {
    return count(), events_.integer(value), true;
  }
  bool number_unsigned(number_unsigned_t value) override {
    return count(), events_.whole(value), true;
  }
  bool number_float(number_float_t value, const string_t&) override {
    return count(), events_.real(value), true;
  }
  bool string(string_t& value) override { return count(), events_.text(value), true; }
  bool binary(binary_t&) override { return false; }  // JSON text has none
  bool start_object(std::size_t) override { return open(), events_.begin_object(), true; }
  bool key(string_t& name) override { return count(), events_.key(name), true; }
  bool end_object() override { return --depth_, events_.end_object(), true; }
  bool start_array(std::size_t) override { return open(), events_.begin_array(), true; }
  bool end_array() override { return --depth_, events_.end_array(), true; }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    fail_at(std::min(position, text_.size()), why_not_json(error.what()));
  }

  [[noreturn]] void fail(const std::string& reason) const override {
    fail_at(static_cast<std::size_t>(read_ - text_.data()), reason);
  }
  /// `read` bytes have been read: the last of them is the place.
  [[noreturn]] void fail_at(std::size_t read, const std::string& reason) const {
    const std::string_view before = text_.substr(0, read > 0 ? read - 1 : 0);
    const auto line = std::count(before.begin(), before.end(), '\n');
    const auto start = before.rfind('\n');
    const std::size_t column = before.size() - (start == before.npos ? 0 : start + 1) + 1;
    throw JsonError(file_, static_cast<std::size_t>(line) + 1, column, reason);
  }

 private:
  void count() {
    if (++values_ > limits_.max_values)
      fail(message("holds more than ", limits_.max_values, " values, the limit here"));
  }
  void open() {
    count();
    if (++depth_ > limits_.max_depth)
      fail(message("nested deeper than ", limits_.max_depth, " levels"));
  }

  std::string_view text_;
  const std::string& file_;
  JsonEvents& events_;
  const JsonLimits& limits_;
  const char* read_;
  std::size_t values_ = 0, depth_ = 0;
};

void check_bytes(std::string_view text, const Watch& watch, const JsonLimits& limits,
                 const std::string& file) {
  if (text.size() > limits.max_bytes)
    throw DataError(message(file, ": the file is larger than ", limits.max_bytes, " bytes"));
  if (const std::string foreign = foreign_format(text.substr(0, 512)); !foreign.empty())
    watch.fail_at(1, foreign);
  if (text.starts_with("\xEF\xBB\xBF"))
    watch.fail_at(1, "starts with a byte order mark; JSON is plain UTF-8");
  if (const auto nul = text.find('\0'); nul != std::string_view::npos)
    watch.fail_at(nul + 1, "NUL byte");
  if (const auto bad = find_invalid_utf8(text)) watch.fail_at(*bad + 1, "invalid UTF-8");
}

/// Builds a tree; a key that stands twice is an error with its path.
template <class Json>
class TreeBuilder final : public JsonEvents {
 public:
  const JsonPlace* place = nullptr;
  Json root;

  void null() override { add(nullptr); }
  void boolean(bool value) override { add(value); }
  void integer(std::int64_t value) override { add(value); }
  void whole(std::uint64_t value) override { add(value); }
  void real(double value) override { add(value); }
  void text(std::string& value) override { add(std::move(value)); }
  void begin_object() override { open(Json::object()); }
  void begin_array() override { open(Json::array()); }
  void end_object() override { levels_.pop_back(); }
  void end_array() override { levels_.pop_back(); }
  void key(std::string& name) override {
    Level& level = levels_.back();
    level.key = std::move(name);
    if (!level.keys.insert(level.key).second)
      place->fail(message("key ", excerpt(level.key, 0, 40), " twice", path()));
  }

 private:
  struct Level {
    Json* value;
    std::string key;
    std::unordered_set<std::string> keys;
  };

  template <class Value>
  Json* add(Value&& value) {
    if (levels_.empty()) {
      root = std::forward<Value>(value);
      return &root;
    }
    Level& level = levels_.back();
    if (level.value->is_array()) {
      level.value->push_back(Json(std::forward<Value>(value)));
      return &level.value->back();
    }
    auto& object = level.value->template get_ref<typename Json::object_t&>();
    if constexpr (std::is_same_v<Json, nlohmann::ordered_json>) {
      // Its own emplace looks at every key before; `keys` has done that already.
      using Members = std::vector<typename Json::object_t::value_type>;
      static_cast<Members&>(object).emplace_back(level.key, Json(std::forward<Value>(value)));
      return &object.back().second;
    } else {
      return &object.emplace(level.key, Json(std::forward<Value>(value))).first->second;
    }
  }
  void open(Json&& value) { levels_.push_back({add(std::move(value)), {}, {}}); }

  [[nodiscard]] std::string path() const {
    std::string text;
    for (std::size_t i = 0; i + 1 < levels_.size(); ++i)
      if (!levels_[i].key.empty()) text += (text.empty() ? "" : ".") + levels_[i].key;
    return text.empty() ? "" : ", in " + excerpt(text, 0, kMaxReason);
  }

  std::vector<Level> levels_;
};

template <class Json>
Json tree(std::string_view text, const std::string& file, const JsonLimits& limits) {
  TreeBuilder<Json> builder;
  read_json(text, file, builder, limits, &builder.place);
  return std::move(builder.root);
}

}  // namespace

void read_json(std::string_view text, const std::string& file, JsonEvents& events,
               const JsonLimits& limits, const JsonPlace** place) {
  Watch watch(text, file, events, limits);
  check_bytes(text, watch, limits, file);
  if (place) *place = &watch;
  nlohmann::json::sax_parse(watch.begin(), watch.end(), &watch);
}

nlohmann::json parse_json(std::string_view text, const std::string& file,
                          const JsonLimits& limits) {
  return tree<nlohmann::json>(text, file, limits);
}

nlohmann::ordered_json parse_ordered_json(std::string_view text, const std::string& file,
                                          const JsonLimits& limits) {
  return tree<nlohmann::ordered_json>(text, file, limits);
}

}  // namespace lldm
