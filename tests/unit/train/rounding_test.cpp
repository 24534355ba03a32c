// SPDX-License-Identifier: MIT
// Stochastic rounding, 8-bit codes and both as tensor operations.
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <bit>
#include <cmath>
#include <utility>

#include "lldm/train/adafactor.hpp"
#include "lldm/train/adamw.hpp"
#include "lldm/train/adamw_8bit.hpp"
#include "model/quantized/dynamic_map.hpp"
#include "support/catch.hpp"
#include "train/adafactor_update.hpp"
#include "train/adamw_factors.hpp"
#include "train/dynamic_codes.hpp"
#include "train/update_by_operations.hpp"

using namespace lldm;

namespace {

at::Tensor bfloat16(const at::Tensor& x) { return x.to(at::kBFloat16); }

std::uint16_t* bits(const at::Tensor& x) {
  return static_cast<std::uint16_t*>(x.mutable_data_ptr());
}

/// Equal but for a last bit here and there: LibTorch's root on the CPU (MKL's) is not always the
/// nearest one.
bool nearly_equal(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor left = a.to(at::kDouble), right = b.to(at::kDouble);
  const double last_bit = a.scalar_type() == at::kFloat ? 0x1p-22 : 0x1p-6;
  return left.ne(right).sum().item<std::int64_t>() <= a.numel() / 100 &&
         left.sub(right).abs().le(right.abs().mul(last_bit).add(1e-9)).all().item<bool>();
}

}  // namespace

TEST_CASE("random bits: Philox4x32-10's known answer, and the same as tensor operations",
          "[train]") {
  // Salmon et al. 2011, kat_vectors: counter 0, key 0.
  std::uint32_t low[kRandomGroup], high[kRandomGroup];
  random_bits(RandomPlace{}, 0, low, high);
  CHECK(low[0] == 0x6627e8d5U);
  CHECK(high[0] == 0xe169c58dU);
  CHECK(low[kRandomLanes] == 0xbc57ac4cU);
  CHECK(high[kRandomLanes] == 0x9b00dbd8U);
  const RandomPlace place{0x0123456789abcdefULL, 17, 5};
  for (const std::int64_t group : {std::int64_t{0}, std::int64_t{3}, std::int64_t{1} << 26}) {
    random_bits(place, group, low, high);
    const at::Tensor both = random_bits(place, group * kRandomGroup, 200, at::kCPU);
    for (int i = 0; i < 200; ++i) {
      CHECK(both[0][i].item<std::int64_t>() == low[i]);
      CHECK(both[1][i].item<std::int64_t>() == high[i]);
    }
  }
}

TEST_CASE("adamw_bfloat16: kernel and tensor operations give the same bits", "[train]") {
  const std::int64_t count = 3 * kRandomGroup + 77;
  const AdamWFactors factors = adamw_factors({}, 1e-3, 0.7, 4);
  const RandomPlace place{42, 4, 9};
  const at::Tensor w = bfloat16(at::randn({count})), g = bfloat16(at::randn({count})),
                   m = bfloat16(at::randn({count})), v = bfloat16(at::randn({count}).square());
  const at::Tensor w2 = w.clone(), m2 = m.clone(), v2 = v.clone();
  adamw_bfloat16(factors, place, 0, count, w2, g, m2, v2);
  adamw_bfloat16(AdamWBfloat16{factors, place, bits(w), bits(g), bits(m), bits(v)}, 0, count);
  CHECK(nearly_equal(w, w2));
  CHECK(at::equal(m, m2));
  CHECK(at::equal(v, v2));
  CHECK(at::equal(g, at::zeros_like(g)));
}

