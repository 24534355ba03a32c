// SPDX-License-Identifier: MIT
#include "lldm/draws/permutation.hpp"

#include "lldm/errors.hpp"

namespace lldm {
namespace {

/// SplitMix64's finalizer: every bit of the result depends on every bit of the value.
std::uint64_t mixed(std::uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
  return value ^ (value >> 31);
}

}  // namespace

CounterPermutation::CounterPermutation(Stream stream, std::int64_t n) : n_(n) {
  if (n < 1) throw ShapeError(message("CounterPermutation: n must be at least 1, got ", n));
  while (half_bits_ < 31 && (std::int64_t{1} << (2 * half_bits_)) < n) ++half_bits_;
  for (std::uint64_t& key : keys_) {
    const std::uint64_t high = stream.bits();
    key = (high << 32) | stream.bits();
  }
}

std::int64_t CounterPermutation::at(std::int64_t place) const {
  const std::uint64_t mask = (std::uint64_t{1} << half_bits_) - 1;
  auto value = static_cast<std::uint64_t>(place);
  do {
    std::uint64_t left = value >> half_bits_, right = value & mask;
    for (const std::uint64_t key : keys_) {
      const std::uint64_t next = left ^ (mixed(right + key) & mask);
      left = right;
      right = next;
    }
    value = (left << half_bits_) | right;
  } while (value >= static_cast<std::uint64_t>(n_));
  return static_cast<std::int64_t>(value);
}

}  // namespace lldm
