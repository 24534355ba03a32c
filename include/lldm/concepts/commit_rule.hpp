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

/// The order in which a sampler reveals: how much a candidate is trusted.  Registered as the role
/// "remasking"; built in: low_confidence, random.
///
/// A type is a CommitRule if `confidence(candidates, draws)` gives one number per candidate; the
/// sampler commits the highest, ties to the lower position.
template <class C>
concept CommitRule = requires(const C& rule, std::span<const Candidate> candidates, Stream& draws) {
  { rule.confidence(candidates, draws) } -> std::same_as<std::vector<double>>;
};

}  // namespace lldm
