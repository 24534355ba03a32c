// SPDX-License-Identifier: MIT
// What this process takes for a block's parts on its GPU, decided at the first question by a trial
// (block_parts_trial.hpp) and kept.  A GPU is asked for nothing but device_block_parts.
#pragma once

#include <string>

#include "model/block_parts.hpp"

namespace lldm {

/// What models on a GPU take: fused_block_parts() after a trial at the first call, less what came
/// out wrong; operations alone where LLDM_BLOCK_PARTS=operations asks for them.
[[nodiscard]] const BlockParts& device_block_parts(at::Device device);
/// What was taken, as TrustedParts::text; empty before the first call on a GPU.
[[nodiscard]] std::string device_parts_text();

/// Whether fused parts do all of a block of such rows, products and heads.
[[nodiscard]] bool takes_fused_parts(at::ScalarType rows, at::ScalarType compute,
                                     std::int64_t head_width);
/// Whether operations were taken for any.
[[nodiscard]] bool has_untrusted_parts();

/// What LLDM_BLOCK_PARTS asks for: whether fused parts may be tried.
/// Errors  ConfigError for a name that is neither "fused" nor "operations".
[[nodiscard]] bool may_take_fused_parts();

}  // namespace lldm
