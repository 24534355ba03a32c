// SPDX-License-Identifier: MIT
// Score sets that any objective can read.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "lldm/concepts/any_objective.hpp"
#include "lldm/concepts/score_set.hpp"

namespace lldm::laws {

/// The scores of a set from their parts by evaluation [B, G, N], the reference's likewise, and
/// everything that an objective may read beside them.
[[nodiscard]] ScoreSet set_of_parts(const at::Tensor& policy, const at::Tensor& reference,
                                    const at::Tensor& lengths);

/// B groups of G scores around -20 in three parts each, lengths 1..9.
struct RandomParts {
  at::Tensor policy, reference, lengths;

  RandomParts(std::int64_t groups, std::int64_t size, std::uint64_t seed);
  [[nodiscard]] ScoreSet set() const { return set_of_parts(policy, reference, lengths); }
  [[nodiscard]] ScoreSet group(std::int64_t b) const;
};

/// Groups whose first answer and whose others score (a, b) under the policy and (c, d) under the
/// reference, for all of a, b, c, d in {-1000, 0, 1000}: thirds of that as parts.  Answers of one
/// and of 1000 tokens.  `first` of the 81 combinations, and so many behind it.
[[nodiscard]] RandomParts extreme_parts(std::int64_t size, std::int64_t first, std::int64_t groups);

/// d loss_sum / d parts [B, G, N], through the scores and through the parts.
[[nodiscard]] at::Tensor part_slopes(const AnyObjective& objective, const RandomParts& at);

}  // namespace lldm::laws
