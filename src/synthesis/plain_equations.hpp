// SPDX-License-Identifier: MIT
// Equations that a text writes out, "4,500 x 5 = 22,500", without an annotation.  Internal to
// src/synthesis; `annotate` (equations.hpp) is what others use.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lldm::synthesis {

struct PlainEquation {
  std::size_t at;                  // where its result begins
  std::string expression, result;  // without blanks, commas and currency: "4500*5", "22500"
};

/// Those that are true, in order.  Left of "=" stands the longest expression of at least one
/// operation that has the result's value, in digits and the signs + - * / ( ), x, the signs of
/// multiplication and division, or LaTeX's \cdot, \times, \div; right of it a number that goes on
/// as nothing else.
[[nodiscard]] std::vector<PlainEquation> find_plain_equations(std::string_view text);

}  // namespace lldm::synthesis
