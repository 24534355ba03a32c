// SPDX-License-Identifier: MIT
// Made by tools/generate_benchmarks.
#include "synthesis/benchmark_tables.hpp"

namespace lldm::synthesis {

std::span<const BenchmarkTable> benchmark_tables() {
  static const std::array<BenchmarkTable, 2> tables = {
      {{"MATH-500", kMath500Prompts}, {"GSM8K test", kGsm8kTestPrompts}}};
  return tables;
}

}  // namespace lldm::synthesis
