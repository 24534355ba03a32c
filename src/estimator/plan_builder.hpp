// SPDX-License-Identifier: MIT
// How the built-in estimators write a plan.
#pragma once

#include <cstdint>
#include <span>

#include "lldm/forward/any_forward_process.hpp"

namespace lldm {

/// A plan for `text` without copies.  DataError if nothing is scored; ConfigError if the process's
/// noise is not one absorbing token, which the built-in masked-count and path estimators rely on.
ScorePlan start_plan(std::string_view estimator, const Text& text,
                     const AnyForwardProcess& process);

/// Appends one noised copy: response positions `noised` are overwritten by the process, `scored`
/// ones are queried with `weight` each.  A copy without queries is not appended.
void append_copy(ScorePlan& plan, const Text& text, const AnyForwardProcess& process,
                 std::span<const std::int64_t> noised, std::span<const std::int64_t> scored,
                 double weight, std::int32_t replicate, Stream& noise);

/// Stream keys inside one text: `replicate` and, within it, 0 for what its copies share, 1 + j for
/// copy j.
constexpr std::uint64_t stream_key(std::int64_t replicate, std::int64_t copy) {
  return (static_cast<std::uint64_t>(replicate) << 32) | static_cast<std::uint64_t>(copy);
}

}  // namespace lldm
