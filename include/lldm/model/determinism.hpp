// SPDX-License-Identifier: MIT
#pragma once

namespace lldm {

/// Asks MKL for float32 products whose rows do not depend on how many rows there are
/// (MKL_CBWR=AVX512,STRICT; AVX2,STRICT where the processor has no AVX-512).  main() calls it
/// first: MKL reads the variable at its first product.  A value that the user has set is kept.
void set_deterministic_environment();

}  // namespace lldm
