// SPDX-License-Identifier: MIT
// The prompts of benchmarks, as hashes.  Internal to src/synthesis.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace lldm::synthesis {

inline constexpr std::size_t kBenchmarkDigits = 12;
inline constexpr std::size_t kShortestPrompt = 20;  // characters of a key: fewer say too little

/// A set, or a part of one: the first `kBenchmarkDigits` hexadecimal digits of the SHA-256 of every
/// prompt's `benchmark_key`, ascending, one behind the other.
struct BenchmarkTable {
  std::string_view name;
  std::string_view digits;
};
[[nodiscard]] std::span<const BenchmarkTable> benchmark_tables();

}  // namespace lldm::synthesis
