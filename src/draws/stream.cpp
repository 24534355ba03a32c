// SPDX-License-Identifier: MIT
#include "lldm/draws/stream.hpp"

#include <ATen/core/PhiloxRNGEngine.h>

#include <cmath>
#include <numeric>
#include <utility>

#include "lldm/errors.hpp"

namespace lldm {
namespace {

// Finaliser of SplitMix64 (Steele et al. 2014): a bijection of 64 bits with full avalanche.
std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

std::uint64_t combine(std::uint64_t state, std::uint64_t value) { return mix(state ^ mix(value)); }

}  // namespace

std::uint32_t Stream::bits() {
  if (used_ == 4) {
    at::Philox4_32 engine(key_, subsequence_, block_++);
    for (auto& word : buffer_) word = engine();
    used_ = 0;
  }
  return buffer_[used_++];
}

double Stream::uniform() {
  const std::uint64_t high = bits() >> 5, low = bits() >> 6;
  return static_cast<double>((high << 26) | low) * 0x1.0p-53;
}

double Stream::uniform_open() {
  const std::uint64_t high = bits() >> 5, low = bits() >> 6;
  return (static_cast<double>((high << 26) | low) + 0.5) * 0x1.0p-53;
}

std::int64_t Stream::below(std::int64_t bound) {
  if (bound < 1) throw ShapeError(message("Stream::below: bound must be at least 1, got ", bound));
  const auto range = static_cast<std::uint64_t>(bound);
  // The largest multiple of `range` that fits: values above it would favour small results.
  const std::uint64_t limit = UINT64_MAX - (UINT64_MAX % range + 1) % range;
  for (;;) {
    const std::uint64_t high = bits();
    const std::uint64_t value = (high << 32) | bits();
    if (value <= limit) return static_cast<std::int64_t>(value % range);
  }
}

double Stream::normal() {
  const double radius = std::sqrt(-2.0 * std::log(uniform_open()));
  return radius * std::cos(2.0 * M_PI * uniform());
}

std::vector<std::int64_t> Stream::permutation(std::int64_t n) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  for (std::int64_t i = n - 1; i > 0; --i)
    std::swap(order[static_cast<std::size_t>(i)], order[static_cast<std::size_t>(below(i + 1))]);
  return order;
}

std::vector<std::int64_t> Stream::subset(std::int64_t n, std::int64_t size) {
  if (size < 0 || size > n)
    throw ShapeError(message("Stream::subset: size must be in [0, ", n, "], got ", size));
  // Selection sampling (Knuth, Algorithm S): ascending, one pass, exact.
  std::vector<std::int64_t> chosen;
  chosen.reserve(static_cast<std::size_t>(size));
  for (std::int64_t i = 0, left = size; left > 0; ++i)
    if (below(n - i) < left) {
      chosen.push_back(i);
      --left;
    }
  return chosen;
}

Draws::Draws(std::uint64_t seed, std::string_view stage) : seed_(seed) {
  std::uint64_t hash =
      0xcbf29ce484222325ULL;  // FNV-1a of the name: names, not numbers, identify stages
  for (const char c : stage) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  stage_ = hash;
}

Stream Draws::stream(Purpose purpose, std::uint64_t epoch, std::uint64_t row, std::uint64_t answer,
                     std::uint64_t evaluation) const {
  std::uint64_t key = mix(seed_);
  key = combine(key, stage_);
  key = combine(key, static_cast<std::uint64_t>(purpose));
  key = combine(key, epoch);
  std::uint64_t subsequence = combine(key, row);
  subsequence = combine(subsequence, answer);
  subsequence = combine(subsequence, evaluation);
  return {key, subsequence};
}

}  // namespace lldm
