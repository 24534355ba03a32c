// SPDX-License-Identifier: MIT
#pragma once

#include <c10/core/GradMode.h>

#include "lldm/errors.hpp"

namespace lldm {

/// Called by every backward pass of ours: its result has no graph, so a second derivative through
/// it would be wrong without a word.  Error if one is being recorded.
inline void refuse_second_derivative() {
  if (c10::GradMode::is_enabled())
    throw Error(
        "Transformer: second derivatives are not implemented\n  call backward without "
        "create_graph");
}

}  // namespace lldm
