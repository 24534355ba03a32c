// SPDX-License-Identifier: MIT
#include "row_state.hpp"

#include <algorithm>
#include <utility>

#include "lldm/sampler/commit.hpp"

namespace lldm {

RowState::RowState(const SamplerParts& parts, const SampleRequest& request, std::int64_t slot,
                   Trace trace)
    : parts_(&parts), request_(&request), slot_(slot), trace_(trace), canvas_(request.prompt) {
  result_.reveal_step.assign(static_cast<std::size_t>(parts.canvas.response_length), -1);
  start_block();
  skip_idle_steps();
}

NoiseKey RowState::noise_key() const {
  return {request_->row, request_->answer, block_ * parts_->steps_per_block + step_};
}

std::int64_t RowState::quota() const {
  return commit_quota(block_masks_, parts_->steps_per_block, step_);
}

std::vector<std::int64_t> RowState::candidate_columns() const {
  std::vector<std::int64_t> out;
  if (quota() == 0) return out;
  const Canvas& canvas = parts_->canvas;
  const std::int64_t first =
      parts_->keeps_open_masks ? 0 : prompt_length() + canvas.block_begin(block_);
  const std::int64_t last = prompt_length() + canvas.block_end(block_);
  for (std::int64_t column = first; column < last; ++column)
    if (canvas_[static_cast<std::size_t>(column)] == parts_->mask) out.push_back(column);
  return out;
}

void RowState::commit(std::int64_t column, std::int64_t token) {
  canvas_[static_cast<std::size_t>(column)] = token;
  // A mask of the prompt (compat = "llada") is no token of the answer.
  if (column >= prompt_length())
    result_.reveal_step[static_cast<std::size_t>(column - prompt_length())] = forwards_ - 1;
}

void RowState::record_forward() {
  ++forwards_;
  result_.num_forwards += parts_->guidance.is_on() ? 2 : 1;
  if (trace_ == Trace::canvases) result_.trace.push_back(canvas_);
}

void RowState::start_block() {
  const Canvas& layout = parts_->canvas;
  canvas_.resize(request_->prompt.size() + static_cast<std::size_t>(layout.columns_at(block_)),
                 parts_->mask);
  const auto block = answer().subspan(static_cast<std::size_t>(layout.block_begin(block_)),
                                      static_cast<std::size_t>(layout.block_length));
  block_masks_ = std::ranges::count(block, parts_->mask);
  step_ = 0;
}

void RowState::step_on() {
  if (++step_ < parts_->steps_per_block) return;
  if (++block_ < parts_->canvas.num_blocks())
    start_block();
  else
    is_done_ = true;
}

void RowState::skip_idle_steps() {
  while (!is_done_ && !parts_->runs_idle_steps && quota() == 0) step_on();
}

std::int64_t RowState::open_columns() {
  const auto missing = parts_->canvas.response_length - static_cast<std::int64_t>(answer().size());
  return missing + std::ranges::count(answer(), parts_->mask);
}

void RowState::advance() {
  const std::int64_t open = open_columns();
  if (parts_->stop.finish(answer(), parts_->mask)) {
    result_.is_stopped_early = open > 0;
    is_done_ = true;
  } else {
    step_on();
    skip_idle_steps();
  }
  if (is_done_) finish();
}

void RowState::finish() {
  const auto wanted =
      request_->prompt.size() + static_cast<std::size_t>(parts_->canvas.response_length);
  // Only an early stop can leave a growing canvas short: what is missing is its tail.
  canvas_.resize(wanted, parts_->stop.end_of_text);
  if (trace_ == Trace::canvases) result_.trace.push_back(canvas_);
  result_.tokens.assign(answer().begin(), answer().end());
  std::ranges::replace(result_.reveal_step, std::int64_t{-1}, forwards_);
  result_.masks_left = std::ranges::count(result_.tokens, parts_->mask);
}

SampledText RowState::take_result() { return std::move(result_); }

}  // namespace lldm
