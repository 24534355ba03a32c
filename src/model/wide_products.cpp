// SPDX-License-Identifier: MIT
#include "model/wide_products.hpp"

#include <ATen/Parallel.h>
#include <ATen/native/CPUBlas.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

#include "lldm/memory/purpose.hpp"
#include "model/held_signals.hpp"
#include "model/kernels/rounding.hpp"
#include "model/kernels/thin.hpp"
#include "model/products.hpp"
#include "model/thin_products.hpp"

namespace lldm {
namespace {

constexpr std::int64_t kRows = 64, kColumns = 64;  // of a block

/// [K, N] as blocks of kColumns columns behind one another; in a block two rows lie interleaved, as
/// the processor's instruction reads them.
struct Packed {
  at::Tensor values;
  std::int64_t inner, columns;
  [[nodiscard]] const at::BFloat16* block(std::int64_t begin) const {
    return values.const_data_ptr<at::BFloat16>() + begin * inner;
  }
};

/// Of columns that are dense in memory pairs of numbers are transposed.
void pack_columns(const at::Tensor& b, at::BFloat16* out, std::int64_t begin, std::int64_t count) {
  const auto* from = b.const_data_ptr<at::BFloat16>() + begin * b.stride(1);
  const Transposition pairs{reinterpret_cast<const float*>(from),
                            reinterpret_cast<float*>(out),
                            b.stride(1) / 2,
                            count,
                            count,
                            b.size(0) / 2};
  transpose(pairs, 0, (count + 15) / 16);
}

void pack_rows(const at::Tensor& b, at::BFloat16* out, std::int64_t begin, std::int64_t count) {
  const auto* from = reinterpret_cast<const std::uint16_t*>(b.const_data_ptr<at::BFloat16>());
  auto* to = reinterpret_cast<std::uint32_t*>(out);
  for (std::int64_t k = 0; k < b.size(0); k += 2, to += count) {
    const auto* first = from + k * b.stride(0) + begin;
    const auto* second = first + b.stride(0);
    for (std::int64_t n = 0; n < count; ++n)
      to[n] = static_cast<std::uint32_t>(first[n]) | static_cast<std::uint32_t>(second[n]) << 16;
  }
}

Packed pack(const at::Tensor& b) {
  static_assert(std::endian::native == std::endian::little);
  const std::int64_t inner = b.size(0), columns = b.size(1);
  const PurposeScope purpose(MemoryPurpose::workspace);
  Packed packed{at::empty({inner * columns}, b.options()), inner, columns};
  auto* out = packed.values.mutable_data_ptr<at::BFloat16>();
  const std::int64_t blocks = (columns + kColumns - 1) / kColumns;
  at::parallel_for(0, blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t n = begin * kColumns; n < std::min(columns, end * kColumns); n += kColumns) {
      const std::int64_t count = std::min(kColumns, columns - n);
      (b.stride(1) == 1 ? pack_rows : pack_columns)(b, out + n * inner, n, count);
    }
  });
  return packed;
}

/// Whether the memory can be read as it is or turned once.
bool is_packable(const at::Tensor& b) {
  return b.stride(1) == 1 || (b.stride(0) == 1 && b.stride(1) % 2 == 0 &&
                              reinterpret_cast<std::uintptr_t>(b.const_data_ptr()) % 4 == 0);
}

constexpr std::int64_t kVector = 16;  // columns at least, and in all a multiple of them

bool is_wide(const at::Tensor& y, const at::Tensor& a, const at::Tensor& b) {
  return a.scalar_type() == at::kBFloat16 && b.scalar_type() == at::kBFloat16 && a.is_cpu() &&
         y.scalar_type() == at::kFloat && y.stride(1) == 1 && a.size(1) > 0 && a.size(1) % 2 == 0 &&
         b.size(1) % kVector == 0 && is_packable(b) && has_wide_products();
}

/// A product's factors; the second ones are packed.
struct Factors {
  at::Tensor a;
  Packed b;
};

