// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lldm/concepts/commit_rule.hpp"

namespace lldm {

/// How one row of logits becomes a token and the figures that a commit rule looks at.
///
/// Token        argmax of exp(l_v) / (-log u_v)^T, in float64 and in log space (l_v - T log(-log
///              u_v)), so that large logits do not overflow; plain argmax at T = 0.  Ties go to the
///              lower id.
/// Probability  float64 softmax of the un-noised logits: a tempered one saturates and would put the
///              positions into left-to-right order (Dream issue 72).
/// Source       LLaDA generate.py, add_gumbel_noise; Zheng et al. 2024, arXiv:2409.02908 (why
///              float64).
struct TokenChoice {
  double temperature = 0.0;
  std::vector<std::int64_t> never_chosen;  // logit -inf before the choice
  std::vector<std::int64_t>
      discounted;  // logit -inf after the choice: chosen, but with confidence 0

  /// Reads `logits` [V] (finite or -inf) and changes them as above; `uniforms` [V] in [0, 1) is not
  /// read at temperature 0.  Error if a logit is NaN.
  [[nodiscard]] Candidate choose(std::span<double> logits, std::span<const double> uniforms,
                                 CandidateStatistics statistics) const;
};

}  // namespace lldm
