// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace lldm::config {

class Diagnostics;
class Value;

/// What `void check(OptionsCheck&) const` of an Options struct reports conditions between keys to.
/// It is called after every key by itself was found legal; the error stands at the key it names.
class OptionsCheck {
 public:
  OptionsCheck(const Value& table, std::string where, Diagnostics& diagnostics)
      : table_(table), where_(std::move(where)), diagnostics_(diagnostics) {}

  /// `message` says what is wrong ("masks_per_time = 3 does not divide draws = 8"), `hint` what
  /// would be right; the place is that of `key`, or of the table where the key is left out.
  void error(std::string_view key, std::string_view message, std::string_view hint);
  void warning(std::string_view key, std::string_view message, std::string_view hint);

  /// Whether the table itself gives that key.
  [[nodiscard]] bool is_set(std::string_view key) const;
  /// Whether nothing was reported as an error.
  [[nodiscard]] bool ok() const { return is_ok_; }

 private:
  const Value& table_;
  std::string where_;
  Diagnostics& diagnostics_;
  bool is_ok_ = true;
};

}  // namespace lldm::config
