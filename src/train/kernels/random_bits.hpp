// SPDX-License-Identifier: MIT
// Random bits of stochastic rounding: a function of key, step, tensor and place, so that neither
// threads nor a resume change them.
#pragma once

#include <cstdint>

namespace lldm {

struct RandomPlace {
  std::uint64_t key = 0;
  std::uint32_t step = 0, tensor = 0;
};

inline constexpr int kRandomGroup = 256;  // numbers that a call draws for
inline constexpr int kRandomLanes = kRandomGroup / 2;

inline constexpr std::uint32_t kPhiloxFactor0 = 0xD2511F53U, kPhiloxFactor1 = 0xCD9E8D57U,
                               kPhiloxKeyStep0 = 0x9E3779B9U, kPhiloxKeyStep1 = 0xBB67AE85U;
inline constexpr int kPhiloxRounds = 10;

/// 64 bits each of numbers [256 group, 256 group + 256) of a tensor: `low` and `high`, whose halves
/// are what weight, first and second moment are rounded with.  Number i shares a Philox block with
/// number i + 128.
///
/// Source  Salmon et al. 2011: Philox4x32-10, counter (lane, group's high bits, tensor, step).
[[gnu::always_inline]] inline void random_bits(const RandomPlace& place, std::int64_t group,
                                               std::uint32_t* low, std::uint32_t* high) {
  const std::uint64_t first = static_cast<std::uint64_t>(group) * kRandomLanes;
  for (int lane = 0; lane < kRandomLanes; ++lane) {
    const std::uint64_t at = first + static_cast<std::uint64_t>(lane);
    auto c0 = static_cast<std::uint32_t>(at), c1 = static_cast<std::uint32_t>(at >> 32);
    std::uint32_t c2 = place.tensor, c3 = place.step;
    auto k0 = static_cast<std::uint32_t>(place.key),
         k1 = static_cast<std::uint32_t>(place.key >> 32);
#pragma GCC unroll 10
    for (int round = 0; round < kPhiloxRounds; ++round) {
      const std::uint64_t a = std::uint64_t{kPhiloxFactor0} * c0,
                          b = std::uint64_t{kPhiloxFactor1} * c2;
      c0 = static_cast<std::uint32_t>(b >> 32) ^ c1 ^ k0;
      c1 = static_cast<std::uint32_t>(b);
      c2 = static_cast<std::uint32_t>(a >> 32) ^ c3 ^ k1;
      c3 = static_cast<std::uint32_t>(a);
      k0 += kPhiloxKeyStep0, k1 += kPhiloxKeyStep1;
    }
    low[lane] = c0, high[lane] = c1;
    low[lane + kRandomLanes] = c2, high[lane + kRandomLanes] = c3;
  }
}

}  // namespace lldm
