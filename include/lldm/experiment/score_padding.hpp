// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

#include "lldm/config/field.hpp"

namespace lldm {

/// What becomes of the end-of-text tokens that fill an answer's canvas behind its first one.
enum class ScorePadding : std::uint8_t {
  include,  // scored and trained on, as LLaDA's SFT does
  exclude,  // visible to the model and not scored: the canvas still says how long the answer is
  hide,     // not there: the model attends to none of it, as with response_length = "own"
};
constexpr auto choices(std::type_identity<ScorePadding>) {
  return std::array{Choice<ScorePadding>{"include", ScorePadding::include},
                    Choice<ScorePadding>{"exclude", ScorePadding::exclude},
                    Choice<ScorePadding>{"hide", ScorePadding::hide}};
}

}  // namespace lldm
