// SPDX-License-Identifier: MIT
#pragma once

namespace lldm {

/// Asks MKL for float32 products whose rows do not depend on how many rows there are
/// nor on the run (MKL_CBWR=AVX2,STRICT).  main() calls it first: MKL reads the variable at its
/// first product.  A value that the user has set is kept: AVX512 takes 12 to 29 % less time, and
/// not the same bits in every process.  And asks cuBLAS for the fixed workspaces without which its
/// products need not have the same bits in every run (CUBLAS_WORKSPACE_CONFIG=:4096:8).
void set_deterministic_environment();

}  // namespace lldm
