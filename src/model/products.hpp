// SPDX-License-Identifier: MIT
// The matrix products of models.  On the CPU in float32 there are two libraries inside LibTorch,
// MKL and oneDNN, and which one is faster depends on the processor: by 2.2 times on AMD's.
#pragma once

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "lldm/model/model_shape.hpp"

namespace lldm {

enum class ProductLibrary : std::uint8_t { mkl, onednn };
inline constexpr std::array<std::string_view, 2> kProductLibraryNames = {"mkl", "onednn"};

/// What float32 products on the CPU are made by: oneDNN on an AMD processor with AVX-512, else MKL,
/// unless LLDM_PRODUCTS names one.  A fact of the process, never of a measurement: the two give
/// other bits.
/// Errors  ConfigError for a name that is neither, and for one that is not steady here.
[[nodiscard]] ProductLibrary product_library();
/// Whether this LibTorch has it.
[[nodiscard]] bool has_product_library(ProductLibrary library);
/// Whether its rows' bits are their own on this processor, as `rows_by` promises.
[[nodiscard]] bool is_steady(ProductLibrary library);
/// From now on that one, steady or not; for tests and benches.
void use_product_library(ProductLibrary library);

/// The rows that a pack of so many is filled up to; 0 of none.
[[nodiscard]] constexpr std::int64_t filled_up(std::int64_t rows) {
  if (rows == 0) return 0;
  return std::max(kLeastRows, (rows + kRowGranule - 1) / kRowGranule * kRowGranule);
}

/// x W^T: [N, K] by [O, K] -> [N, O], row-major.  Of 16-bit numbers on the CPU, here and below: in
/// float32, by float32's products (wide_products.hpp is for processors that multiply bfloat16).
/// A row's bits depend neither on N, for packs that are filled up, nor on its place, nor on the
/// number of threads (float32 on the CPU; tests/unit/model/products_test.cpp).
[[nodiscard]] at::Tensor rows_by(const at::Tensor& x, const at::Tensor& weight);
/// The same feature-major: [O, N], the bits of rows_by.
[[nodiscard]] at::Tensor columns_by(const at::Tensor& x, const at::Tensor& weight);

/// x W^T by one of the libraries, whatever is chosen: for measuring.  Float32 on the CPU.
[[nodiscard]] at::Tensor rows_by(ProductLibrary library, const at::Tensor& x,
                                 const at::Tensor& weight);

/// a b of gradients: [M, K] by [K, N] -> [M, N], row-major.  Fastest where the memory of `a` is
/// row-major.  Promises nothing of rows.
[[nodiscard]] at::Tensor product(const at::Tensor& a, const at::Tensor& b);

}  // namespace lldm
