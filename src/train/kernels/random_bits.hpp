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

/// One block of Philox4x32-10: the bits of number 256 group + lane (`low` and `high`) and of the
/// one 128 behind it, where `at` is 128 group + lane.
///
/// Source  Salmon et al. 2011, counter (at, at's high bits, tensor, step).
struct RandomBlock {
  std::uint32_t low, high, second_low, second_high;
};
[[gnu::always_inline]] constexpr inline RandomBlock random_block(const RandomPlace& place,
                                                                 std::uint64_t at) {
  auto c0 = static_cast<std::uint32_t>(at), c1 = static_cast<std::uint32_t>(at >> 32);
  std::uint32_t c2 = place.tensor, c3 = place.step;
  auto k0 = static_cast<std::uint32_t>(place.key), k1 = static_cast<std::uint32_t>(place.key >> 32);
#ifndef __CUDACC__
#pragma GCC unroll 10
#endif
  for (int round = 0; round < kPhiloxRounds; ++round) {
    const std::uint64_t a = std::uint64_t{kPhiloxFactor0} * c0,
                        b = std::uint64_t{kPhiloxFactor1} * c2;
    c0 = static_cast<std::uint32_t>(b >> 32) ^ c1 ^ k0;
    c1 = static_cast<std::uint32_t>(b);
    c2 = static_cast<std::uint32_t>(a >> 32) ^ c3 ^ k1;
    c3 = static_cast<std::uint32_t>(a);
    k0 += kPhiloxKeyStep0, k1 += kPhiloxKeyStep1;
  }
  return {c0, c1, c2, c3};
}

/// 64 bits each of numbers [256 group, 256 group + 256) of a tensor: `low` and `high`, whose halves
/// are what weight, first and second moment are rounded with.
[[gnu::always_inline]] inline void random_bits(const RandomPlace& place, std::int64_t group,
                                               std::uint32_t* low, std::uint32_t* high) {
  const std::uint64_t first = static_cast<std::uint64_t>(group) * kRandomLanes;
  for (int lane = 0; lane < kRandomLanes; ++lane) {
    const RandomBlock block = random_block(place, first + static_cast<std::uint64_t>(lane));
    low[lane] = block.low, high[lane] = block.high;
    low[lane + kRandomLanes] = block.second_low, high[lane + kRandomLanes] = block.second_high;
  }
}

}  // namespace lldm
