// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

#include "lldm/config/field.hpp"

namespace lldm {

/// Which tokens of an answer's canvas a preference score covers.
enum class ScorePadding : std::uint8_t { include, exclude };
constexpr auto choices(std::type_identity<ScorePadding>) {
  return std::array{Choice<ScorePadding>{"include", ScorePadding::include},
                    Choice<ScorePadding>{"exclude", ScorePadding::exclude}};
}

}  // namespace lldm
