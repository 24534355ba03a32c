// SPDX-License-Identifier: MIT
// What the parts of a pass hold each, in bytes: the vocabulary of pass_memory.cpp alone.
#pragma once

#include <algorithm>
#include <cstdint>

#include "model/head.hpp"
#include "model/linear.hpp"
#include "model/pass_memory.hpp"
#include "model/products.hpp"
#include "model/thin_products.hpp"
#include "model/wide_products.hpp"

namespace lldm {

/// Sizes in numbers a token, and what is made of them.  D, F, q, qkv as in BlockSaved.
class PassSizes {
 public:
  PassSizes(const PassModel& model, Pack pack)
      : model_(model),
        shape_(model.shape),
        number_(static_cast<std::int64_t>(c10::elementSize(model.precision.rows()))) {
    if (model.is_on_cpu && model.precision.rows() == at::kFloat) {
      pack.tokens = filled_up(pack.tokens);
      pack.queries = filled_up(pack.queries);
    }
    tokens_ = pack.tokens, queries_ = pack.queries, masks_ = is_masked() ? pack.masks : 0;
    largest_mask_ = is_masked() ? pack.largest_mask : 0;
  }

  /// Numbers of all tokens, `width` each.
  [[nodiscard]] std::int64_t rows(std::int64_t width) const { return number_ * tokens_ * width; }
  /// Of those that the last block gives: the queried ones, where they are fewer.
  [[nodiscard]] std::int64_t given(std::int64_t width) const {
    return number_ * (gives_queried() ? queries_ : tokens_) * width;
  }
  [[nodiscard]] bool gives_queried() const { return queries_ < tokens_; }
  [[nodiscard]] std::int64_t d() const { return shape_.width; }
  [[nodiscard]] std::int64_t f() const { return shape_.mlp_width; }
  [[nodiscard]] std::int64_t q() const { return shape_.heads * shape_.head_width; }
  [[nodiscard]] std::int64_t qkv() const { return q() + 2 * shape_.kv_heads * shape_.head_width; }
  /// A product of columns: a weight's gradient, which is added where it lies, or a copy for it.
  [[nodiscard]] std::int64_t weight(std::int64_t values) const {
    return model_.trains_weights ? number_ * values : 0;
  }