TEST_CASE("adafactor: kernels and tensor operations give the same numbers", "[train]") {
  for (const auto dtype : {at::kFloat, at::kBFloat16})
    for (const auto& [rows, columns] : {std::pair{200, 333}, std::pair{3, 5}, std::pair{1, 70000}})
      for (const bool is_relative : {false, true}) {
        INFO(at::toString(dtype) << ", " << rows << " x " << columns << ", " << is_relative);
        const at::Tensor w = at::randn({rows, columns}).to(dtype), other = w.clone();
        const AdafactorMoments mine{at::zeros({rows}), at::zeros({columns}), {}},
            theirs{at::zeros({rows}), at::zeros({columns}), {}};
        for (std::uint32_t step = 1; step <= 3; ++step) {
          const at::Tensor g = at::randn({rows, columns}).to(dtype), copy = g.clone();
          const AdafactorStep now{.gradient_scale = 0.7,
                                  .share = std::pow(step, -0.8),
                                  .learning_rate = 1e-2,
                                  .weight_decay = 0.1,
                                  .is_relative = is_relative,
                                  .is_stochastic = true,
                                  .place = {42, step, 9}};
          adafactor_by_operations(now, other, copy, theirs);
          adafactor_on_cpu({{now, w, g, mine}});
          CHECK(nearly_equal(mine.row, theirs.row));
          CHECK(nearly_equal(mine.column, theirs.column));
          // Roots, then the quotients: a last bit of an update of a hundredth.
          if (dtype == at::kFloat)
            CHECK(w.sub(other).abs().le(w.abs().mul(0x1p-23).add(1e-8)).all().item<bool>());
          else
            CHECK(nearly_equal(w, other));
          CHECK(at::equal(g, at::zeros_like(g)));
          at::Tensor(other).copy_(w), at::Tensor(theirs.row).copy_(mine.row),
              at::Tensor(theirs.column).copy_(mine.column);
        }
      }
}

TEST_CASE("rounded: the expectation is the number", "[train]") {
  const std::int64_t count = 1 << 18;
  const float number = 1.0F + 0.3F / 128;  // between 1 and 1 + 1/128, where 0.3 go up
  const at::Tensor all = at::full({count}, number);
  const at::Tensor draws = random_bits({1, 2, 3}, 0, count, at::kCPU);
  for (const auto part : {RoundedPart::weight, RoundedPart::first, RoundedPart::second}) {
    const double up =
        rounded(all, draws, part).to(at::kDouble).gt(1).to(at::kDouble).mean().item<double>();
    CHECK(std::abs(up - 0.3) < 5 * std::sqrt(0.21 / static_cast<double>(count)));
  }
  const at::Tensor minus = rounded(-all, draws, RoundedPart::weight).to(at::kDouble);
  CHECK(std::abs(minus.mean().item<double>() + static_cast<double>(number)) < 1e-4);
  const at::Tensor exact = at::full({count}, 1.5F);
  CHECK(at::equal(rounded(exact, draws, RoundedPart::first).to(at::kFloat), exact));
}

TEST_CASE("bfloat16 weights: updates below the last bit are not lost", "[train]") {
  const auto end = [](bool is_stochastic) {
    NamedParameter parameter{"w", at::full({4096}, 1.0, at::kBFloat16).requires_grad_(true)};
    AdamW optimizer({parameter}, {.weight_decay = 0, .max_gradient_norm = 0}, {is_stochastic, 11});
    for (int step = 0; step < 200; ++step) {  // 1 - 200 * 1e-4; the last bit is 1/256
      at::Tensor(parameter.value).mutable_grad().fill_(1);
      (void)optimizer.step(1e-4);
    }
    return parameter.value.detach().to(at::kDouble).mean().item<double>();
  };
  CHECK(std::abs(end(true) - 0.98) < 1e-3);
  CHECK(end(false) == 1.0);  // each one is rounded back
}

