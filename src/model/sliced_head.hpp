// SPDX-License-Identifier: MIT
// A head that is decoded, or rounded, a slice of its rows at a time.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/custom_class.h>

#include <cstdint>
#include <limits>

#include "lldm/model/matrix.hpp"
#include "model/device_products.hpp"
#include "model/head_chunks.hpp"
#include "model/products.hpp"

namespace lldm {

/// A head that is decoded by slices, and how its products are made.
struct HeldHead final : torch::CustomClassHolder {
  HeldHead(Matrix head, at::ScalarType read, bool is_narrow)
      : matrix(std::move(head)), type(read), on_device(is_narrow) {}

  /// What products read.
  [[nodiscard]] at::Tensor read(const at::Tensor& x) const { return x.to(type); }
  [[nodiscard]] at::Tensor product_of(const at::Tensor& a, const at::Tensor& b) const {
    return on_device ? device_product(a, b, type) : product(a, b);
  }
  /// Of rows that were read.
  [[nodiscard]] at::Tensor logits(const at::Tensor& rows, const at::Tensor& slice,
                                  std::int64_t excluded) const {
    auto result = on_device ? device_product(rows, slice.t(), type) : rows_by(rows, slice);
    if (excluded >= 0) result.select(1, excluded).fill_(-std::numeric_limits<double>::infinity());
    return result;
  }
  [[nodiscard]] std::int64_t chunk_bytes() const {
    return on_device ? kDeviceHeadChunkBytes : kHeadChunkBytes;
  }

  Matrix matrix;
  at::ScalarType type;  // of slices
  bool on_device;       // products of 16 bits on a GPU
};

/// Of rows in `rows_type`.
HeldHead held_head(const Matrix& head, at::ScalarType rows_type, at::ScalarType compute);

/// log softmax(rows head^T)[target] with the column `excluded` at -inf (negative: none), as
/// head_log_probabilities.
at::Tensor sliced_log_probabilities(const at::Tensor& rows, const at::Tensor& targets,
                                    HeldHead head, std::int64_t excluded);

}  // namespace lldm
