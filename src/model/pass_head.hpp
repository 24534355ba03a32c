// SPDX-License-Identifier: MIT
// What the head holds in a pass, in bytes: for pass_memory.cpp alone.
#pragma once

#include <algorithm>
#include <cstdint>

#include "model/head.hpp"
#include "model/pass_updates.hpp"

namespace lldm {

class HeadSizes : public UpdateSizes {
 public:
  using UpdateSizes::UpdateSizes;

  [[nodiscard]] bool is_head_plain() const {
    return model_.precision.storage == WeightStorage::plain && !is_narrow_on_device();
  }
  [[nodiscard]] std::int64_t queried_rows() const { return number_ * queries_ * d(); }
  /// Logits that exist at once.
  [[nodiscard]] std::int64_t logits() const { return number_ * head_rows() * head_columns(); }
  /// Kept of the head between its passes: the slope of a trained head, where it is one chunk; the
  /// rows' gradient of a frozen one.
  [[nodiscard]] std::int64_t kept_head() const {
    std::int64_t kept = queried_rows() + queries_ * (16 + 2 * number_);
    if (is_head_plain() && !model_.trains_weights) kept += queried_rows();
    if (is_head_plain() && model_.trains_weights && head_rows() == queries_) kept += logits();
    return kept;
  }
  /// Held while paths are drawn that the model walks itself (ScoreEngineCore::read_in_chunks).
  [[nodiscard]] std::int64_t walked_head() const {
    const bool is_cut = !is_head_plain() && head_columns() < shape_.logit_columns;
    const bool is_copied = is_cut || is_turned();
    return queried_rows() + number_ * read_rows() * shape_.logit_columns * (is_copied ? 2 : 1) +
           decoded_head();
  }
  /// Held while the head runs without a graph.
  [[nodiscard]] std::int64_t scored_head() const {
    if (!is_head_plain()) return head_forward();
    return queried_rows() + number_ * read_rows() * shape_.logit_columns *
                                (is_turned() || !model_.is_on_cpu ? 2 : 1);
  }
  /// Held while the head runs forward.  Of few rows oneDNN makes the transposed product first.
  [[nodiscard]] std::int64_t head_forward() const {
    if (!is_head_plain())
      return queried_rows() + 2 * logits() + decoded_head() + read_on_device(queries_, d());
    const bool are_few = head_rows() < kFewRows && takes_onednn(d(), head_columns());
    // Elsewhere than on the CPU the sum of exponentials is made of a copy.
    const std::int64_t products = are_few || !model_.is_on_cpu ? 2 : 1;
    const std::int64_t gradients =
        model_.trains_weights ? 0 : queried_rows() + number_ * head_rows() * d();
    return queried_rows() + std::max(products * logits(), logits() + gradients);
  }
  /// And backward, beside what was kept.
  [[nodiscard]] std::int64_t head_backward() const {
    if (!is_head_plain()) return queried_rows() + sliced_head_backward();
    if (!model_.trains_weights) return queried_rows();
    const std::int64_t slope = head_rows() == queries_ ? 0 : logits();
    // The scaled rows and the rows' gradient beside a chunk of it, or beside a slice of the
    // weight's and the columns that it is a product of.
    const std::int64_t of_rows = number_ * head_rows() * d();
    const std::int64_t slice = std::min(shape_.logit_columns, head_slice_rows(d() * number_));
    const std::int64_t copied = takes_onednn(head_rows(), d()) ? head_rows() : 0;
    const std::int64_t exponentials = model_.is_on_cpu ? 0 : slope;
    return 2 * queried_rows() + slope +
           std::max({of_rows, number_ * slice * (d() + copied), exponentials});
  }

 private:
  /// A slice of the head, and with a group's slopes what they give the rows or the slice's own
  /// gradient, of the columns that it is a product of; then that while it is added.  Beside later
  /// groups lies that of those before.
  [[nodiscard]] std::int64_t sliced_head_backward() const {
    const std::int64_t own = model_.trains_weights ? number_ * head_columns() * d() : 0;
    const auto group = [&](std::int64_t rows, std::int64_t earlier) {
      const std::int64_t slopes = number_ * rows * head_columns();
      const std::int64_t copied = own > 0 && takes_onednn(rows, d()) ? slopes : 0;
      return slopes + std::max(queried_rows(), own + copied) + earlier;
    };
    std::int64_t most = std::max(group(head_rows(), 0), own > 0 ? own + mixed(own) : 0);
    if (const std::int64_t rest = std::min(head_rows(), queries_ - head_rows()); rest > 0)
      most = std::max(most, group(rest, own));
    // Rows and slopes as products read them.
    return decoded_head() + most + read_on_device(queries_, d()) +
           read_on_device(head_rows(), head_columns());
  }
  /// Whether oneDNN makes logits twice, as of few rows.
  [[nodiscard]] bool is_turned() const {
    return queries_ < kFewRows && takes_onednn(d(), shape_.logit_columns);
  }
  /// Rows of logits at once over which no sum is made (next_head_rows).
  [[nodiscard]] std::int64_t read_rows() const {
    const std::int64_t chunk = head_chunk_rows(shape_.logit_columns, number_, false);
    return std::min(queries_, is_turned() ? chunk / 2 : chunk);
  }
  /// Rows of logits at once.
  [[nodiscard]] std::int64_t head_rows() const {
    if (!is_head_plain()) return std::min(queries_, sliced_head_rows(d()));
    if (model_.trains_weights && model_.head_rows > 0) return std::min(queries_, model_.head_rows);
    if (!model_.trains_weights) return read_rows();
    return std::min(queries_, head_chunk_rows(shape_.logit_columns, number_, true));
  }
  [[nodiscard]] std::int64_t head_columns() const {
    if (is_head_plain()) return shape_.logit_columns;
    const std::int64_t chunk = is_narrow_on_device() ? kDeviceHeadChunkBytes : kHeadChunkBytes;
    return std::min(shape_.logit_columns, sliced_head_columns(d(), number_, chunk));
  }
  [[nodiscard]] std::int64_t decoded_head() const {
    if (is_head_plain() || (is_narrow_on_device() && is_read_in_place())) return 0;
    return (is_narrow_on_device() ? compute_bytes() : number_) * head_columns() * d();
  }
};

}  // namespace lldm
