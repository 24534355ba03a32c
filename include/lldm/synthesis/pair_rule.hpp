// SPDX-License-Identifier: MIT
// How the judged answers to one prompt become pairs.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <type_traits>

#include "lldm/config/field.hpp"

namespace lldm {

/// What makes one answer better than another to the same prompt.
enum class PairBy : std::uint8_t {
  grade,    // the checker's grade alone
  outcome,  // correct above incomplete above wrong; of two correct ones the shorter
};
constexpr auto choices(std::type_identity<PairBy>) {
  return std::array{Choice<PairBy>{"grade", PairBy::grade},
                    Choice<PairBy>{"outcome", PairBy::outcome}};
}

}  // namespace lldm
