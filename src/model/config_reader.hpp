// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace lldm {

inline constexpr std::int64_t kMaxModelSize = std::int64_t{1} << 31;

/// A config.json on its way into a TransformerConfig.  Collects every complaint, so that one
/// reading shows them all; a key that nobody asked for is one too.
class ConfigReader {
 public:
  /// `title` names the family in messages.
  ConfigReader(nlohmann::json values, std::string where, std::string title);

  /// A whole number of at least 1; `fallback` where the key is absent or null.
  std::int64_t size(const char* key, std::optional<std::int64_t> fallback = {});
  /// An id, or the first of a list of ids; nothing where the key is absent or null.
  std::optional<std::int64_t> token(const char* key);
  double positive(const char* key, double fallback);
  bool flag(const char* key, bool fallback = false);
  /// The one value that is implemented; also what an absent key means.
  void require(const char* key, const nlohmann::json& value);
  /// One of several values that mean the same.
  void require_any(const char* key, std::initializer_list<const char*> values);
  /// Keys that change nothing here.
  void accept(std::initializer_list<const char*> keys);
  /// Absent or null.
  [[nodiscard]] bool is_absent(const char* key);
  /// Absent; null says "none".
  [[nodiscard]] bool is_left_out(const char* key) const { return !values_.contains(key); }
  /// The value of a key that is not absent.
  const nlohmann::json& at(const char* key);
  /// `"key" what`, among the complaints.
  void complain(const std::string& key, const std::string& what);
  /// Errors  DataError if there was anything to complain of, unknown keys included.
  void finish();

 private:
  std::optional<std::int64_t> first_token(const char* key);
  std::optional<std::int64_t> whole(const char* key);
  std::string text(const char* key);

  nlohmann::json values_;
  std::string where_, title_, complaints_;
  std::vector<std::string> used_;
};

}  // namespace lldm
