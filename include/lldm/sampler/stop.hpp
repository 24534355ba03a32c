// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>

namespace lldm {

/// The border "stop" of a sampler: a row is finished once an end-of-text is committed and no mask
/// is left before it; the tail is then filled with end-of-text and no further forward is run.
///
/// Samplers that never revise a committed token give the same tokens up to and including the first
/// end-of-text with and without it, because those are final when it fires.  What it changes is the
/// tail, which would otherwise be whatever the model writes behind its own end of text.
struct Stop {
  bool is_on = false;
  std::int64_t end_of_text = -1;

  /// Fills the tail of `answer` and returns true if the row is finished.
  [[nodiscard]] bool finish(std::span<std::int64_t> answer, std::int64_t mask) const;
};

}  // namespace lldm
