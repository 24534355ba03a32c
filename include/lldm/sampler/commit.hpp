// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace lldm {

/// The border "commit" of a sampler: how many candidates become text in a step, and which.

/// How many of a block's `masked` positions step `step` of `steps` reveals: floor(masked / steps),
/// one more in the first masked mod steps steps.  The quotas of all steps add up to `masked`.
/// Source  LLaDA generate.py, get_num_transfer_tokens.
[[nodiscard]] std::int64_t commit_quota(std::int64_t masked, std::int64_t steps, std::int64_t step);

/// Indices of the `count` highest confidences, ascending; among equals the lower index wins.
/// ShapeError if count exceeds their number or one of them is not a number.
[[nodiscard]] std::vector<std::int64_t> highest(std::span<const double> confidences,
                                                std::int64_t count);

}  // namespace lldm
