// SPDX-License-Identifier: MIT
// One kernel body, compiled for the processors we meet, chosen at run time.  (Not target_clones:
// its ifunc resolver runs before the sanitizers do.)
#pragma once

#include <cstdint>

namespace lldm {

enum class CpuLevel { baseline, avx2, avx512 };

/// The best level that this processor runs, or less where a test has asked for less.
CpuLevel cpu_level();
/// Runs every kernel at `level` if the processor has it: tests compare the clones with one another.
void limit_cpu_level(CpuLevel level);
/// Whether the processor multiplies pairs of bfloat16 (AVX512-BF16) and its level is the best one.
bool has_bfloat16_products();
/// Without them, for tests: kernels round in registers of float32.
void allow_bfloat16_products(bool are_allowed);

}  // namespace lldm

/// Defines `void name(const Args&, int64 begin, int64 end)` of Number from the always-inlined
/// template `name##_body<Number, bytes of a register>` with the same parameters (simd::Lanes).
#define LLDM_CPU_CLONES_BY_REGISTER(name, Args, Number) \
  LLDM_CPU_CLONES_OF(name, Args, (name##_body<Number, 64>), (name##_body<Number, 32>))

/// The same from the always-inlined template or function `name##_body`.
#define LLDM_CPU_CLONES(name, Args) LLDM_CPU_CLONES_OF(name, Args, name##_body, name##_body)

#if defined(__x86_64__)
#define LLDM_AVX512_TARGET gnu::target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,bmi2")
#define LLDM_CPU_CLONES_OF(name, Args, wide_body, narrow_body)                                   \
  [[LLDM_AVX512_TARGET]] static void name##_avx512(const Args& args, std::int64_t begin,         \
                                                   std::int64_t end) {                           \
    wide_body(args, begin, end);                                                                 \
  }                                                                                              \
  [[gnu::target("avx2,fma,bmi2")]] static void name##_avx2(const Args& args, std::int64_t begin, \
                                                           std::int64_t end) {                   \
    narrow_body(args, begin, end);                                                               \
  }                                                                                              \
  static void name##_baseline(const Args& args, std::int64_t begin, std::int64_t end) {          \
    narrow_body(args, begin, end);                                                               \
  }                                                                                              \
  void name(const Args& args, std::int64_t begin, std::int64_t end) {                            \
    const CpuLevel level = cpu_level();                                                          \
    if (level == CpuLevel::avx512) return name##_avx512(args, begin, end);                       \
    if (level == CpuLevel::avx2) return name##_avx2(args, begin, end);                           \
    name##_baseline(args, begin, end);                                                           \
  }
/// The same with pair_body where the processor multiplies pairs of bfloat16.
#define LLDM_BFLOAT16_CLONES_OF(name, Args, pair_body, wide_body, narrow_body)     \
  namespace clones_of_##name {                                                     \
    LLDM_CPU_CLONES_OF(rounded, Args, wide_body, narrow_body)                      \
    [[LLDM_AVX512_TARGET]] static void pairs(const Args& args, std::int64_t begin, \
                                             std::int64_t end) {                   \
      pair_body(args, begin, end);                                                 \
    }                                                                              \
  }                                                                                \
  void name(const Args& args, std::int64_t begin, std::int64_t end) {              \
    if (has_bfloat16_products()) return clones_of_##name::pairs(args, begin, end); \
    clones_of_##name::rounded(args, begin, end);                                   \
  }
#else
#define LLDM_CPU_CLONES_OF(name, Args, wide_body, narrow_body)        \
  void name(const Args& args, std::int64_t begin, std::int64_t end) { \
    narrow_body(args, begin, end);                                    \
  }
#define LLDM_BFLOAT16_CLONES_OF(name, Args, pair_body, wide_body, narrow_body) \
  LLDM_CPU_CLONES_OF(name, Args, wide_body, narrow_body)
#endif
