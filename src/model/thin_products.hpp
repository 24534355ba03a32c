// SPDX-License-Identifier: MIT
// Products with one thin side, as low-rank updates have them, and transposition: float32 on the CPU
// by our own kernels (MKL and oneDNN are made for wide ones), everything else by LibTorch.
#pragma once

#include <ATen/core/Tensor.h>

namespace lldm {

/// The widest thin side that is ours.
inline constexpr std::int64_t kThinSide = 64;

/// a b: [M, K] by [K, n] -> [M, n]; thin where n <= kThinSide.  Rows of the result may lie apart.
/// A row's bits are its own: neither M nor its place nor the number of threads changes them
/// (float32 on the CPU).
[[nodiscard]] at::Tensor thin_product(const at::Tensor& a, const at::Tensor& b);

/// y += scale a b: [M, N] += [M, r] by [r, N], in place, where rows or columns of y are dense.  The
/// same holds for its bits.
void add_thin_product(const at::Tensor& y, const at::Tensor& a, const at::Tensor& b, double scale);

/// y = x^T.
void copy_turned(const at::Tensor& y, const at::Tensor& x);

/// x as a dense row-major matrix; x itself where it is one.
[[nodiscard]] at::Tensor row_major(const at::Tensor& x);

}  // namespace lldm
