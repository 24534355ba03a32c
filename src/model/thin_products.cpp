// SPDX-License-Identifier: MIT
#include "model/thin_products.hpp"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "model/kernels/thin.hpp"
#include "model/products.hpp"

namespace lldm {
namespace {

constexpr std::int64_t kWidth = 16;           // of a vector
constexpr std::int64_t kWorkPerTask = 32768;  // below it a second thread costs more than it brings

bool is_ours(const at::Tensor& x) { return x.is_cpu() && x.scalar_type() == at::kFloat; }

/// x^T into the first columns of y.
void transpose_into(const at::Tensor& y, const at::Tensor& x) {
  const Transposition work{x.const_data_ptr<float>(),
                           y.mutable_data_ptr<float>(),
                           x.stride(0),
                           y.stride(0),
                           x.size(0),
                           x.size(1)};
  const std::int64_t groups = (x.size(0) + kWidth - 1) / kWidth;
  const std::int64_t grain = kWorkPerTask / (kWidth * std::max<std::int64_t>(1, x.size(1))) + 1;
  at::parallel_for(0, groups, grain,
                   [&](std::int64_t begin, std::int64_t end) { transpose(work, begin, end); });
}

/// b as [K, columns], dense, zeros behind its own columns.
at::Tensor packed(const at::Tensor& b, std::int64_t columns) {
  if (columns == b.size(1) && b.is_contiguous()) return b;
  auto out = columns == b.size(1) ? at::empty({b.size(0), columns}, b.options())
                                  : at::zeros({b.size(0), columns}, b.options());
  if (b.stride(0) == 1 && b.stride(1) >= b.size(0))
    transpose_into(out, b.t());
  else
    out.narrow(1, 0, b.size(1)).copy_(b);
  return out;
}

std::int64_t rows_per_task(std::int64_t inner, std::int64_t columns) {
  return std::max<std::int64_t>(1, kWorkPerTask / std::max<std::int64_t>(1, inner * columns));
}

}  // namespace

at::Tensor thin_product(const at::Tensor& a, const at::Tensor& b) {
  if (!is_ours(a) || b.size(1) > kThinSide || a.size(1) == 0) return product(a, b);
  const std::int64_t vectors = (b.size(1) + kWidth - 1) / kWidth;
  const auto right = packed(b, vectors * kWidth);
  auto c = at::empty({a.size(0), vectors * kWidth}, a.options());
  const ThinProduct work{
      a.const_data_ptr<float>(),   a.stride(0), a.stride(1), right.const_data_ptr<float>(),
      c.mutable_data_ptr<float>(), a.size(1),   vectors};
  at::parallel_for(0, a.size(0), rows_per_task(a.size(1), vectors * kWidth),
                   [&](std::int64_t begin, std::int64_t end) { thin_product(work, begin, end); });
  return c.narrow(1, 0, b.size(1));
}

void add_thin_product(const at::Tensor& y, const at::Tensor& a, const at::Tensor& b, double scale) {
  if (!is_ours(y) || a.size(1) > kThinSide || (y.stride(0) != 1 && y.stride(1) != 1)) {
    y.addmm_(a, b, 1, scale);
    return;
  }
  if (scale != 1) return add_thin_product(y, a.mul(scale), b, 1);
  if (y.stride(1) != 1) return add_thin_product(y.t(), b.t(), a.t(), 1);
  const auto right = packed(b, b.size(1));
  const ThinUpdate work{
      a.const_data_ptr<float>(),   a.stride(0), a.stride(1), right.const_data_ptr<float>(),
      y.mutable_data_ptr<float>(), y.stride(0), a.size(1),   y.size(1)};
  at::parallel_for(0, y.size(0), rows_per_task(a.size(1), y.size(1)),
                   [&](std::int64_t begin, std::int64_t end) { thin_update(work, begin, end); });
}

void copy_turned(const at::Tensor& y, const at::Tensor& x) {
  if (is_ours(y) && is_ours(x) && y.stride(1) == 1 && x.stride(1) == 1)
    transpose_into(y, x);
  else
    y.copy_(x.t());
}

at::Tensor row_major(const at::Tensor& x) {
  if (x.is_contiguous() || !is_ours(x) || x.dim() != 2 || x.stride(0) != 1) return x.contiguous();
  auto y = at::empty(x.sizes(), x.options());
  transpose_into(y, x.t());
  return y;
}

}  // namespace lldm
