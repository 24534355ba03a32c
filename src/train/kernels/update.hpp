// SPDX-License-Identifier: MIT
// What the kernels' clones share on the CPU.
#pragma once

#include <cstdint>
#include <cstring>

#include "train/kernels/one_number.hpp"

namespace lldm {

/// Eight numbers at a time, and their sums in float64.
typedef float Narrow __attribute__((vector_size(32)));
typedef double Wide __attribute__((vector_size(64)));

[[gnu::always_inline]] inline Narrow eight(const float* x) {
  Narrow narrow;
  std::memcpy(&narrow, x, sizeof narrow);
  return narrow;
}
[[gnu::always_inline]] inline Narrow eight(const std::uint16_t* x) {
  Narrow narrow;
  for (int lane = 0; lane < 8; ++lane) narrow[lane] = widened(x[lane]);
  return narrow;
}

}  // namespace lldm
