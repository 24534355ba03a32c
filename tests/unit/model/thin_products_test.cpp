// SPDX-License-Identifier: MIT
// Products with a thin side: values against float64, and that bits are a row's own.
#include "model/thin_products.hpp"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>

#include <array>
#include <vector>

#include "lldm/draws/stream.hpp"
#include "model/kernels/clones.hpp"
#include "support/catch.hpp"

namespace lldm {
namespace {

at::Tensor drawn(std::int64_t rows, std::int64_t columns, std::uint64_t key) {
  auto values = at::empty({rows, columns}, at::kFloat);
  Stream stream(9, key);
  for (std::int64_t i = 0; i < values.numel(); ++i)
    values.mutable_data_ptr<float>()[i] = static_cast<float>(stream.normal());
  return values;
}

/// The same numbers in feature-major memory.
at::Tensor turned(const at::Tensor& x) { return x.t().clone(at::MemoryFormat::Contiguous).t(); }

double relative_error(const at::Tensor& got, const at::Tensor& exact) {
  return got.to(at::kDouble).sub(exact).norm().item<double>() / exact.norm().item<double>();
}

struct Settings {
  CpuLevel level = cpu_level();
  int threads = at::get_num_threads();
  ~Settings() {
    limit_cpu_level(CpuLevel::avx512);
    limit_cpu_level(level);
    at::set_num_threads(threads);
  }
};

const std::vector<std::array<std::int64_t, 3>> kShapes = {  // rows, inner, thin side
    {1, 1, 1},     {5, 7, 3},     {33, 64, 8},    {215, 768, 16},  {130, 97, 17},
    {64, 300, 32}, {97, 130, 48}, {48, 2048, 64}, {2304, 129, 16}, {12, 1000, 50}};

}  // namespace

TEST_CASE("thin_product: values of both memories, rows by themselves, threads and processors") {
  const Settings settings;
  for (const auto& [rows, inner, thin] : kShapes) {
    INFO(rows << " by " << inner << " by " << thin);
    const auto a = drawn(rows, inner, 1), b = drawn(inner, thin, 2);
    at::set_num_threads(2);
    const auto c = thin_product(a, b).clone();
    CHECK(relative_error(c, at::mm(a.to(at::kDouble), b.to(at::kDouble))) < 2e-6);
    CHECK(thin_product(turned(a), b).equal(c));
    CHECK(thin_product(a, turned(b)).equal(c));
    for (const std::int64_t begin : {std::int64_t{0}, rows / 3, rows - 1})
      CHECK(thin_product(a.narrow(0, begin, rows - begin), b)
                .equal(c.narrow(0, begin, rows - begin)));
    at::set_num_threads(1);
    CHECK(thin_product(a, b).equal(c));
    if (cpu_level() != CpuLevel::avx512) continue;
    limit_cpu_level(CpuLevel::avx2);
    CHECK(thin_product(a, b).equal(c));
    limit_cpu_level(CpuLevel::avx512);
  }
}

TEST_CASE("add_thin_product: values of all memories, rows by themselves, threads and processors") {
  const Settings settings;
  for (const auto& [rows, columns, thin] : kShapes) {
    INFO(rows << " by " << columns << ", rank " << thin);
    const auto a = drawn(rows, thin, 3), b = drawn(thin, columns, 4), y = drawn(rows, columns, 5);
    const auto added = [&](at::Tensor to, const at::Tensor& left, const at::Tensor& right) {
      add_thin_product(to, left, right, 0.3);
      return to;
    };
    at::set_num_threads(2);
    const auto whole = added(y.clone(), a, b);
    const auto exact = at::mm(a.to(at::kDouble), b.to(at::kDouble)).mul(0.3).add(y);
    CHECK(relative_error(whole, exact) < 2e-6);
    CHECK(added(y.clone(), turned(a), turned(b)).equal(whole));
    const auto padded = at::zeros({rows, columns + 5}, y.options()).narrow(1, 2, columns);
    CHECK(added(padded.copy_(y), a, b).equal(whole));
    CHECK(added(turned(y), a, b).equal(whole));
    const std::int64_t last = rows - rows / 3;
    CHECK(added(y.narrow(0, rows / 3, last).clone(), a.narrow(0, rows / 3, last), b)
              .equal(whole.narrow(0, rows / 3, last)));
    CHECK(added(turned(y.narrow(0, rows / 3, last)), a.narrow(0, rows / 3, last), b)
              .equal(whole.narrow(0, rows / 3, last)));
    at::set_num_threads(1);
    CHECK(added(y.clone(), a, b).equal(whole));
    CHECK(added(turned(y), a, b).equal(whole));
    if (cpu_level() != CpuLevel::avx512) continue;
    limit_cpu_level(CpuLevel::avx2);
    CHECK(added(y.clone(), a, b).equal(whole));
    CHECK(added(turned(y), a, b).equal(whole));
    limit_cpu_level(CpuLevel::avx512);
  }
}

TEST_CASE("row_major: the same numbers, dense") {
  for (const auto& [rows, columns, _] : kShapes) {
    const auto x = drawn(rows, columns, 6);
    CHECK(row_major(x).is_same(x));
    const auto dense = row_major(turned(x));
    CHECK(dense.is_contiguous());
    CHECK(dense.equal(x));
    const auto part = drawn(columns + 3, rows, 7).narrow(0, 1, columns).t();
    CHECK(row_major(part).equal(part));
    CHECK(row_major(x.to(at::kDouble).t()).equal(x.to(at::kDouble).t()));
  }
}

}  // namespace lldm
