// SPDX-License-Identifier: MIT
// The toy table as a trainable Denoiser: hidden rows are the table's rows, the head is the
// identity.
#pragma once

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/gather.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/tensor.h>

#include <memory>
#include <vector>

#include "lldm/concepts/denoiser.hpp"
#include "lldm/laws/toy_table.hpp"

namespace lldm::laws {

class TableDenoiser {
 public:
  explicit TableDenoiser(ToyTable table, bool is_trainable = true) : table_(std::move(table)) {
    logits_ = at::tensor(table_.logits(), at::kDouble).view({table_.rows(), table_.vocabulary()});
    logits_.set_requires_grad(is_trainable);
  }

  [[nodiscard]] at::Tensor hidden(const PackedTokens& batch) const {
    const at::Tensor tokens = batch.tokens.contiguous();
    const std::int64_t* first = tokens.const_data_ptr<std::int64_t>();
    std::vector<std::int64_t> rows;
    for (std::size_t b = 0; b + 1 < batch.offsets.size(); ++b) {
      const std::span sequence(first + batch.offsets[b], first + batch.offsets[b + 1]);
      for (std::size_t i = 0; i < sequence.size(); ++i)
        rows.push_back(table_.row(sequence, static_cast<std::int64_t>(i)));
    }
    return logits_.index_select(0, at::tensor(rows, at::kLong));
  }
  [[nodiscard]] at::Tensor log_probabilities(const at::Tensor& rows,
                                             const at::Tensor& targets) const {
    return at::log_softmax(rows, -1).gather(1, targets.unsqueeze(1)).squeeze(1);
  }
  [[nodiscard]] at::Tensor logits(const at::Tensor& rows) const { return rows; }
  [[nodiscard]] std::vector<NamedParameter> parameters() const { return {{"table", logits_}}; }
  [[nodiscard]] std::int64_t vocabulary_size() const { return table_.vocabulary(); }

  [[nodiscard]] const ToyTable& table() const { return table_; }
  [[nodiscard]] at::Tensor weights() const { return logits_; }

 private:
  ToyTable table_;
  at::Tensor logits_;  // [rows, V] float64
};
static_assert(Denoiser<TableDenoiser>);

}  // namespace lldm::laws
