// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>

#include "lldm/draws/stream.hpp"

namespace lldm {

/// A keyed order of {0..n-1} that is computed element by element: a Feistel network over the
/// smallest even number of bits that holds n, walked along its cycle until it is inside.
///
/// No memory and no start-up whatever n is, so that the place in an epoch is one integer; not every
/// order can occur (2^512 keys), which nothing here asks for.
/// Range   n >= 1 (ShapeError); fewer than 4 walks a place on average.
/// Source  Black and Rogaway 2002, "Ciphers with arbitrary finite domains" (cycle walking).
class CounterPermutation {
 public:
  CounterPermutation(Stream stream, std::int64_t n);

  /// The element at `place` in [0, n).
  [[nodiscard]] std::int64_t at(std::int64_t place) const;

 private:
  static constexpr int kRounds = 8;
  std::int64_t n_;
  int half_bits_ = 1;
  std::array<std::uint64_t, kRounds> keys_ = {};
};

}  // namespace lldm
