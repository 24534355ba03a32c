// SPDX-License-Identifier: MIT
// Products of bfloat16 with float32 results: exact to float32, whatever the memory, and a row's
// bits its own.
#include "model/wide_products.hpp"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>

#include <array>
#include <cstring>
#include <limits>
#include <vector>

#include "lldm/draws/stream.hpp"
#include "model/kernels/clones.hpp"
#include "model/products.hpp"
#include "support/catch.hpp"

namespace lldm {
namespace {

at::Tensor drawn(std::int64_t rows, std::int64_t columns, std::uint64_t key) {
  auto values = at::empty({rows, columns}, at::kFloat);
  Stream stream(10, key);
  for (std::int64_t i = 0; i < values.numel(); ++i)
    values.mutable_data_ptr<float>()[i] = static_cast<float>(stream.normal());
  return values;
}

at::Tensor narrow_numbers(std::int64_t rows, std::int64_t columns, std::uint64_t key) {
  return drawn(rows, columns, key).to(at::kBFloat16);
}

at::Tensor turned(const at::Tensor& x) { return x.t().contiguous().t(); }

at::Tensor poisoned(std::int64_t rows, std::int64_t columns) {
  return at::full({rows, columns}, std::numeric_limits<float>::quiet_NaN(), at::kFloat);
}

at::Tensor exact(const at::Tensor& a, const at::Tensor& b) {
  return at::mm(a.to(at::kDouble), b.to(at::kDouble));
}

double relative_error(const at::Tensor& got, const at::Tensor& expected) {
  return got.to(at::kDouble).sub(expected).norm().item<double>() / expected.norm().item<double>();
}

const std::vector<std::array<std::int64_t, 3>> kShapes = {  // rows, inner, columns
    {1, 2, 16}, {5, 6, 48}, {64, 64, 64}, {200, 768, 176}, {33, 130, 2304}, {352, 2048, 96}};

}  // namespace

TEST_CASE("wide_product: float32 sums of bfloat16, in every memory, rows by themselves") {
  if (!has_wide_products()) {
    WARN("not checked: this processor does not multiply bfloat16");
    return;
  }
  const int threads = at::get_num_threads();
  for (const auto& [rows, inner, columns] : kShapes) {
    INFO(rows << " by " << inner << " by " << columns);
    const auto a = narrow_numbers(rows, inner, 1), b = narrow_numbers(inner, columns, 2);
    at::set_num_threads(2);
    const auto y = poisoned(rows, columns);
    REQUIRE(wide_product(y, a, b));
    CHECK(relative_error(y, exact(a, b)) < 1e-6);
    const auto other = poisoned(rows, columns);
    REQUIRE(wide_product(other, turned(a), turned(b)));
    CHECK(other.equal(y));
    REQUIRE(wide_product(other, a, b, /*adds=*/true));
    CHECK(relative_error(other, exact(a, b).mul(2)) < 1e-6);
    at::set_num_threads(1);
    for (const std::int64_t begin : {std::int64_t{0}, rows / 3, rows - 1}) {
      const auto part =
          poisoned(rows, columns + 3).narrow(1, 2, columns).narrow(0, begin, rows - begin);
      REQUIRE(wide_product(part, a.narrow(0, begin, rows - begin), b));
      CHECK(part.equal(y.narrow(0, begin, rows - begin)));
    }
  }
  at::set_num_threads(threads);
}

TEST_CASE("wide_product: an update is added to every block, rows by themselves") {
  if (!has_wide_products()) {
    WARN("not checked: this processor does not multiply bfloat16");
    return;
  }
  for (const auto& [rows, inner, columns] : kShapes)
    for (const std::int64_t rank : {2, 6, 16}) {
      INFO(rows << " by " << inner << " by " << columns << ", rank " << rank);
      const auto a = narrow_numbers(rows, inner, 1), b = narrow_numbers(inner, columns, 2);
      const auto low = narrow_numbers(rows, rank, 3), high = narrow_numbers(rank, columns, 4);
      const auto expected = exact(a, b).add(exact(low, high));
      const auto y = poisoned(rows, columns), other = poisoned(rows, columns);
      REQUIRE(wide_product(y, a, b, /*adds=*/false, {low, high}));
      CHECK(relative_error(y, expected) < 1e-6);
      REQUIRE(wide_product(other, turned(a), turned(b), /*adds=*/false, {low, turned(high)}));
      CHECK(other.equal(y));
      REQUIRE(wide_product(other, a, b, /*adds=*/true, {low, high}));
      CHECK(relative_error(other, expected.mul(2)) < 1e-6);
      const std::int64_t begin = rows / 3, count = rows - begin;
      const auto part = poisoned(count, columns);
      REQUIRE(wide_product(part, a.narrow(0, begin, count), b, /*adds=*/false,
                           {low.narrow(0, begin, count), high}));
      CHECK(part.equal(y.narrow(0, begin, count)));
    }
  const auto y = at::zeros({4, 32}, at::kFloat);
  const WideUpdate odd{narrow_numbers(4, 3, 5), narrow_numbers(3, 32, 6)};
  CHECK_FALSE(
      wide_product(y, narrow_numbers(4, 6, 3), narrow_numbers(6, 32, 4), /*adds=*/false, odd));
  CHECK(y.abs().max().item<double>() == 0);
}

TEST_CASE("wide_thin_product: any number of columns, any inner side") {
  for (const std::int64_t columns : {1, 3, 8, 16, 40, 64})
    for (const std::int64_t inner : {2, 33, 768}) {
      const auto a = narrow_numbers(70, inner, 7), b = narrow_numbers(inner, columns, 8);
      const auto got = wide_thin_product(a, b);
      CHECK(got.scalar_type() == at::kFloat);
      CHECK(got.sizes() == at::IntArrayRef({70, columns}));
      CHECK(relative_error(got, exact(a, b)) < 1e-6);
      if (inner % 2 == 0) CHECK(wide_thin_product(a, turned(b)).equal(got));
    }
}

TEST_CASE("rounded: to bfloat16 as LibTorch does, on every processor; NaN stays NaN") {
  constexpr std::int64_t kCount = 1 << 18;
  auto x = at::empty({kCount}, at::kInt);
  Stream stream(11, 12);
  for (std::int64_t i = 0; i < kCount; ++i)
    x.mutable_data_ptr<std::int32_t>()[i] = static_cast<std::int32_t>(stream.below(1LL << 32));
  const std::uint32_t special[] = {0,          0x80000000, 0x7f800000, 0xff800000, 0x7fc00000,
                                   0x7f800001, 0xffffffff, 0x7f7fffff, 0x7f7f8000, 0x3f808000,
                                   0x3f818000, 0x3f808001, 1,          0x00008000, 0x807fffff};
  std::memcpy(x.mutable_data_ptr<std::int32_t>(), special, sizeof special);
  const auto numbers = x.view(at::kFloat);
  const auto check = [](const at::Tensor& got, const at::Tensor& from) {
    REQUIRE(got.sizes() == from.sizes());
    const auto is_number = from.isnan().logical_not();
    CHECK(got.isnan().equal(from.isnan()));
    CHECK(got.view(at::kShort)
              .masked_select(is_number)
              .equal(from.to(at::kBFloat16).view(at::kShort).masked_select(is_number)));
  };
  for (const CpuLevel level : {CpuLevel::baseline, CpuLevel::avx2, CpuLevel::avx512}) {
    limit_cpu_level(level);
    for (const auto& from : {numbers, numbers.narrow(0, 1, 77), numbers.view({512, 512}).t()})
      check(rounded(from, at::kBFloat16), from);
  }
  limit_cpu_level(CpuLevel::avx512);
  CHECK(rounded(numbers, at::kFloat).is_same(numbers));
}

TEST_CASE("wide_product: what it does not do is left as it was") {
  const auto y = at::zeros({4, 32}, at::kFloat);
  const auto a = narrow_numbers(4, 6, 3), b = narrow_numbers(6, 32, 4);
  CHECK_FALSE(wide_product(y, a.to(at::kFloat), b.to(at::kFloat)));
  CHECK_FALSE(wide_product(y.to(at::kBFloat16), a, b));
  CHECK_FALSE(wide_product(y, a.narrow(1, 0, 5), b.narrow(0, 0, 5)));    // odd
  CHECK_FALSE(wide_product(y.narrow(1, 0, 20), a, b.narrow(1, 0, 20)));  // columns
  CHECK_FALSE(wide_product(at::zeros({32, 4}, at::kFloat).t(), a, b));   // memory
  CHECK(y.abs().max().item<double>() == 0);
}

TEST_CASE("outer_product: a^T b of numbers rounded to bfloat16, with the sums of float32") {
  for (const std::int64_t rows : {1, 7, 96}) {
    const auto a = drawn(rows, 48, 5), b = drawn(rows, 32, 6);
    const auto expected = exact(a.to(at::kBFloat16).t(), b.to(at::kBFloat16));
    const auto got = outer_product(a, b, at::kBFloat16);
    CHECK(got.scalar_type() == at::kFloat);
    CHECK(relative_error(got, expected) < 1e-6);
    CHECK(relative_error(outer_product(a, b, at::kFloat), exact(a.t(), b)) < 1e-6);
  }
}

TEST_CASE("Products of 16-bit numbers on the CPU are those of the widened ones") {
  for (const auto type : {at::kBFloat16, at::kHalf}) {
    INFO(at::toString(type));
    const auto x = drawn(160, 96, 1).to(type), weight = drawn(80, 96, 2).to(type);
    const auto wide_x = x.to(at::kFloat), wide_weight = weight.to(at::kFloat);
    CHECK(rows_by(x, weight).equal(rows_by(wide_x, wide_weight)));
    CHECK(columns_by(x, weight).equal(columns_by(wide_x, wide_weight)));
    CHECK(relative_error(rows_by(x, weight), exact(x, weight.t())) < 1e-6);
    const auto slope = drawn(160, 80, 3).to(type);
    CHECK(relative_error(product(slope, weight), exact(slope, weight)) < 1e-6);
    CHECK(relative_error(outer_product(slope.to(at::kFloat), wide_x, type), exact(slope.t(), x)) <
          1e-6);
  }
}

}  // namespace lldm
