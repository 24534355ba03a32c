// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <vector>

#include "lldm/draws/stream.hpp"

namespace lldm {

/// One masked position that a sampler may commit in this step.
struct Candidate {
  std::int64_t position;      // column of the canvas
  std::int64_t token;         // chosen by Gumbel-max (argmax at temperature 0)
  double probability;         // softmax of the un-noised logits at `token`
  double second_probability;  // of the runner-up, for margins
  double entropy;             // of the softmax, nats
};

/// Which figures of a Candidate a rule reads.  The others are not computed and hold NaN.
enum class CandidateStatistics {
  none,         // position and token only
  probability,  // and the probability of the chosen token
  all,          // and the runner-up's, and the entropy
};

/// The order in which a sampler reveals: how much a candidate is trusted.  Registered as the role
/// "remasking"; built in: low_confidence, random.
///
/// A type is a CommitRule if `confidence(candidates, draws)` gives one number per candidate; the
/// sampler commits the highest, ties to the lower position.
template <class C>
concept CommitRule = requires(const C& rule, std::span<const Candidate> candidates, Stream& draws) {
  { rule.confidence(candidates, draws) } -> std::same_as<std::vector<double>>;
};

/// A CommitRule that reads fewer figures than all, so that the others need not be computed.
///
/// A rule is a SparseCommitRule if besides
///   1. `statistics()` says which figures it reads, the same at every call;
///   2. `confidence` gives the same numbers whatever the figures hold that it does not read (they
///      are NaN).
template <class C>
concept SparseCommitRule = CommitRule<C> && requires(const C& rule) {
  { rule.statistics() } -> std::same_as<CandidateStatistics>;
};

}  // namespace lldm
