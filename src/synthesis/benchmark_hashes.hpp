// SPDX-License-Identifier: MIT
// The prompts of benchmarks, as hashes.  Internal to src/synthesis.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace lldm::synthesis {

inline constexpr std::size_t kBenchmarkDigits = 12;

/// One set: the first `kBenchmarkDigits` hexadecimal digits of the SHA-256 of every prompt as
/// `normalized_prompt` writes it, ascending.
struct BenchmarkTable {
  std::string_view name;
  std::span<const std::string_view> hashes;
};
[[nodiscard]] std::span<const BenchmarkTable> benchmark_tables();

}  // namespace lldm::synthesis
