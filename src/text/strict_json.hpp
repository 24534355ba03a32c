// SPDX-License-Identifier: MIT
// JSON of strangers: what nlohmann-json lets pass in silence (duplicate keys, any depth, a byte
// order mark, NUL bytes) is an error here, and every error names file and path.
#pragma once

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace lldm {

struct JsonLimits {
  std::size_t max_bytes = std::size_t{256} << 20;
  std::size_t max_depth = 64;
};

/// Content of a file of at most `max_bytes`.  DataError if it is missing, unreadable or larger.
[[nodiscard]] std::string read_text_file(const std::filesystem::path& path,
                                         std::size_t max_bytes = JsonLimits{}.max_bytes);

/// Writes a whole file.  DataError where that fails.
void write_text_file(const std::filesystem::path& path, std::string_view text);

/// Parses RFC 8259 JSON in UTF-8.
///
/// Errors  DataError "file: ..." for anything else: trailing text, comments, NaN, lone surrogates,
///         numbers out of range, a duplicate key (named), nesting beyond the limit.
[[nodiscard]] nlohmann::json parse_strict_json(std::string_view text, const std::string& file,
                                               const JsonLimits& limits = {});

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

 private:
  const nlohmann::json* value_;
  const std::string* file_;
  std::string path_;
};

}  // namespace lldm
