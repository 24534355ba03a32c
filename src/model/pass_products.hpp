// SPDX-License-Identifier: MIT
// What products of a pass hold beside rows, in bytes: for pass_memory.cpp alone.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "model/direct_gradients.hpp"
#include "model/linear.hpp"
#include "model/pass_rows.hpp"
#include "model/products.hpp"
#include "model/wide_products.hpp"

namespace lldm {

class ProductSizes : public RowSizes {
 public:
  using RowSizes::RowSizes;

  /// A product of columns: a weight's gradient, which is added where it lies, or a copy for it.
  [[nodiscard]] std::int64_t weight(std::int64_t values) const {
    return model_.trains_weights ? number_ * values : 0;
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
  /// Of the projections of wide products: a tile of weights, beside the rows as they are packed
  /// (workspace) and rounded.
  [[nodiscard]] std::int64_t read_projections() const {
    const std::int64_t tile = is_read_in_place() ? 0 : tile_rows(qkv_part(), d()) * d();
    return compute_bytes() * tile + rounded_rows();
  }
  [[nodiscard]] std::int64_t rounded_rows() const { return compute_bytes() * tokens_ * d(); }
  /// What these read of a gradient or of rows, where it outlives its product.
  [[nodiscard]] std::int64_t read_on_device(std::int64_t count, std::int64_t width) const {
    return is_narrow_on_device() ? compute_bytes() * count * width : 0;
  }
  /// A tile of decoded weights with what it is decoded through, and packed or widened; 0 where
  /// weights are read as they lie.
  [[nodiscard]] std::int64_t decoded() const { return decoded(std::max(q(), f())); }
  /// What the projections' tile takes beyond, where they are one matrix.
  [[nodiscard]] std::int64_t decoded_projections() const {
    return std::max<std::int64_t>(0, decoded(qkv_part()) - decoded());
  }
  [[nodiscard]] std::int64_t decoded(std::int64_t rows) const {
    if (!is_decoded()) return 0;
    const std::int64_t numbers = tile_rows(rows, d()) * d();
    const std::int64_t tile = is_read_in_place() ? 0 : numbers * compute_bytes();
    const bool are_wide = is_wide(d(), f()) && is_wide(f(), d()) && is_wide(d(), q()) &&
                          is_wide(q(), d()) && is_wide(d(), qkv());
    // Codes are decoded in float32 before they are rounded, and then packed.
    const bool are_codes = !can_be_trained(model_.precision.storage);
    if (are_wide) return tile + numbers * (are_codes ? number_ : compute_bytes());
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

 protected:
  [[nodiscard]] bool has_wide() const {
    return model_.precision.compute == at::kBFloat16 && model_.is_on_cpu && has_wide_products();
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
};

}  // namespace lldm
