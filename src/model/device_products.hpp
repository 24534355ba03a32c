// SPDX-License-Identifier: MIT
// Products on a GPU that read 16 bits a number and give float32: nothing is rounded behind the
// sums.  LibTorch's mm and addmm with a type of results, which are cuBLAS's.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>

namespace lldm {

/// Whether products whose inputs are rounded to `compute` are made so on `device`: bfloat16 and
/// float16 on a GPU, after a trial at the process's first question.
[[nodiscard]] bool has_device_products(at::Device device, at::ScalarType compute);
/// "float32 results", or why not; empty before the first question on a GPU.
[[nodiscard]] std::string device_products_text();

/// Whether a trial in this process refused them.
[[nodiscard]] bool has_untrusted_products();

/// y = a b, or y += a b: [M, N] of [M, K] by [K, N], which are of one 16-bit type on a GPU; y is
/// float32 with dense rows or columns.  Only where has_device_products.
void device_product(const at::Tensor& y, const at::Tensor& a, const at::Tensor& b, bool adds);
/// a b of numbers that are rounded to `compute` first -> float32 [M, N].
[[nodiscard]] at::Tensor device_product(const at::Tensor& a, const at::Tensor& b,
                                        at::ScalarType compute);

using DeviceProduct =
    std::function<void(const at::Tensor& y, const at::Tensor& a, const at::Tensor& b, bool adds)>;
/// Whether `multiply` gives on `device` what float64 products of the same numbers do, within what
/// float32 sums allow; into slices of rows and of columns, in both types.  Empty, or what is wrong.
[[nodiscard]] std::string device_product_trial(at::Device device, const DeviceProduct& multiply);

}  // namespace lldm
