// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

namespace lldm {

/// One answer asked for.
struct SampleRequest {
  std::vector<std::int64_t> prompt;  // P >= 0 token ids
  std::uint64_t row = 0;             // who asks: with `answer` the key of all its random draws
  std::uint64_t answer = 0;          // which answer of this row
  /// Empty, or P flags: false hides that prompt token from every query (left padding); its column
  /// still counts as a position.
  std::vector<bool> visible = {};
};

/// What came of one request.
struct SampledText {
  std::vector<std::int64_t> tokens;  // the answer canvas, response_length ids
  std::int64_t num_forwards =
      0;  // sequences of this row that went through the model; guidance counts 2 a step
  std::int64_t masks_left = 0;    // only compat = "llada" can commit the mask token
  bool is_stopped_early = false;  // end of text was reached and the tail filled without the model
  /// With Trace::canvases: entry k is the canvas (prompt and answer so far) that forward k saw, the
  /// last one is the final canvas.
  std::vector<std::vector<std::int64_t>> trace = {};
  /// [response_length] the forward, from 0, after which each token stood; tokens that no forward
  /// wrote (the tail behind an early stop) count as one more than the last.
  std::vector<std::int64_t> reveal_step = {};
};

/// Whether a sampler keeps the canvases it went through.
enum class Trace { none, canvases };

}  // namespace lldm
