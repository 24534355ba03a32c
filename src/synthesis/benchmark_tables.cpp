// SPDX-License-Identifier: MIT
// Made by tools/generate_benchmarks.
#include "synthesis/benchmark_tables.hpp"

#include <array>

namespace lldm::synthesis {

std::span<const BenchmarkTable> benchmark_tables() {
  static const std::array<BenchmarkTable, 6> tables = {{{"MATH-500", kMath500},
                                                        {"GSM8K test", kGsm8kTest},
                                                        {"LogiQA dev", kLogiqaDev},
                                                        {"HotpotQA dev", kHotpotqaDev1},
                                                        {"HotpotQA dev", kHotpotqaDev2},
                                                        {"HotpotQA dev", kHotpotqaDev3}}};
  return tables;
}

}  // namespace lldm::synthesis
