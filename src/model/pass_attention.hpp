// SPDX-License-Identifier: MIT
// What attention holds of a pass, in bytes, on each kind of device: for pass_memory.cpp alone.
#pragma once

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "model/pass_memory.hpp"

namespace lldm {

class AttentionSizes {
 public:
  AttentionSizes() = default;
  /// `pack` as it goes through the model, filled up.
  AttentionSizes(const PassModel& model, Pack pack)
      : is_on_cpu_(model.is_on_cpu),
        is_by_operations_(model.is_by_operations),
        is_narrow_(model.precision.compute == at::kBFloat16 ||
                   model.precision.compute == at::kHalf),
        number_(static_cast<std::int64_t>(c10::elementSize(model.precision.rows()))),
        compute_(static_cast<std::int64_t>(c10::elementSize(model.precision.compute))),
        heads_(model.shape.heads),
        q_(model.shape.heads * model.shape.head_width),
        kv_(model.shape.kv_heads * model.shape.head_width),
        head_width_(model.shape.head_width),
        tokens_(pack.tokens) {
    if (model.has_patterns) masks_ = pack.masks, largest_mask_ = pack.largest_mask;
    texts_ = std::max<std::int64_t>(1, pack.texts);
    longest_ = static_cast<std::int64_t>(std::sqrt(static_cast<double>(pack.largest_mask)));
    runs_ = std::move(pack.runs);
  }

  /// What is kept of attention's sums: attention by operations makes them again, LibTorch's
  /// efficient one has every text's as long as the longest one's.
  [[nodiscard]] std::int64_t log_sums() const {
    if (is_masked()) return 0;
    if (is_on_cpu_) return rows(heads_);
    if (is_by_operations_ || has_masks()) return 0;
    if (is_narrow_) return rows(heads_);
    return number_ * heads_ * texts_ * ((longest_ + kSumStep - 1) / kSumStep * kSumStep);
  }
  /// Whether attention is LibTorch's, with a mask, on the CPU (attention_by_operations.cpp).
  [[nodiscard]] bool is_masked() const { return is_by_operations_ && is_on_cpu_; }
  [[nodiscard]] bool has_masks() const { return largest_mask_ > 0; }
  [[nodiscard]] std::int64_t masks() const { return masks_; }
  [[nodiscard]] std::int64_t largest_mask() const { return largest_mask_; }
  /// A GPU's attention in 16 bits reads a copy of a run's mask, made of a clamped one.
  [[nodiscard]] std::int64_t narrow_mask() const {
    return is_on_cpu_ || !is_narrow_ ? 0 : (number_ + 2) * largest_mask_;
  }
  /// The most that masked attention holds forward beside the projections: four products and the
  /// sums of two, and the rotated rows, of the queries, then of the keys; then, run by run, what
  /// was rotated, the outputs, and what a run reads beside; at the end all outputs as one.
  [[nodiscard]] std::int64_t masked_forward() const {
    std::int64_t most = rows(std::max(4 * q_, q_ + 4 * kv_)), before = 0;
    for (const std::int64_t run : runs_) {
      const std::int64_t beside = before * q_ + run * (repeated() + q_ + heads_);
      most = std::max(most, rows(q_ + kv_) + number_ * beside + scratch(false));
      before += run;
    }
    return runs_.size() > 1 ? std::max(most, rows(3 * q_ + kv_)) : most;
  }
  /// And backward, beside the gradient that comes in: the last run first, what forward made for it
  /// and those before it, what was summed up of those behind, and a run's gradients or the next
  /// summand; at the end the gradients of queries, keys and values become one of all.
  [[nodiscard]] std::int64_t masked_backward() const {
    const std::int64_t values = repeated() > 0 ? q_ : kv_, own = q_ + 2 * values;
    const std::int64_t made = (runs_.size() > 1 ? q_ : 0) + repeated() + heads_;
    std::int64_t most = rows(std::max(2 * q_ + kv_ + 2 * qkv(), 4 * q_ + 2 * kv_)), before = 0;
    for (std::size_t i = 0; i < runs_.size(); ++i) {
      const std::int64_t run = runs_[i];
      const std::int64_t sums = i + 1 < runs_.size() ? rows(q_ + 2 * kv_) : 0;
      const std::int64_t rotated = rows(q_ + kv_), slopes = number_ * run * own;
      const std::int64_t kernel =
          rotated + number_ * (before + run) * made + slopes + scratch(true);
      const std::int64_t summand =
          (i > 0 ? rotated : 0) + number_ * before * made + slopes + rows(std::max(q_, kv_));
      most = std::max(most, rows(q_) + sums + std::max(kernel, summand));
      before += run;
    }
    return most;
  }
  /// On a GPU beside the projections, their slopes and the gradient that comes in.  By operations
  /// (masks, parts that failed their trial) it may be flash attention, which holds less.
  [[nodiscard]] std::int64_t device_backward() const {
    if (is_on_cpu_) return 0;
    if (is_by_operations_ || has_masks()) return rows(5 * qkv() + 2 * q_) + narrow_mask();
    // Heads and their gradients by themselves; the sums of the queries' gradient, and grouped keys
    // with their gradients, where the kernels have them of every head (fused_attention.cpp).
    if (!is_narrow_) return rows(2 * qkv() + 2 * repeated() + heads_);
    // Of flash attention in a fixed order: the queries' gradient in as many parts as fill the card,
    // of texts that are filled up.
    const std::int64_t splits = (kMultiprocessors + texts_ * heads_ - 1) / (texts_ * heads_);
    return compute_ * tokens_ * (2 * qkv() + 2 * q_ + repeated()) + rows(heads_) +
           static_cast<std::int64_t>(sizeof(float)) * splits * q_ * (tokens_ + kFilled * texts_);
  }

 private:
  static constexpr std::int64_t kSumStep = 32, kFilled = 128, kMultiprocessors = 132;  // of an H100

  [[nodiscard]] std::int64_t rows(std::int64_t width) const { return number_ * tokens_ * width; }
  [[nodiscard]] std::int64_t qkv() const { return q_ + 2 * kv_; }
  /// Keys and values that are repeated for the queries' heads.
  [[nodiscard]] std::int64_t repeated() const { return kv_ == q_ ? 0 : 2 * q_; }
  /// What LibTorch's attention on the CPU computes in, each thread: a block of scores (backward:
  /// and of their slopes), of 32 to 256 queries by 512 keys.
  [[nodiscard]] std::int64_t scratch(bool is_backward) const {
    const auto length = static_cast<std::int64_t>(std::sqrt(static_cast<double>(largest_mask_)));
    const std::int64_t most = length >= 768 ? 256 : length >= 192 ? 64 : 32;
    const std::int64_t queries = std::min(most, length), keys = std::min<std::int64_t>(512, length);
    return number_ * at::get_num_threads() * queries *
           (is_backward ? 2 * keys + 1 : keys + 2 + head_width_);
  }

  bool is_on_cpu_ = true, is_by_operations_ = false, is_narrow_ = false;
  std::int64_t number_ = 0, compute_ = 0;  // bytes
  std::int64_t heads_ = 0, q_ = 0, kv_ = 0, head_width_ = 0;
  std::int64_t tokens_ = 0, masks_ = 0, largest_mask_ = 0, texts_ = 1, longest_ = 0;
  std::vector<std::int64_t> runs_;
};

}  // namespace lldm
