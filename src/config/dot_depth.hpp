// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string_view>

namespace lldm::config {

inline constexpr int kMaxKeyDots = 32;

struct TextPlace {
  int line;
  int column;
};

/// The first key of a TOML text with more than kMaxKeyDots dots: every dot is a table inside a
/// table, and the parser below (toml++ 3.3) follows them with the call stack.
[[nodiscard]] std::optional<TextPlace> find_deep_key(std::string_view text);

}  // namespace lldm::config
