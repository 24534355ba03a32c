// SPDX-License-Identifier: MIT
// Two texts beside one another on a terminal.
#pragma once

#include <string>
#include <string_view>

namespace lldm::cli {

/// Both texts in columns, broken at white space where there is some, `width` characters in all
/// (from 20).  Control characters are shown as escapes, so that no text can drive the terminal; a
/// character counts as one column.
std::string side_by_side(std::string_view left, std::string_view right, int width);

/// One text, broken the same way.
std::string broken(std::string_view text, int width);

}  // namespace lldm::cli
