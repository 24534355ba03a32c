// SPDX-License-Identifier: MIT
// What the parts of a pass hold each, in bytes: the vocabulary of pass_memory.cpp alone.
#pragma once

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "model/direct_gradients.hpp"
#include "model/head.hpp"
#include "model/linear.hpp"
#include "model/pass_attention.hpp"
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
      // Tokens that fill it up are texts of their own.
      if (filled_up(pack.tokens) > pack.tokens)
        pack.runs.push_back(filled_up(pack.tokens) - pack.tokens);
      pack.tokens = filled_up(pack.tokens);
      pack.queries = filled_up(pack.queries);
    }
    tokens_ = pack.tokens, queries_ = pack.queries;
    attention_ = AttentionSizes(model, std::move(pack));
  }

  /// Numbers of all tokens, `width` each.
  [[nodiscard]] std::int64_t rows(std::int64_t width) const { return number_ * tokens_ * width; }
  /// Numbers of the ids among them, `width` each: as many as tokens, or as there are.
  [[nodiscard]] std::int64_t of_ids(std::int64_t width) const {
    return number_ * std::min(tokens_, shape_.logit_columns) * width;
  }
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
    return rows(d() + 1 + qkv() + q()) + attention_.log_sums() +
           (is_last ? given(behind) : rows(behind)) +
           (shape_.has_heads_norm ? rows(shape_.heads + shape_.kv_heads) : 0);
  }
  /// What norms of heads add to attention: their scales and the normalised projections.
  [[nodiscard]] std::int64_t heads_norm() const {
    return shape_.has_heads_norm ? rows(shape_.heads + shape_.kv_heads + qkv()) : 0;
  }
  [[nodiscard]] const AttentionSizes& attention() const { return attention_; }
  /// While the last mask is made: the rows, all masks, and beside a mask what it is filled from and
  /// two of truth values.
  [[nodiscard]] std::int64_t making_masks() const {
    return rows(d()) + beside() + (number_ + 2) * attention_.largest_mask();
  }
  /// The same after drop().
  [[nodiscard]] std::int64_t kept_block(bool is_last) const {
    switch (model_.recomputation) {
      case Recomputation::none:
      case Recomputation::automatic:
        return whole_block(is_last);
      case Recomputation::selective:
        return rows(d() + q()) + attention_.log_sums() + (is_last ? given(d()) : rows(d()));
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
    // Where attention is LibTorch's, rotation is looked up for every token.
    return 8 * tokens_ + 8 * queries_ + number_ * attention_.masks() +
           (attention_.is_masked() ? rows(shape_.head_width) : 0);
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
    const bool is_copied = !is_head_plain() || is_turned();
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

  /// Whether a product [., inner] [inner, columns] reads bfloat16 and sums in float32.
  [[nodiscard]] bool is_wide(std::int64_t inner, std::int64_t columns) const {
    return has_wide() && inner % 2 == 0 && columns % 16 == 0;
  }
  /// Whether it reads 16 bits through copies in float32 (products.hpp): float16, and bfloat16 on a
  /// processor without its instructions or of other sides.
  [[nodiscard]] bool is_widened(std::int64_t inner, std::int64_t columns) const {
    return rounds() && model_.is_on_cpu && !is_wide(inner, columns);
  }
  /// Whether products read 16 bits on a GPU and give float32 (device_products.hpp).
  [[nodiscard]] bool is_narrow_on_device() const {
    return rounds() && !model_.is_on_cpu && model_.has_device_products;
  }
  [[nodiscard]] bool is_head_plain() const {
    return model_.precision.storage == WeightStorage::plain && !is_narrow_on_device();
  }
  /// Of the projections of wide products: a tile of weights, beside the rows as they are packed
  /// (workspace) and rounded.
  [[nodiscard]] std::int64_t read_projections() const {
    const std::int64_t tile = is_read_in_place() ? 0 : tile_rows(q(), d()) * d();
    return compute_bytes() * tile + rounded_rows();
  }
  [[nodiscard]] std::int64_t rounded_rows() const { return compute_bytes() * tokens_ * d(); }
  /// What these read of a gradient or of rows, where it outlives its product.
  [[nodiscard]] std::int64_t read_on_device(std::int64_t count, std::int64_t width) const {
    return is_narrow_on_device() ? compute_bytes() * count * width : 0;
  }
  /// A tile of decoded weights with what it is decoded through, and packed or widened; 0 where
  /// weights are read as they lie.
  [[nodiscard]] std::int64_t decoded() const {
    if (!is_decoded()) return 0;
    const std::int64_t rows = std::max(q(), f()), numbers = tile_rows(rows, d()) * d();
    const std::int64_t tile = is_read_in_place() ? 0 : numbers * compute_bytes();
    const bool are_wide = is_wide(d(), f()) && is_wide(f(), d()) && is_wide(d(), q()) &&
                          is_wide(q(), d()) && is_wide(d(), qkv());
    if (are_wide) return tile + numbers * compute_bytes();
    return tile + (rounds() && model_.is_on_cpu ? numbers * number_ : 0);
  }
  /// Of `count` rows of `in` numbers that a product with `out` columns reads through copies in
  /// float32: those (workspace).
  [[nodiscard]] std::int64_t widened(std::int64_t count, std::int64_t in, std::int64_t out) const {
    return is_widened(in, out) ? number_ * count * in : 0;
  }
  /// Beside a product of `count` tokens whose weights are decoded: its inputs, rounded, and what a
  /// tile gives, where that has no place yet.
  [[nodiscard]] std::int64_t decoded_product(std::int64_t count, std::int64_t in,
                                             std::int64_t out) const {
    if (!is_decoded()) return 0;
    const std::int64_t size = compute_bytes(), rounded = size == number_ ? 0 : size * in;
    if (is_wide(in, out) || is_narrow_on_device()) return count * rounded;
    const std::int64_t at_once = tile_rows(out, in);
    if (is_widened(in, out)) return count * (rounded + number_ * at_once);
    return count * (rounded + size * at_once);
  }
  /// Beside the gradient of an input [count, in] through decoded weights of `out` rows, parts of at
  /// most `part`: the slopes, rounded, those of a tile by themselves, and what it gives.
  [[nodiscard]] std::int64_t decoded_gradient(std::int64_t count, std::int64_t out,
                                              std::int64_t part, std::int64_t in) const {
    if (!is_decoded()) return 0;
    const std::int64_t size = compute_bytes(), rounded = size == number_ ? 0 : size * out;
    if (is_wide(part, in) || is_narrow_on_device()) return count * rounded;
    const std::int64_t tile = tile_rows(part, in);
    if (is_widened(part, in)) return count * (rounded + number_ * in);
    // oneDNN reads dense rows.
    const std::int64_t own = tile < out && takes_onednn(tile, in) ? tile : 0;
    return count * (rounded + size * (in + own));
  }
  /// Whether a product of a weight with these sides is oneDNN's.
  [[nodiscard]] bool takes_onednn(std::int64_t inner, std::int64_t outer) const {
    constexpr std::int64_t kLeastSide = 16, kLeastValues = 4096;
    return model_.is_on_cpu && number_ == 4 && product_library() == ProductLibrary::onednn &&
           std::min(inner, outer) >= kLeastSide && inner * outer >= kLeastValues;
  }
  /// Beside the slopes of a tile that decoded_gradient reads: their copies in float32.
  [[nodiscard]] std::int64_t widened_slopes(std::int64_t count, std::int64_t part,
                                            std::int64_t in) const {
    return is_decoded() ? widened(count, tile_rows(part, in), in) : 0;
  }
  /// What a weight's gradient takes at one of its moments: the sum on its way (gradients), and what
  /// that is a product of (workspace).
  struct WeightGradient {
    std::int64_t gradients = 0, workspace = 0;
  };
  /// Of a weight [out, in], whose parts of at most `part` rows are added one after the other, and
  /// `count` tokens; `is_turned`: its slopes lie as they are read.  Where
  /// products read 16 bits: rounded and packed or widened copies.
  [[nodiscard]] std::vector<WeightGradient> weight_gradient(std::int64_t count, std::int64_t out,
                                                            std::int64_t part, std::int64_t in,
                                                            bool is_turned) const {
    const std::int64_t own = weight(out * in);
    const WeightGradient added{own + mixed(weight(part * in)), 0};
    // A product of columns, which oneDNN has copied first.
    const bool is_read_widened = is_widened(count, in);
    if (!rounds() || !model_.is_on_cpu)
      return {{own + (!is_turned && takes_onednn(count, in) ? weight(count * out) : 0), 0}, added};
    const std::int64_t turned = count * (is_turned ? 2 : 6) * out;
    if (is_read_widened) return {{0, turned}, {own, count * 6 * (out + in)}, added};
    return {{0, turned + count * 2 * in}, {own, count * (2 * out + 4 * in)}, added};
  }
  /// Beside a gradient of so many bytes while it is added to a sum in bfloat16.
  [[nodiscard]] std::int64_t mixed(std::int64_t bytes) const {
    const bool is_mixed =
        model_.trains_weights && model_.precision.storage == WeightStorage::bfloat16;
    return is_mixed ? 2 * std::min(bytes, kMixedSumBytes) : 0;
  }
  /// Of an update's inputs of `in` numbers: the mask and what it leaves; of a last block that gives
  /// few rows, before that the mask of all rows beside those of the given ones.
  [[nodiscard]] std::int64_t dropped(const ProductUpdates& of, std::int64_t in,
                                     bool is_last) const {
    if (!model_.has_dropout || of.count == 0) return 0;
    const std::int64_t own = number_ * count(is_last) * in;
    return own + (is_last && gives_queried() ? std::max(own, rows(in)) : own);
  }
  [[nodiscard]] const AdapterShape& adapter() const { return shape_.adapter; }
  [[nodiscard]] std::int64_t rank() const { return shape_.adapter.rank; }
  /// Beside the gradients of a product's updates, one after the other: what both sides read,
  /// scaled, and of the first one's the copy of whole vectors.
  [[nodiscard]] std::int64_t scaled(const ProductUpdates& of) const {
    if (of.count == 0) return 0;
    return 2 * rank() + (low(1) > rank() ? low(1) : 0);
  }
  /// Numbers a token of x A^T of a product's updates: made together, unless each drops others.
  [[nodiscard]] std::int64_t lows(const ProductUpdates& of) const {
    return model_.has_dropout ? ups(of) : low(of.count);
  }
  /// Of dy B, of each by itself.
  [[nodiscard]] std::int64_t ups(const ProductUpdates& of) const { return of.count * low(1); }
  /// Beside a base product of `count` tokens that takes its updates with it (Linear::factors):
  /// x A^T or dy B, then scaled and rounded, and what they are multiplied by.
  [[nodiscard]] std::int64_t merged(const ProductUpdates& of, std::int64_t count) const {
    if (!has_wide() || of.count == 0 || rank() % 2 != 0) return 0;
    const std::int64_t factors = compute_bytes() * of.count * rank() + number_ * rank();
    return count * (number_ * ups(of) + factors) + 2 * compute_bytes() * rank() * f();
  }
  /// decoded_product with them: a product that is none of bfloat16 comes behind its factors.
  [[nodiscard]] std::int64_t adapted_product(const ProductUpdates& of, std::int64_t count,
                                             std::int64_t in, std::int64_t out) const {
    const std::int64_t base = decoded_product(count, in, out), own = merged(of, count);
    if (own == 0 || is_wide(in, out)) return base + own;
    return std::max(base, compute_bytes() * count * in + own);
  }
  /// decoded_gradient likewise.
  [[nodiscard]] std::int64_t adapted_gradient(const ProductUpdates& of, std::int64_t count,
                                              std::int64_t out, std::int64_t part,
                                              std::int64_t in) const {
    const std::int64_t base = decoded_gradient(count, out, part, in), own = merged(of, count);
    if (own == 0 || is_wide(part, in)) return base + own;
    return std::max(base, compute_bytes() * count * out + own);
  }
  /// Of the gradients of a product's updates, which are added where they lie one after the other.
  [[nodiscard]] std::int64_t update_gradient(const ProductUpdates& of) const {
    return number_ * low(1) * of.sides;
  }
  /// Of updates that are made together (thin_products.hpp): whole vectors on the CPU.
  [[nodiscard]] std::int64_t low(std::int64_t count) const {
    const std::int64_t width = count * rank();
    const bool is_thin = model_.is_on_cpu && number_ == 4 && width <= kThinSide;
    return is_thin ? (width + 15) / 16 * 16 : width;
  }
  [[nodiscard]] std::int64_t count(bool is_last) const {
    return is_last && gives_queried() ? queries_ : tokens_;
  }
  [[nodiscard]] std::int64_t number() const { return number_; }

 private:
  [[nodiscard]] bool has_wide() const {
    return model_.precision.compute == at::kBFloat16 && model_.is_on_cpu && has_wide_products();
  }
  /// A slice of the head and its slopes; beside them what they give the rows, or the slice's own
  /// gradient and the columns that it is a product of.
  [[nodiscard]] std::int64_t sliced_head_backward() const {
    std::int64_t beside = queried_rows();
    const std::int64_t own = number_ * head_columns() * d();  // of a slice's gradient
    if (model_.trains_weights)
      beside =
          std::max(beside, own + std::max(takes_onednn(queries_, d()) ? logits() : 0, mixed(own)));
    // Rows and slopes as products read them.
    return decoded_head() + logits() + beside + read_on_device(queries_, d() + head_columns());
  }
  [[nodiscard]] bool is_decoded() const {
    return model_.precision.storage != WeightStorage::plain || rounds();
  }
  [[nodiscard]] std::int64_t compute_bytes() const {
    return static_cast<std::int64_t>(c10::elementSize(model_.precision.compute));
  }
  [[nodiscard]] bool is_read_in_place() const {
    return model_.precision.storage == WeightStorage::bfloat16 &&
           model_.precision.compute == at::kBFloat16;
  }
  /// Of a matrix [rows, columns] those of a tile.
  [[nodiscard]] std::int64_t tile_rows(std::int64_t rows, std::int64_t columns) const {
    if (is_read_in_place() && (!model_.is_on_cpu || has_wide())) return rows;
    return std::min(rows, rows_of_tile(compute_bytes() * columns, model_.is_on_cpu));
  }
  /// Inputs of products to 16 bits, between float32 rows.
  [[nodiscard]] bool rounds() const {
    return model_.precision.compute == at::kBFloat16 || model_.precision.compute == at::kHalf;
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
  /// Rows of logits at once: all, where the head is decoded by slices of its columns.
  [[nodiscard]] std::int64_t head_rows() const {
    if (!is_head_plain()) return queries_;
    if (model_.trains_weights && model_.head_rows > 0) return std::min(queries_, model_.head_rows);
    if (!model_.trains_weights) return read_rows();
    return std::min(queries_, head_chunk_rows(shape_.logit_columns, number_, true));
  }
  [[nodiscard]] std::int64_t head_columns() const {
    if (is_head_plain()) return shape_.logit_columns;
    const std::int64_t chunk = is_narrow_on_device() ? kDeviceHeadChunkBytes : kHeadChunkBytes;
    return std::min(shape_.logit_columns,
                    std::max<std::int64_t>(1, chunk / ((shape_.width + queries_) * number_)));
  }
  [[nodiscard]] std::int64_t decoded_head() const {
    if (is_head_plain() || (is_narrow_on_device() && is_read_in_place())) return 0;
    return (is_narrow_on_device() ? compute_bytes() : number_) * head_columns() * d();
  }

  const PassModel& model_;
  const ModelShape& shape_;
  std::int64_t number_, tokens_ = 0, queries_ = 0;
  AttentionSizes attention_;
};

}  // namespace lldm
