// SPDX-License-Identifier: MIT
// What an adapter's updates hold in a pass, in bytes: for pass_memory.cpp alone.
#pragma once

#include <algorithm>
#include <cstdint>

#include "model/pass_products.hpp"
#include "model/thin_products.hpp"

namespace lldm {

class UpdateSizes : public ProductSizes {
 public:
  using ProductSizes::ProductSizes;

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
};

}  // namespace lldm