/// Adds the factors' block at (m, n) to y, or writes it.
void multiply_block(const at::Tensor& y, const Factors& factors, std::int64_t m, std::int64_t n,
                    bool adds) {
  const auto& [a, b] = factors;
  const std::int64_t count = std::min(kColumns, b.columns - n);
  at::native::cpublas::brgemm(std::min(kRows, a.size(0) - m), count, b.inner, a.stride(0), count,
                              y.stride(0), adds, a.const_data_ptr<at::BFloat16>() + m * a.stride(0),
                              b.block(n), y.mutable_data_ptr<float>() + m * y.stride(0) + n,
                              /*is_vnni=*/true);
}

void multiply(const at::Tensor& y, std::span<const Factors> list, bool adds) {
  const std::int64_t row_blocks = (y.size(0) + kRows - 1) / kRows;
  const std::int64_t column_blocks = (y.size(1) + kColumns - 1) / kColumns;
  at::parallel_for(0, row_blocks * column_blocks, 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t at = begin; at < end; ++at)
      for (const Factors& factors : list)
        multiply_block(y, factors, at % row_blocks * kRows, at / row_blocks * kColumns,
                       adds || &factors != list.data());
    at::native::cpublas::brgemm_release();
  });
}

at::Tensor dense_rows(const at::Tensor& a) { return a.stride(1) == 1 ? a : a.contiguous(); }

}  // namespace

bool has_wide_products() {
#if defined(__x86_64__)
  static const bool has = [] {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512bf16") > 0;
  }();
  return has;
#else
  return false;
#endif
}

at::Tensor rounded(const at::Tensor& x, at::ScalarType type) {
  const bool is_recorded = x.requires_grad() && c10::GradMode::is_enabled();
  if (type != at::kBFloat16 || !x.is_cpu() || x.scalar_type() != at::kFloat || !x.is_contiguous() ||
      is_recorded)
    return x.to(type);
  auto y = at::empty(x.sizes(), x.options().dtype(type));
  const Rounding work{x.const_data_ptr<float>(),
                      reinterpret_cast<std::uint16_t*>(y.mutable_data_ptr<at::BFloat16>())};
  constexpr std::int64_t kPerTask = 1 << 15;
  at::parallel_for(0, x.numel(), kPerTask, [&](std::int64_t begin, std::int64_t end) {
    round_to_bfloat16(work, begin, end);
  });
  return y;
}

bool wide_product(const at::Tensor& y, const at::Tensor& a, const at::Tensor& b, bool adds,
                  const WideUpdate& update) {
  if (!is_wide(y, a, b) || (update.a.defined() && !is_wide(y, update.a, update.b))) return false;
  const HeldSignals held;
  std::vector<Factors> list = {{dense_rows(a), pack(b)}};
  if (update.a.defined()) list.push_back({dense_rows(update.a), pack(update.b)});
  multiply(y, list, adds);
  return true;
}

at::Tensor wide_thin_product(const at::Tensor& a, const at::Tensor& b) {
  const std::int64_t columns = b.size(1), rest = (kVector - columns % kVector) % kVector;
  const auto whole = rest == 0 ? b : at::cat({b, at::zeros({b.size(0), rest}, b.options())}, 1);
  auto y = at::empty({a.size(0), columns + rest}, a.options().dtype(at::kFloat));
  if (!wide_product(y, a, whole)) return product(a, b);
  return y.narrow(1, 0, columns);
}

at::Tensor outer_product(const at::Tensor& a, const at::Tensor& b, at::ScalarType compute) {
  const bool is_narrow =
      c10::elementSize(compute) == 2 && a.is_cpu() && a.scalar_type() == at::kFloat;
  if (!is_narrow) return product(a.t().to(compute), b.to(compute));
  at::Tensor left, right;
  {
    const PurposeScope purpose(MemoryPurpose::workspace);
    left = rounded(row_major(a.t()), compute);  // turned as float32, for which there is a kernel
    right = rounded(b, compute);
  }
  if (compute != at::kBFloat16 || !has_wide_products()) return product(left, right);
  auto y = at::empty({a.size(1), b.size(1)}, a.options());
  if (wide_product(y, left, right)) return y;
  y.reset();  // not two of them
  return product(left, right);
}

}  // namespace lldm
