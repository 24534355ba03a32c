// SPDX-License-Identifier: MIT
// Misspelt names and what was probably meant.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lldm {

/// The candidates that `name` is most likely a misspelling of, at most `count` of them, nearest
/// first: smallest Damerau-Levenshtein distance (optimal string alignment, letter case ignored),
/// at most a third of the longer name and at least 1; the earlier candidate on ties.  Names above
/// 64 bytes are no misspellings.
/// Cost    linear in the candidates.
[[nodiscard]] std::vector<std::string> nearest_names(std::string_view name,
                                                     std::span<const std::string> candidates,
                                                     std::size_t count);

/// The first of `nearest_names`.
[[nodiscard]] std::optional<std::string> nearest_name(std::string_view name,
                                                      std::span<const std::string> candidates);

}  // namespace lldm
