// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace lldm {

/// y = x rounded to bfloat16, the nearest and of two the even one; NaN stays NaN.
struct Rounding {
  const float* x;
  std::uint16_t* y;
};
void round_to_bfloat16(const Rounding&, std::int64_t begin, std::int64_t end);

}  // namespace lldm
