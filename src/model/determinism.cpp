// SPDX-License-Identifier: MIT
#include "lldm/model/determinism.hpp"

#include <cstdlib>

namespace lldm {

void set_deterministic_environment() {
  const char* mode = "COMPATIBLE";
#if defined(__x86_64__)
  // Not AVX512,STRICT: with two threads one process in ten computed its first step otherwise (a
  // second outcome, 3e-6 off in the loss, seen 6 times in 100; AVX2,STRICT 0 in 60; docs/log.md).
  if (__builtin_cpu_supports("avx2")) mode = "AVX2,STRICT";
#endif
  ::setenv("MKL_CBWR", mode, 0);
  ::setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", 0);
}

}  // namespace lldm
