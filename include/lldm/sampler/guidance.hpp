// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace lldm {

/// The border "guidance" of a sampler: unsupervised classifier-free guidance (LLaDA).  The model
/// also reads the canvas with every token of the prompt masked, and the two answers are combined as
/// un + (scale + 1) * (cond - un), here in float64.
struct Guidance {
  double scale = 0.0;  // 0: off, and the second canvas is not evaluated

  [[nodiscard]] bool is_on() const { return scale > 0.0; }
  /// The canvas without its prompt: columns [0, prompt_length) become `mask`.
  [[nodiscard]] std::vector<std::int64_t> unconditional(std::span<const std::int64_t> canvas,
                                                        std::int64_t prompt_length,
                                                        std::int64_t mask) const;
  /// Combines in place: `conditional` holds the guided logits afterwards.
  void combine(std::span<double> conditional, std::span<const double> unconditional) const;
};

}  // namespace lldm
