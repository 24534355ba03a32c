// SPDX-License-Identifier: MIT
// JSON of strangers, read strictly and in linear time: what nlohmann-json lets pass in silence
// (keys that stand twice, any depth, a byte order mark, NUL bytes) is an error, and every error
// begins with file:line:column.
#pragma once

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "lldm/errors.hpp"

namespace lldm {

struct JsonLimits {
  std::size_t max_bytes = std::size_t{256} << 20;
  std::size_t max_depth = 64;
  std::size_t max_values = std::size_t{16} << 20;  // 16 bytes of memory each, and more for text
};

/// The text is no JSON, or over a limit.  Its text is "file:line:column: reason".
class JsonError : public DataError {
 public:
  JsonError(const std::string& file, std::size_t line, std::size_t column,
            const std::string& reason)
      : DataError(message(file, ":", line, ":", column, ": ", reason)),
        line_(line),
        column_(column),
        reason_(reason) {}
  [[nodiscard]] std::size_t line() const { return line_; }      // from 1
  [[nodiscard]] std::size_t column() const { return column_; }  // byte from 1
  [[nodiscard]] const std::string& reason() const { return reason_; }

 private:
  std::size_t line_, column_;
  std::string reason_;
};

/// Receives the values of a text in their order.  What it throws ends the reading.
class JsonEvents {
 public:
  virtual ~JsonEvents() = default;
  virtual void null() = 0;
  virtual void boolean(bool value) = 0;
  virtual void integer(std::int64_t value) = 0;  // negative
  virtual void whole(std::uint64_t value) = 0;   // from 0
  virtual void real(double value) = 0;           // finite
  virtual void text(std::string& value) = 0;     // may be moved from
  virtual void begin_object() = 0;
  virtual void key(std::string& name) = 0;
  virtual void end_object() = 0;
  virtual void begin_array() = 0;
  virtual void end_array() = 0;
};

/// Says by `fail` of the place that reading has come to what an event's receiver refuses.
class JsonPlace {
 public:
  virtual ~JsonPlace() = default;
  [[noreturn]] virtual void fail(const std::string& reason) const = 0;
};

/// Reads RFC 8259 JSON in UTF-8 and hands every value to `events`; memory beyond the longest string
/// is the receiver's.  `place` is filled in before the first event.
///
/// Errors  JsonError for anything else: text behind the value, comments, NaN, lone surrogates,
///         numbers out of range, a byte order mark, NUL, nesting or size beyond the limits, and a
///         file of another kind (gzip, UTF-16, a Git LFS pointer ...), named.
void read_json(std::string_view text, const std::string& file, JsonEvents& events,
               const JsonLimits& limits = {}, const JsonPlace** place = nullptr);

/// The tree of a text.
/// Errors  as read_json, and a key that stands twice in an object.
[[nodiscard]] nlohmann::json parse_json(std::string_view text, const std::string& file,
                                        const JsonLimits& limits = {});
/// The same with keys in the order of the text.
[[nodiscard]] nlohmann::ordered_json parse_ordered_json(std::string_view text,
                                                        const std::string& file,
                                                        const JsonLimits& limits = {});

/// A value is not what it must be; `with_json_errors` says of which file.
class JsonValueError : public Error {
 public:
  using Error::Error;
};

/// An integer of 64 bits: nlohmann's `get` takes 1e300 and 2^63 for one too.
/// Errors  JsonValueError.
template <class Json>
[[nodiscard]] std::int64_t json_integer(const Json& value) {
  const bool is_small = !value.is_number_unsigned() || value.template get<std::uint64_t>() <=
                                                           static_cast<std::uint64_t>(INT64_MAX);
  if (!value.is_number_integer() || !is_small)
    throw JsonValueError(message("an integer was expected, not ", value.dump().substr(0, 60)));
  return value.template get<std::int64_t>();
}

/// `read()`; what nlohmann-json throws of a key that is missing or of another type becomes
/// DataError "where: ...".
template <class Read>
auto with_json_errors(const std::string& where, const Read& read) {
  try {
    return read();
  } catch (const JsonValueError& error) {
    throw DataError(message(where, ": not as lldm writes it: ", error.what()));
  } catch (const nlohmann::json::exception& error) {
    const std::string_view what = error.what();  // "[json.exception.type_error.302] type must be"
    const auto end = what.find("] ");
    throw DataError(message(where, ": not as lldm writes it: ",
                            end == std::string_view::npos ? what : what.substr(end + 2)));
  }
}

/// A value together with its path, so that what is wrong with it can be said.
class JsonView {
 public:
  JsonView(const nlohmann::json& value, const std::string& file, std::string path = "")
      : value_(&value), file_(&file), path_(std::move(path)) {}

  [[nodiscard]] const nlohmann::json& value() const { return *value_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] bool is_null() const { return value_->is_null(); }
  [[nodiscard]] std::size_t size() const { return value_->size(); }

  /// Throws DataError "file: path: what".
  [[noreturn]] void fail(std::string_view what) const;

  /// The members of an object: DataError if it is none or has a key that is not listed.
  void only_keys(std::initializer_list<std::string_view> keys) const {
    only_keys(std::span(keys.begin(), keys.size()));
  }
  void only_keys(std::span<const std::string_view> keys) const;
  [[nodiscard]] JsonView at(std::string_view key) const;  // required
  [[nodiscard]] std::optional<JsonView> find(
      std::string_view key) const;  // absent or null: nullopt
  [[nodiscard]] JsonView at(std::size_t index) const;

  void require_array() const;
  void require_object() const;
  [[nodiscard]] const std::string& text() const;
  [[nodiscard]] bool boolean() const;
  [[nodiscard]] std::int64_t integer(std::int64_t low, std::int64_t high) const;
  [[nodiscard]] double real() const;

 private:
  const nlohmann::json* value_;
  const std::string* file_;
  std::string path_;
};

}  // namespace lldm
