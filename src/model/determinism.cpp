// SPDX-License-Identifier: MIT
#include "lldm/model/determinism.hpp"

#include <cstdlib>

namespace lldm {

void set_deterministic_environment() {
  const char* mode = "COMPATIBLE";
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f"))
    mode = "AVX512,STRICT";
  else if (__builtin_cpu_supports("avx2"))
    mode = "AVX2,STRICT";
#endif
  ::setenv("MKL_CBWR", mode, 0);
}

}  // namespace lldm
