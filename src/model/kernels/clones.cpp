// SPDX-License-Identifier: MIT
#include "model/kernels/clones.hpp"

#include <algorithm>
#include <atomic>

namespace lldm {
namespace {

CpuLevel best_level() {
#if defined(__x86_64__)
  const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                        __builtin_cpu_supports("bmi2");
  const bool has_avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                          __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
  if (has_avx2 && has_avx512) return CpuLevel::avx512;
  if (has_avx2) return CpuLevel::avx2;
#endif
  return CpuLevel::baseline;
}

std::atomic<CpuLevel>& level() {
  static std::atomic<CpuLevel> value{best_level()};
  return value;
}

std::atomic<bool> are_pairs_allowed{true};

}  // namespace

CpuLevel cpu_level() { return level().load(std::memory_order_relaxed); }

bool has_bfloat16_products() {
#if defined(__x86_64__)
  return are_pairs_allowed && cpu_level() == CpuLevel::avx512 &&
         __builtin_cpu_supports("avx512bf16");
#else
  return false;
#endif
}

void allow_bfloat16_products(bool are_allowed) { are_pairs_allowed = are_allowed; }

void limit_cpu_level(CpuLevel wanted) { level() = std::min(wanted, best_level()); }

}  // namespace lldm
