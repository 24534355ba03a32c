// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "lldm/config/field_info.hpp"
#include "lldm/config/value.hpp"

namespace lldm {

/// The canvas of a stage's answers, `response_length`: a number of tokens from 1, the same for
/// every answer, or "own" (nothing here): each answer and one end-of-text.
struct ResponseLength : std::optional<std::int64_t> {
  using std::optional<std::int64_t>::optional;

  static constexpr std::string_view option_type() { return "integer or \"own\""; }
  bool read(const config::Value& given, const config::Slot& slot);
  [[nodiscard]] std::optional<config::Value> write() const;
};

}  // namespace lldm