TEST_CASE("dynamic codes: the table finds the nearest value of both maps", "[train]") {
  const DynamicTables& tables = dynamic_tables();
  for (const bool is_signed : {true, false}) {
    const auto& map = dynamic_map(is_signed);
    const std::size_t zero = is_signed ? kSignedZero : 0;
    const std::int32_t* codes = is_signed ? tables.first_codes : tables.second_codes;
    const float* middles = is_signed ? tables.first_middles : tables.second_middles;
    std::int64_t wrong = 0, seen = 0;
    const auto check = [&](float x) {
      std::int32_t bucket = std::bit_cast<std::int32_t>(x) >> kDynamicShift;
      bucket = bucket < kDynamicFirst ? 0 : bucket - kDynamicFirst;
      REQUIRE(bucket < kDynamicBuckets);
      const std::int32_t below = codes[bucket];
      const std::size_t place = static_cast<std::size_t>(below + (x > middles[below] ? 1 : 0));
      double best = 2;
      for (std::size_t i = zero; i < 256; ++i)
        best = std::min(best, std::abs(static_cast<double>(x) - static_cast<double>(map[i])));
      const double got = std::abs(static_cast<double>(x) - static_cast<double>(map[zero + place]));
      wrong += got > best + 1e-9 * static_cast<double>(x) ? 1 : 0;  // middles are rounded
      ++seen;
    };
    for (std::uint32_t pattern = 0; pattern <= 0x3f800000U; pattern += 9973)
      check(std::bit_cast<float>(pattern));
    check(1.0F);
    for (std::size_t i = zero; i < 256; ++i) check(map[i]);
    CHECK(wrong == 0);
    CHECK(seen > 100000);
  }
}

TEST_CASE("adamw_8bit: kernel and tensor operations give the same codes, scales and weights",
          "[train]") {
  const std::int64_t count = 5 * kDynamicBlockNumbers + 100;
  const DynamicMap with_sign(at::kCPU, true), without(at::kCPU, false);
  for (const auto dtype : {at::kFloat, at::kBFloat16}) {
    at::Tensor w = at::randn({count}).to(dtype), other = w.clone();
    const at::Tensor codes = at::zeros({count}, at::kByte), squares = at::zeros({count}, at::kByte),
                     scale = at::zeros({6}), square_scale = at::zeros({6});
    const at::Tensor codes2 = codes.clone(), squares2 = squares.clone(), scale2 = scale.clone(),
                     square_scale2 = square_scale.clone();
    for (int step = 1; step <= 4; ++step) {
      const AdamWFactors factors = adamw_factors({}, 1e-3, 1, step);
      const RandomPlace place{42, static_cast<std::uint32_t>(step), 9};
      const at::Tensor slope = at::randn({count}).mul_(at::randn({count}).exp_()).to(dtype);
      const at::Tensor m = dynamic_decoded(codes2, scale2, with_sign),
                       v = dynamic_decoded(squares2, square_scale2, without);
      const at::Tensor next = updated(factors, other.to(at::kFloat), slope.to(at::kFloat), m, v);
      other = dtype == at::kFloat
                  ? next
                  : rounded(next, random_bits(place, 0, count, at::kCPU), RoundedPart::weight);
      dynamic_encode(m, codes2, scale2, with_sign);
      dynamic_encode(v, squares2, square_scale2, without);
      const auto run = [&](auto* value, auto* gradient) {
        using T = std::remove_pointer_t<decltype(value)>;
        adamw_8bit(AdamW8BitBlocks<T>{factors, dynamic_tables(), place, true, count, value,
                                      gradient, codes.mutable_data_ptr<std::uint8_t>(),
                                      squares.mutable_data_ptr<std::uint8_t>(),
                                      scale.mutable_data_ptr<float>(),
                                      square_scale.mutable_data_ptr<float>()},
                   0, 6);
      };
      if (dtype == at::kFloat)
        run(w.mutable_data_ptr<float>(), slope.mutable_data_ptr<float>());
      else
        run(bits(w), bits(slope));
      INFO("step " << step << " in " << at::toString(dtype));
      CHECK(at::equal(codes, codes2));
      CHECK(at::equal(squares, squares2));
      CHECK(at::equal(scale, scale2));
      CHECK(at::equal(square_scale, square_scale2));
      CHECK(nearly_equal(w, other));
      other = w.clone();
    }
    CHECK(squares.eq(0).sum().item<std::int64_t>() == 0);
  }
}
