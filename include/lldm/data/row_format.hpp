// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string_view>

#include "lldm/data/rows.hpp"

namespace lldm {

/// The key `format` of a file of rows: a form by its name, or "auto" (nothing here): the form that
/// its first row shows.
struct RowFormat : std::optional<RowForm> {
  using std::optional<RowForm>::optional;

  static constexpr std::string_view option_type() { return "\"auto\" or a form of rows"; }
  bool read(const config::Value& given, const config::Slot& slot);
  [[nodiscard]] std::optional<config::Value> write() const;
};

}  // namespace lldm
