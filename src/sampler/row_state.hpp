// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lldm/concepts/request.hpp"
#include "lldm/sampler/noise_source.hpp"
#include "lldm/sampler/parts.hpp"

namespace lldm {

/// One answer while it is written: its canvas and where in the blocks and steps it stands.
class RowState {
 public:
  /// `parts` and `request` must outlive the state.
  RowState(const SamplerParts& parts, const SampleRequest& request, std::int64_t slot, Trace trace);

  [[nodiscard]] bool is_done() const { return is_done_; }
  [[nodiscard]] std::int64_t slot() const { return slot_; }
  [[nodiscard]] const SampleRequest& request() const { return *request_; }
  [[nodiscard]] std::span<const std::int64_t> canvas() const { return canvas_; }
  [[nodiscard]] NoiseKey noise_key() const;
  /// How many candidates this step commits.
  [[nodiscard]] std::int64_t quota() const;
  /// Columns of the canvas that may be committed now, ascending; empty when the quota is 0.
  [[nodiscard]] std::vector<std::int64_t> candidate_columns() const;

  /// Counts the forward that sees the present canvas and keeps the canvas for the trace.
  void record_forward();
  void commit(std::int64_t column, std::int64_t token);
  /// Goes to the next step that needs the model, or finishes.
  void advance();
  /// The result; once, when done.
  [[nodiscard]] SampledText take_result();

 private:
  void start_block();
  void step_on();
  void skip_idle_steps();
  void finish();
  std::int64_t open_columns();  // of the whole answer
  std::span<std::int64_t> answer() { return std::span(canvas_).subspan(request_->prompt.size()); }
  [[nodiscard]] std::int64_t prompt_length() const {
    return static_cast<std::int64_t>(request_->prompt.size());
  }

  const SamplerParts* parts_;
  const SampleRequest* request_;
  std::int64_t slot_;
  Trace trace_;
  std::vector<std::int64_t> canvas_;
  std::int64_t block_ = 0;
  std::int64_t step_ = 0;         // within the block
  std::int64_t block_masks_ = 0;  // when the block was started
  bool is_done_ = false;
  std::int64_t forwards_ = 0;  // canvases the model has seen
  SampledText result_;
};

}  // namespace lldm
