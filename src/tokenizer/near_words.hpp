// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace lldm {

/// `did you mean "a", "b"?`: up to `count` entries of `vocabulary` nearest to `word` by edit
/// distance (ties: earlier entry first), or an empty text where none is near.
[[nodiscard]] std::string near_words(std::string_view word, std::span<const std::string> vocabulary,
                                     std::size_t count = 3);

}  // namespace lldm
