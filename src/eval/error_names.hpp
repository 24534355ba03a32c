// SPDX-License-Identifier: MIT
// The kinds of error that `inject_error` draws from, by the names that it gives them.  Internal to
// src/eval.
#pragma once

#include <array>
#include <string_view>

#include "lldm/errors.hpp"
#include "lldm/synthesis/error_kind.hpp"

namespace lldm::eval {

inline constexpr std::array<std::string_view, 5> kErrorKinds = {
    "wrong_operation", "wrong_operand", "off_by_one", "dropped_step", "wrong_final_answer"};

inline ErrorKind error_kind(std::string_view name) {
  constexpr std::array kinds = {ErrorKind::operation, ErrorKind::operand, ErrorKind::off_by_one,
                                ErrorKind::dropped_step, ErrorKind::final_answer};
  for (std::size_t i = 0; i < kErrorKinds.size(); ++i)
    if (kErrorKinds[i] == name) return kinds[i];
  throw Error("inject_error draws no such kind");
}

}  // namespace lldm::eval
