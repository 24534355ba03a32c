// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "lldm/config/field.hpp"

namespace lldm {

/// What becomes of a row that is longer than the model takes, or whose answer is longer than the
/// canvas.  Whatever is cut or left out is counted and told.
enum class LongRows : std::uint8_t {
  error,                    // nothing is trained; the rows are listed
  drop,                     // they are left out
  truncate_prompt_left,     // the prompt loses its beginning, for all answers of a row alike
  truncate_response_right,  // the answer loses its end, and keeps its end-of-text
};
constexpr auto choices(std::type_identity<LongRows>) {
  return std::array{Choice<LongRows>{"error", LongRows::error},
                    Choice<LongRows>{"drop", LongRows::drop},
                    Choice<LongRows>{"truncate_prompt_left", LongRows::truncate_prompt_left},
                    Choice<LongRows>{"truncate_response_right", LongRows::truncate_response_right}};
}
[[nodiscard]] std::string_view to_string(LongRows treatment);

/// How a prompt and its answer meet.
enum class PromptBoundary : std::uint8_t {
  separate,  // each is encoded by itself, as when an answer is sampled: no token spans the border
  prefix,    // the same, and an error where the tokens of both together begin otherwise
};
constexpr auto choices(std::type_identity<PromptBoundary>) {
  return std::array{Choice<PromptBoundary>{"prefix", PromptBoundary::prefix},
                    Choice<PromptBoundary>{"separate", PromptBoundary::separate}};
}

}  // namespace lldm
