// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

#include "lldm/config/field.hpp"

namespace lldm {

/// How the bytes of weights come from their files; the numbers are the same.
enum class WeightReading : std::uint8_t {
  read,    // pread, into memory of their own
  mapped,  // mmap, a tensor at a time: no copy beside the model's
};

constexpr auto choices(std::type_identity<WeightReading>) {
  return std::array{Choice<WeightReading>{"read", WeightReading::read},
                    Choice<WeightReading>{"mapped", WeightReading::mapped}};
}

}  // namespace lldm
