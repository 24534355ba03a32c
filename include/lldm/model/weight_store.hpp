// SPDX-License-Identifier: MIT
// The base weights of a transformer's blocks, handed out one block at a time.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "lldm/model/matrix.hpp"

namespace lldm {

/// One block's weights; H heads and K key heads of width W, F inside SwiGLU.  What the family does
/// not have is undefined.  Plain q, k and v lie behind one another in memory, and so do ff_proj and
/// up_proj: each group is one matrix product.
struct BlockWeights {
  at::Tensor attn_norm;               // [D]
  Matrix q_proj, k_proj, v_proj;      // [H W, D], [K W, D] twice
  Matrix qkv_proj;                    // [(H + 2 K) W, D], instead of the three
  at::Tensor q_bias, k_bias, v_bias;  // [H W], [K W] twice
  at::Tensor q_norm, k_norm;          // [W]
  Matrix attn_out;                    // [D, H W]
  at::Tensor attn_out_bias;           // [D]
  at::Tensor ff_norm;                 // [D]
  Matrix ff_proj, up_proj;            // [F, D]: the gate (through SiLU) and its factor
  at::Tensor ff_bias, up_bias;        // [F]
  Matrix ff_out;                      // [D, F]
  at::Tensor ff_out_bias;             // [D]
};

/// Where blocks' weights come from.  A block's node keeps the store and the
/// block's number, never the weights: what a store holds resident is its own affair.
class WeightStore : public std::enable_shared_from_this<WeightStore> {
 public:
  virtual ~WeightStore() = default;
  /// A block's weights, there until the handle is gone.
  [[nodiscard]] virtual std::shared_ptr<const BlockWeights> acquire(std::size_t block) const = 0;
  /// The same where they lie for good, for whoever names, fills or saves them: there as long as the
  /// store.
  [[nodiscard]] virtual std::shared_ptr<const BlockWeights> stored(std::size_t block) const {
    return acquire(block);
  }
  [[nodiscard]] virtual std::size_t size() const = 0;
};

/// Everything in memory, in whatever storage.
class ResidentStore final : public WeightStore {
 public:
  void add(BlockWeights block) {
    blocks_.push_back(std::make_shared<const BlockWeights>(std::move(block)));
  }
  [[nodiscard]] std::shared_ptr<const BlockWeights> acquire(std::size_t block) const override {
    return blocks_.at(block);
  }
  [[nodiscard]] std::size_t size() const override { return blocks_.size(); }

 private:
  std::vector<std::shared_ptr<const BlockWeights>> blocks_;
};

}  // namespace lldm
