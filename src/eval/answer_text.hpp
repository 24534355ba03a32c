// SPDX-License-Identifier: MIT
// How answers are compared.  Internal to src/eval.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lldm::eval {

/// A number as it stands in a text, and its value.
struct Number {
  std::string text;
  double value = 0.0;
};

/// The last number of a text: digits with or without commas between thousands, a fraction, an
/// exponent; a "-" counts as its sign unless it follows a letter, a digit or a closing bracket
/// ("7-3" holds 7 and 3).  Numbers that a double cannot hold are none.
[[nodiscard]] std::optional<Number> last_number(std::string_view text);

/// Lower case (if asked for), without ASCII punctuation (if asked for), without surrounding white
/// space.
[[nodiscard]] std::string plain_answer(std::string text, bool ignore_case, bool ignore_punctuation);

}  // namespace lldm::eval
