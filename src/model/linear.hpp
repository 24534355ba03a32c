// SPDX-License-Identifier: MIT
// The linear layers of a block over weights of any storage, with their low-rank updates.
#pragma once

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <array>
#include <utility>

#include "model/block.hpp"
#include "model/block_gradients.hpp"
#include "model/block_projections.hpp"
#include "model/device_products.hpp"
#include "model/wide_products.hpp"

namespace lldm {

// Of decoded weights: on the CPU a tile stays in the cache; elsewhere each is a row of launches.
// The planner counts with both.
inline constexpr std::int64_t kTileBytes = std::int64_t{4} << 20;
inline constexpr std::int64_t kDeviceTileBytes = std::int64_t{128} << 20;
/// Rows of a tile, of so many bytes each; wide products take multiples of 16.
constexpr std::int64_t rows_of_tile(std::int64_t row_bytes, bool is_on_cpu) {
  constexpr std::int64_t kGranule = 16;
  const std::int64_t rows = (is_on_cpu ? kTileBytes : kDeviceTileBytes) / row_bytes;
  return rows < kGranule ? std::max<std::int64_t>(1, rows) : rows / kGranule * kGranule;
}

/// One product of a block: the matrices that read the same rows, one below the other (out in all),
/// their biases and updates.  Rows are float32 or float64; with `compute` bfloat16 or float16 the
/// inputs of the base's products are rounded to it, and those of updates where such products give
/// float32: on a GPU (device_products.hpp), and of an even rank on a CPU (wide_products.hpp), where
/// of an update's own gradients rows are read in float32.
/// Quantized matrices are decoded a tile of rows at a time, just before the tile's product.
class Linear {
 public:
  /// Refers to all of it.  `places`: of its rows in the pack, or undefined: it has all of them.
  Linear(const BlockWeights& weights, const BlockAdapters& adapters, Product product,
         const BlockContext& context, at::Tensor places = {})
      : weights_(weights),
        adapters_(adapters),
        product_(product),
        context_(context),
        compute_(context.compute),
        is_on_device_(has_device_products(context.cosines.device(), compute_)),
        is_wide_(are_updates_wide()),
        places_(std::move(places)) {}

  /// residual + x W^T + bias + updates.  [N, in] -> [N, out]; `residual` may be undefined.
  [[nodiscard]] at::Tensor forward(const at::Tensor& x, const at::Tensor& residual = {}) const;
  /// The same, feature-major: [N, in] -> [out, N] of `columns()`.
  [[nodiscard]] at::Tensor forward_columns(const at::Tensor& x) const;
  /// dy W + what passes through the updates.  [N, out] -> [N, in]
  [[nodiscard]] at::Tensor input_gradient(const at::Tensor& dy) const;
  /// The same, feature-major: [N, out] -> [in, N] of `columns()`.
  [[nodiscard]] at::Tensor input_gradient_columns(const at::Tensor& dy) const;
  /// Those of weights, biases and updates that `result` wants.  x [N, in], dy [N, out].
  void gradients(const at::Tensor& x, const at::Tensor& dy, Gradients& result) const;

 private:
  [[nodiscard]] std::span<const Projection> parts() const {
    return std::span(kProjections).subspan(product_.begin, product_.end - product_.begin);
  }
  [[nodiscard]] const Matrix& weight(const Projection& part) const { return weights_.*part.weight; }
  [[nodiscard]] std::int64_t out() const;
  /// The bias of all parts [out], or undefined.
  [[nodiscard]] at::Tensor bias() const;
  /// Whether the memory of the weights can be multiplied as it is.
  [[nodiscard]] bool is_direct() const;
  /// The weights [out, in], where they can: without a copy if they lie behind one another.
  [[nodiscard]] at::Tensor joined() const;
  /// Rows of one part's weights, from its row `begin` and this product's row `place` on.
  struct Tile {
    std::size_t part;
    std::int64_t begin, place;
    at::Tensor values;
  };
  /// Calls use(tile) until all rows were seen.
  template <class Use>
  void each_tile(const Use& use) const;
  /// Calls use(index of the part, place of its first row, rows, update) for every part that has
  /// one.
  template <class Use>
  void each_update(const Use& use) const;
  /// The mask of an update's dropout for these rows; undefined: nothing is dropped.
  [[nodiscard]] at::Tensor mask(std::size_t part, const at::TensorOptions& options) const;
  /// Whether updates are added to the base's products by wide_product.
  [[nodiscard]] bool are_updates_wide() const;
  /// y = a b + update, or y += both, of a tile of the base.
  void multiply(const at::Tensor& y, const at::Tensor& a, const at::Tensor& b, bool adds,
                const WideUpdate& update) const;
  /// What products of updates read.
  [[nodiscard]] at::Tensor read(const at::Tensor& x) const {
    return is_on_device_ ? x.to(compute_) : x;
  }
  /// a b of them, thin, in float32.
  [[nodiscard]] at::Tensor thin(const at::Tensor& a, const at::Tensor& b) const;
  void add_thin(const at::Tensor& y, const at::Tensor& a, const at::Tensor& b, double scale) const;
  /// By part: x A^T [N, r], or undefined without an update.  `input`: read(x).
  using ByPart = std::array<at::Tensor, 3>;
  [[nodiscard]] ByPart lowered(const at::Tensor& x, const at::Tensor& input) const;
  /// Factors [N, r] of the updates that wide products add, scaled and rounded.
  [[nodiscard]] ByPart factors(const ByPart& low) const;
  /// What a tile's product takes with it: y += low B^T, and dx += low A.
  [[nodiscard]] WideUpdate update_of(const Tile& tile, const ByPart& low) const;
  [[nodiscard]] WideUpdate update_back(const Tile& tile, const ByPart& low) const;
  /// dy W alone, or with the updates that wide products add.
  [[nodiscard]] at::Tensor base_input_gradient(const at::Tensor& dy) const;
  /// y += scale (x A^T) B^T of every part, where y [N, out] may be of any memory.
  void add_updates(const at::Tensor& y, const at::Tensor& x, const at::Tensor& input) const;
  /// What products read of dy: made once, as all calls of a backward pass are given the same.
  [[nodiscard]] const at::Tensor& slopes(const at::Tensor& dy) const;
  /// dx += scale (dy B) A of every part.
  void add_input_gradients(const at::Tensor& dx, const at::Tensor& dy) const;
  /// dy B [N, r] of a part: asked for by both gradients, made once.
  const at::Tensor& raised(std::size_t part, const at::Tensor& dy) const;

  const BlockWeights& weights_;
  const BlockAdapters& adapters_;
  Product product_;
  const BlockContext& context_;
  at::ScalarType compute_;
  bool is_on_device_, is_wide_;
  at::Tensor places_;
  mutable at::Tensor slopes_ = {};
  mutable ByPart raised_ = {};
};

template <class Use>
void Linear::each_update(const Use& use) const {
  std::int64_t place = 0;
  for (std::size_t i = 0; i < parts().size(); ++i) {
    const std::int64_t rows = weight(parts()[i]).rows();
    if (const Lora& lora = adapters_.*parts()[i].lora; lora.a.defined()) use(i, place, rows, lora);
    place += rows;
  }
}

}  // namespace lldm
