// SPDX-License-Identifier: MIT
// The kinds of error that a right chain of reasoning is given to make a wrong one of it.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "lldm/config/field.hpp"

namespace lldm {

/// One error, put into one place of a right chain.  Values are part of the key of the draws and
/// never renumbered.
///
/// "carried on": every later number that is the changed result is changed with it, the equations
/// that it stands in are worked out anew, and the final answer follows, so that the chain is
/// consistent behind its one error.
enum class ErrorKind : std::uint8_t {
  // Of chains with equations, written <<48/2=24>> or plain: "48 / 2 = 24".
  operation = 1,      // another operation; carried on
  operand = 2,        // another number of the question in the place of an operand; carried on
  off_by_one = 3,     // a result is one too large or too small; carried on
  dropped_step = 4,   // a step is left out, its result taken to be its first operand; carried on
  swapped_steps = 5,  // a step stands before the one whose result it uses; no number changes
  unit = 6,           // a number has another unit of the same dimension; no number changes
  carry_over = 7,     // a result lacks a carry or a borrow, and a later step takes it over
  final_answer = 8,   // the steps are right, the answer under them is another
  // Of chains of statements.
  swapped_entity = 9,          // a step names another entity of the prompt
  negated_premise = 10,        // a step states the contrary of what is given
  unsupported_conclusion = 11  // right steps, and a conclusion that they do not give
};
constexpr auto choices(std::type_identity<ErrorKind>) {
  using K = ErrorKind;
  return std::array{Choice<K>{"operation", K::operation},
                    Choice<K>{"operand", K::operand},
                    Choice<K>{"off_by_one", K::off_by_one},
                    Choice<K>{"dropped_step", K::dropped_step},
                    Choice<K>{"swapped_steps", K::swapped_steps},
                    Choice<K>{"unit", K::unit},
                    Choice<K>{"carry_over", K::carry_over},
                    Choice<K>{"final_answer", K::final_answer},
                    Choice<K>{"swapped_entity", K::swapped_entity},
                    Choice<K>{"negated_premise", K::negated_premise},
                    Choice<K>{"unsupported_conclusion", K::unsupported_conclusion}};
}

/// "operation", "off_by_one", ...
[[nodiscard]] std::string_view to_string(ErrorKind kind);

/// Whether the kind changes what a chain comes to.  Of the others (swapped_steps, unit,
/// swapped_entity, negated_premise) the final answer may still be the right one: the pair says
/// what is wrong with the way to it.
[[nodiscard]] bool changes_answer(ErrorKind kind);

}  // namespace lldm
