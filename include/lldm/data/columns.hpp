// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lldm/config/field_info.hpp"
#include "lldm/config/value.hpp"

namespace lldm {

/// Which key of a file's rows holds what the readers call otherwise: { prompt = "question" }.
/// Names of the readers: `column_names()`.
struct Columns : std::map<std::string, std::string> {
  using std::map<std::string, std::string>::map;

  static constexpr std::string_view option_type() { return "table of names"; }
  /// Reports names that no form of row has, with the nearest one, and two names of one key.
  bool read(const config::Value& given, const config::Slot& slot);
  [[nodiscard]] std::optional<config::Value> write() const;

  /// Of "prompt=question,chosen=good".  ConfigError as `read`.
  [[nodiscard]] static Columns parse(std::string_view text);
};

/// The keys that rows may have: text, prompt, response, ...
[[nodiscard]] const std::vector<std::string>& column_names();

}  // namespace lldm
