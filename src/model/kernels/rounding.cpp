// SPDX-License-Identifier: MIT
#include "model/kernels/rounding.hpp"

#include <bit>

#include "model/kernels/clones.hpp"

namespace lldm {
namespace {

[[gnu::always_inline]] inline void round_to_bfloat16_body(const Rounding& r, std::int64_t begin,
                                                          std::int64_t end) {
  constexpr std::uint32_t kInfinity = 0x7f800000, kMagnitude = 0x7fffffff, kNan = 0x7fc0;
  const float* x = r.x;
  std::uint16_t* y = r.y;
#pragma GCC ivdep
  for (std::int64_t i = begin; i < end; ++i) {
    const auto bits = std::bit_cast<std::uint32_t>(x[i]);
    const std::uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    y[i] = static_cast<std::uint16_t>((bits & kMagnitude) > kInfinity ? kNan : rounded);
  }
}

}  // namespace

LLDM_CPU_CLONES(round_to_bfloat16, Rounding)

}  // namespace lldm
