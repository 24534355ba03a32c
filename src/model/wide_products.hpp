// SPDX-License-Identifier: MIT
// Products of bfloat16 matrices with float32 results on the CPU: sums are rounded nowhere.
#pragma once

#include <ATen/core/Tensor.h>

namespace lldm {

/// Whether this processor multiplies bfloat16 (AVX512-BF16).
[[nodiscard]] bool has_wide_products();

/// x rounded to `type`: itself where it is of it.
[[nodiscard]] at::Tensor rounded(const at::Tensor& x, at::ScalarType type);

/// What is added to a product of the same sizes, a block of it at a time, while that lies in the
/// cache: a b of [M, r] by [r, N] in bfloat16, r even, rows of a dense; undefined: nothing.
struct WideUpdate {
  at::Tensor a = {}, b = {};
};

/// y = a b, or y += a b, and true: [M, N] of [M, K] by [K, N], where a and b are bfloat16 on the
/// CPU that has wide products, y is float32 with dense rows, K is even and N a multiple of 16.
/// False, and nothing done, of everything else: the products of products.hpp have float32 sums on
/// the CPU too, at float32's rate, and are rounded to their inputs' type elsewhere.
/// By blocks of oneDNN's kernel; b is packed beside them (workspace: K N numbers).  A row's bits
/// are its own, whatever M and the number of threads.
[[nodiscard]] bool wide_product(const at::Tensor& y, const at::Tensor& a, const at::Tensor& b,
                                bool adds = false, const WideUpdate& update = {});

/// a b in float32 [M, n] of bfloat16 [M, K] and [K, n], whatever n is; beside it b with its columns
/// filled up to 16.
[[nodiscard]] at::Tensor wide_thin_product(const at::Tensor& a, const at::Tensor& b);

/// a^T b in float32 where it can be: [M, N] and [M, K] in any float type, rounded to `compute` ->
/// [N, K].
[[nodiscard]] at::Tensor outer_product(const at::Tensor& a, const at::Tensor& b,
                                       at::ScalarType compute);

}  // namespace lldm
