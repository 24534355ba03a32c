// SPDX-License-Identifier: MIT
// Philox4x32-10 as a function of its counter, so that a kernel makes any number of a Stream by
// itself.  constexpr: nvcc compiles it for the host and for the device.
#pragma once

#include <cstdint>

namespace lldm {

struct PhiloxWords {
  std::uint32_t word[4];
};

/// What Stream::bits gives in its calls 4 * block to 4 * block + 3.
/// Source  Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3".
constexpr PhiloxWords philox_words(std::uint64_t key, std::uint64_t subsequence,
                                   std::uint64_t block) {
  constexpr std::uint64_t kFirstFactor = 0xD2511F53, kSecondFactor = 0xCD9E8D57;
  constexpr std::uint32_t kFirstStep = 0x9E3779B9, kSecondStep = 0xBB67AE85;
  constexpr int kRounds = 10;
  std::uint32_t c0 = static_cast<std::uint32_t>(block),
                c1 = static_cast<std::uint32_t>(block >> 32),
                c2 = static_cast<std::uint32_t>(subsequence),
                c3 = static_cast<std::uint32_t>(subsequence >> 32);
  std::uint32_t k0 = static_cast<std::uint32_t>(key), k1 = static_cast<std::uint32_t>(key >> 32);
  for (int round = 0; round < kRounds; ++round) {
    const std::uint64_t first = kFirstFactor * c0, second = kSecondFactor * c2;
    c0 = static_cast<std::uint32_t>(second >> 32) ^ c1 ^ k0;
    c1 = static_cast<std::uint32_t>(second);
    c2 = static_cast<std::uint32_t>(first >> 32) ^ c3 ^ k1;
    c3 = static_cast<std::uint32_t>(first);
    k0 += kFirstStep;
    k1 += kSecondStep;
  }
  return {{c0, c1, c2, c3}};
}

struct UniformPair {
  double first, second;
};

/// What Stream::uniform_open gives in its calls 2 * pair and 2 * pair + 1.  Whole numbers below
/// 2^53, a sum and a product by a power of two: the same bits wherever it is computed.
constexpr UniformPair uniform_pair(std::uint64_t key, std::uint64_t subsequence,
                                   std::uint64_t pair) {
  const PhiloxWords words = philox_words(key, subsequence, pair);
  const auto number = [&](int at) {
    const std::uint64_t high = words.word[at] >> 5, low = words.word[at + 1] >> 6;
    return (static_cast<double>((high << 26) | low) + 0.5) * 0x1.0p-53;
  };
  return {number(0), number(2)};
}

}  // namespace lldm