  /// BlockSaved::list, as it is when forward ends; of the last block those behind attention have
  /// the given rows alone.
  [[nodiscard]] std::int64_t whole_block(bool is_last) const {
    const std::int64_t behind = d() + 2 * f() + 1;
    return rows(d() + 1 + qkv() + q() + log_sums()) + (is_last ? given(behind) : rows(behind)) +
           (shape_.has_heads_norm ? rows(shape_.heads + shape_.kv_heads) : 0);
  }
  /// What norms of heads add to attention: their scales and the normalised projections.
  [[nodiscard]] std::int64_t heads_norm() const {
    return shape_.has_heads_norm ? rows(shape_.heads + shape_.kv_heads + qkv()) : 0;
  }
  /// Of a token's attention: attention by operations makes them again.
  [[nodiscard]] std::int64_t log_sums() const { return is_masked() ? 0 : shape_.heads; }
  /// Whether attention is LibTorch's, with a mask, on the CPU (attention_by_operations.cpp).
  [[nodiscard]] bool is_masked() const { return model_.is_by_operations && model_.is_on_cpu; }
  /// While the last mask is made: the rows, all masks, and beside a mask what it is filled from and
  /// two of truth values.
  [[nodiscard]] std::int64_t making_masks() const {
    return rows(d()) + beside() + (number_ + 2) * largest_mask_;
  }
  /// Keys of a token, or its values.
  [[nodiscard]] std::int64_t kv() const { return (qkv() - q()) / 2; }
  /// Keys and values that are repeated for the queries' heads.
  [[nodiscard]] std::int64_t repeated() const { return kv() == q() ? 0 : 2 * q(); }
  /// The most that masked attention holds forward beside the projections: four products and the
  /// sums of two, and the rotated rows, of the queries, then of the keys; at the end what it read
  /// and gives.
  [[nodiscard]] std::int64_t masked_attention() const {
    return rows(std::max({4 * q(), q() + 4 * kv(), q() + kv() + repeated() + q() + shape_.heads}));
  }
  /// And backward, beside the gradient that comes in: what forward made, and three gradients; or
  /// the last ones, while those of queries, keys and values become one of all.
  [[nodiscard]] std::int64_t masked_attention_backward() const {
    const std::int64_t values = repeated() > 0 ? q() : kv();
    const std::int64_t kernel = q() + kv() + repeated() + q() + shape_.heads + q() + 2 * values;
    return rows(std::max(kernel, 2 * q() + kv() + 2 * qkv()));
  }
  /// The same after drop().
  [[nodiscard]] std::int64_t kept_block(bool is_last) const {
    switch (model_.recomputation) {
      case Recomputation::none:
      case Recomputation::automatic:
        return whole_block(is_last);
      case Recomputation::selective:
        return rows(d() + q() + log_sums()) + (is_last ? given(d()) : rows(d()));
      case Recomputation::full:
        return rows(d());
      case Recomputation::offload:
        return 0;
    }
    return whole_block(is_last);
  }
  /// Of the inputs of `blocks` blocks, those that are on their way between device and host: `most`.
  [[nodiscard]] std::int64_t under_way(std::int64_t most, std::int64_t blocks) const {
    return is_offloaded() ? std::min(most, blocks) * rows(d()) : 0;
  }
  /// What the host holds of them, where its memory is the device's.
  [[nodiscard]] std::int64_t on_host(std::int64_t blocks) const {
    return is_offloaded() && model_.is_on_cpu ? blocks * rows(d()) : 0;
  }
  [[nodiscard]] bool is_offloaded() const { return model_.recomputation == Recomputation::offload; }
  /// Of all blocks.
  [[nodiscard]] std::int64_t kept_blocks() const {
    return (shape_.layers - 1) * kept_block(false) + kept_block(true);
  }
  /// Of those before the last.
  [[nodiscard]] std::int64_t kept_before() const { return kept_blocks() - kept_block(true); }
  /// The last block's rows, the final norm's scale, the ids, and the masks.
  [[nodiscard]] std::int64_t kept_around() const { return given(d() + 1) + beside(); }
  [[nodiscard]] std::int64_t beside() const {
    return 8 * tokens_ + 8 * queries_ + number_ * masks_;
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
  /// Held while the head runs forward.  Of few rows oneDNN makes the transposed product first.
  [[nodiscard]] std::int64_t head_forward() const {
    if (!is_head_plain()) return queried_rows() + 2 * logits() + decoded_head();
    constexpr std::int64_t kFewRows = 128;
    const std::int64_t products = head_rows() < kFewRows ? 2 : 1;
    const std::int64_t gradients =
        model_.trains_weights ? 0 : queried_rows() + number_ * head_rows() * d();
    return queried_rows() + std::max(products * logits(), logits() + gradients);
  }
  /// And backward, beside what was kept.
  [[nodiscard]] std::int64_t head_backward() const {
    if (!is_head_plain())
      return queried_rows() + 2 * logits() + (model_.trains_weights ? 2 : 1) * decoded_head();
    if (!model_.trains_weights) return queried_rows();
    const std::int64_t slope = head_rows() == queries_ ? 0 : logits();
    // The scaled rows and the rows' gradient beside a chunk of it, or beside a slice of the
    // weight's and the columns that it is a product of.
    const std::int64_t of_rows = number_ * head_rows() * d();
    const std::int64_t slice = std::min(shape_.logit_columns, head_slice_rows(d() * number_));
    return 2 * queried_rows() + slope + std::max(of_rows, number_ * slice * (d() + head_rows()));
  }

  /// Whether products read bfloat16 and sum in float32.
  [[nodiscard]] bool is_wide() const {
    return rounds() && model_.precision.compute == at::kBFloat16 && model_.is_on_cpu &&
           has_wide_products();
  }
  /// Whether they read 16 bits through copies in float32 (products.hpp): float16, and bfloat16 on a
  /// processor without its instructions.
  [[nodiscard]] bool is_widened() const { return rounds() && model_.is_on_cpu && !is_wide(); }
  /// A tile of decoded weights with what it is decoded through, and packed; 0 where weights are
  /// read as they lie.
  [[nodiscard]] std::int64_t decoded() const {
    if (model_.precision.storage == WeightStorage::plain && !rounds()) return 0;
    const std::int64_t most = model_.is_on_cpu ? kTileBytes : kDeviceTileBytes;
    const auto size = static_cast<std::int64_t>(c10::elementSize(model_.precision.compute));
    const std::int64_t largest = size * std::max(q(), f()) * d();  // of a part
    const bool is_read_in_place = model_.precision.storage == WeightStorage::bfloat16 &&
                                  model_.precision.compute == at::kBFloat16;
    const std::int64_t tile = is_read_in_place ? 0 : std::min(most, largest);
    if (is_widened()) return 3 * tile;
    return tile + (!is_wide() ? 0 : is_read_in_place ? largest : tile);
  }
  /// Beside a product of `count` tokens whose weights are decoded: its inputs, rounded, and what a
  /// tile gives, where that has no place yet.
  [[nodiscard]] std::int64_t decoded_product(std::int64_t count, std::int64_t in,
                                             std::int64_t out) const {
    if (model_.precision.storage == WeightStorage::plain && !rounds()) return 0;
    const auto size = static_cast<std::int64_t>(c10::elementSize(model_.precision.compute));
    if (is_wide()) return count * size * in;
    if (is_widened()) {  // inputs in both types
      const std::int64_t rows = decoded() == 0 ? out : std::min(out, decoded() / (3 * size * in));
      return count * (6 * in + 4 * rows);
    }
    const std::int64_t at_once = decoded() == 0 ? out : std::min(out, decoded() / (size * in));
    return count * size * (at_once + (size == number_ ? 0 : in));
  }
  /// Beside the gradient of a weight [out, in] of `count` tokens, with it: rounded and packed
  /// copies of what it is a product of; `is_turned`: its slopes lie as the product reads them.
  [[nodiscard]] std::int64_t wide_gradient(std::int64_t count, std::int64_t out, std::int64_t in,
                                           bool is_turned) const {
    const std::int64_t rounding = (is_turned ? 2 : 6) * out + 2 * in;
    return std::max(count * rounding, weight(out * in) + count * (2 * out + 4 * in));
  }
  /// The same through copies in float32.
  [[nodiscard]] std::int64_t widened_gradient(std::int64_t count, std::int64_t out,
                                              std::int64_t in) const {
    return weight(out * in) + 6 * count * (out + in);
  }
  [[nodiscard]] bool has_dropout() const { return model_.has_dropout; }
  [[nodiscard]] std::int64_t rank() const { return model_.adapter_rank; }
  /// Numbers a token of x A^T of `parts` updates that are made together (thin_products.hpp): whole
  /// vectors on the CPU.
  [[nodiscard]] std::int64_t low(std::int64_t parts) const {
    const std::int64_t width = parts * rank();
    const bool is_thin = model_.is_on_cpu && number_ == 4 && width <= kThinSide;
    return is_thin ? (width + 15) / 16 * 16 : width;
  }
  [[nodiscard]] std::int64_t count(bool is_last) const {
    return is_last && gives_queried() ? queries_ : tokens_;
  }
  [[nodiscard]] std::int64_t number() const { return number_; }
  [[nodiscard]] std::int64_t adapter_gradients() const {
    return number_ * model_.adapter_values / std::max<std::int64_t>(1, shape_.layers);
  }

 private:
  /// Inputs of products to 16 bits, between float32 rows.
  [[nodiscard]] bool rounds() const {
    return model_.precision.compute == at::kBFloat16 || model_.precision.compute == at::kHalf;
  }
  [[nodiscard]] bool is_head_plain() const {
    return model_.precision.storage == WeightStorage::plain;
  }
  /// Rows of logits at once: all, where the head is decoded by slices of its columns.
  [[nodiscard]] std::int64_t head_rows() const {
    if (!is_head_plain()) return queries_;
    return std::min(queries_,
                    head_chunk_rows(shape_.logit_columns, number_, model_.trains_weights));
  }
  [[nodiscard]] std::int64_t head_columns() const {
    if (is_head_plain()) return shape_.logit_columns;
    return std::min(
        shape_.logit_columns,
        std::max<std::int64_t>(1, kHeadChunkBytes / (std::max(shape_.width, queries_) * number_)));
  }
  [[nodiscard]] std::int64_t decoded_head() const {
    return is_head_plain() ? 0 : number_ * head_columns() * d();
  }

  const PassModel& model_;
  const ModelShape& shape_;
  std::int64_t number_, tokens_ = 0, queries_ = 0, masks_ = 0, largest_mask_ = 0;
};

}  // namespace lldm
