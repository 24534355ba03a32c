// SPDX-License-Identifier: MIT
// How fast this machine multiplies matrices, at the sizes of a model.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "lldm/model/model_shape.hpp"

namespace lldm {

/// y [rows, columns] = x [rows, inner] W^T, `count` times in a forward pass.
struct ProductShape {
  std::int64_t rows = 0, inner = 0, columns = 0, count = 1;
};

/// The products of a forward pass over a pack of `tokens` whose head reads `queries` rows.
[[nodiscard]] std::vector<ProductShape> product_shapes(const ModelShape& model, std::int64_t tokens,
                                                       std::int64_t queries);

struct ProductRate {
  double flops_per_second = 0;
  std::string library;  // that gave the most of it: "MKL", "oneDNN", "cuBLAS"
};

/// Operations of all products over the sum of their shortest times, each by the fastest library
/// that has it: on a CPU at::mm (MKL for float32 and float64, oneDNN for bfloat16), and for float32
/// oneDNN besides; on a GPU at::mm.  Every product is timed `repeats` times after a first one, the
/// libraries by turns.
///
/// Cost    repeats + 1 forward passes a library; the largest operands are live at once, booked as
///         workspace.
[[nodiscard]] ProductRate measure_products(const std::vector<ProductShape>& shapes,
                                           at::ScalarType dtype, at::Device device,
                                           int repeats = 5);

}  // namespace lldm
