// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "lldm/config/field.hpp"

namespace lldm {

/// In which order the gradients of a step's rows are added.
enum class Reduction : std::uint8_t {
  fast,     // as they come, and over the processes by an all-reduce: equal to rounding
  ordered,  // micro-batch by micro-batch, whoever did it: equal bits for any number of processes
};
constexpr auto choices(std::type_identity<Reduction>) {
  return std::array{Choice<Reduction>{"fast", Reduction::fast},
                    Choice<Reduction>{"ordered", Reduction::ordered}};
}

}  // namespace lldm
