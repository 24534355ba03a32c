// SPDX-License-Identifier: MIT
// How the built-in estimators write a plan.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "lldm/concepts/any_forward_process.hpp"

namespace lldm {

/// Which processes an estimator has a meaning for, beside plain absorbing noise.
struct Accepts {
  bool posterior = false;  // noise that shows tokens, by its exact reverse steps
  bool blocks = false;     // a time per block, two-stream plans
};

/// A plan for `text` without copies, of 2 L tokens a copy for a process of blocks.  DataError if
/// nothing is scored; ShapeError if more is scored than there is; ConfigError naming the estimator
/// and what would be legal if it has no meaning for such a process.
ScorePlan start_plan(std::string_view estimator, const Text& text, const AnyForwardProcess& process,
                     Accepts accepts = {});

/// Some of the scored positions, counted from the first.
struct ScoredBlock {
  std::int64_t begin = 0, size = 0;
};

/// The blocks that a process cuts the first `scored` response positions into; one without blocks.
std::vector<ScoredBlock> scored_blocks(const AnyForwardProcess& process, std::int64_t scored);

/// Appends one noised copy: response positions `noised` are overwritten by the process, `scored`
/// ones are queried with `weight` each.  A copy without queries is not appended.
void append_copy(ScorePlan& plan, const Text& text, const AnyForwardProcess& process,
                 std::span<const std::int64_t> noised, std::span<const std::int64_t> scored,
                 double weight, std::int32_t replicate, Stream& noise);

/// The same with a weight for every scored position.
void append_copy(ScorePlan& plan, const Text& text, const AnyForwardProcess& process,
                 std::span<const std::int64_t> noised, std::span<const std::int64_t> scored,
                 std::span<const double> weights, std::int32_t replicate, Stream& noise);

/// Stream keys inside one text: `replicate` and, within it, 0 for what its copies share, 1 + j for
/// copy j.
constexpr std::uint64_t stream_key(std::int64_t replicate, std::int64_t copy) {
  return (static_cast<std::uint64_t>(replicate) << 32) | static_cast<std::uint64_t>(copy);
}

}  // namespace lldm
