// SPDX-License-Identifier: MIT
// A pass's rows, in bytes: for pass_memory.cpp alone.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "model/pass_attention.hpp"
#include "model/pass_memory.hpp"
#include "model/products.hpp"

namespace lldm {

/// Sizes in numbers a token, and what is made of them.  D, F, q, qkv as in BlockSaved.
class RowSizes {
 public:
  RowSizes(const PassModel& model, Pack pack)
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
    ids_ = std::min(tokens_, shape_.logit_columns);
    if (pack.ids > 0) ids_ = std::min(ids_, pack.ids);
    attention_ = AttentionSizes(model, std::move(pack));
  }

  /// Numbers of all tokens, `width` each.
  [[nodiscard]] std::int64_t rows(std::int64_t width) const { return number_ * tokens_ * width; }
  /// Numbers of the ids among them, `width` each: at most as many as tokens, or as there are.
  [[nodiscard]] std::int64_t of_ids(std::int64_t width) const { return number_ * ids_ * width; }
  /// Of those that the last block gives: the queried ones, where they are fewer.
  [[nodiscard]] std::int64_t given(std::int64_t width) const {
    return number_ * (gives_queried() ? queries_ : tokens_) * width;
  }
  [[nodiscard]] bool gives_queried() const { return queries_ < tokens_; }
  [[nodiscard]] std::int64_t d() const { return shape_.width; }
  [[nodiscard]] std::int64_t f() const { return shape_.mlp_width; }
  [[nodiscard]] std::int64_t q() const { return shape_.heads * shape_.head_width; }
  [[nodiscard]] std::int64_t qkv() const { return q() + 2 * shape_.kv_heads * shape_.head_width; }
  /// Of the matrices that make these the largest one's rows.
  [[nodiscard]] std::int64_t qkv_part() const { return shape_.has_fused_qkv ? qkv() : q(); }
  /// Blocks that a gradient reaches: beside an adapter those from its lowest on.
  [[nodiscard]] std::int64_t graphed() const { return shape_.layers - shape_.adapter.first_block; }
  [[nodiscard]] std::int64_t count(bool is_last) const {
    return is_last && gives_queried() ? queries_ : tokens_;
  }
  [[nodiscard]] std::int64_t number() const { return number_; }
  [[nodiscard]] const AttentionSizes& attention() const { return attention_; }

 protected:
  const PassModel& model_;
  const ModelShape& shape_;
  std::int64_t number_, tokens_ = 0, queries_ = 0, ids_ = 0;
  AttentionSizes attention_;
};

}  // namespace lldm
