// SPDX-License-Identifier: MIT
// The mathematics that the kernels share with the host, against LibTorch's own autograd in float64.
#include "cuda/rows.cuh"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/silu.h>

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "model/attention_by_operations.hpp"
#include "model/head_places.hpp"
#include "model/rope.hpp"
#include "support/catch.hpp"

using namespace lldm;

namespace {

at::Tensor leaf(at::IntArrayRef shape) {
  return at::randn(shape, at::kDouble).requires_grad_(true);
}

std::vector<float> floats(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.detach().to(at::kFloat).contiguous();
  const auto* data = flat.const_data_ptr<float>();
  return {data, data + flat.numel()};
}

double distance(const std::vector<float>& got, const at::Tensor& want) {
  const std::vector<float> expected = floats(want);
  REQUIRE(got.size() == expected.size());
  double worst = 0;
  for (std::size_t i = 0; i < got.size(); ++i)
    worst = std::max(worst, std::abs(static_cast<double>(got[i]) - expected[i]));
  return worst;
}

}  // namespace

TEST_CASE("rope_pair rotates by the angle and its inverse rotates back", "[cuda][rows]") {
  const std::vector<float> x = {1, 2, 3, 4, 5, 6};  // one head of width 6
  std::vector<float> y(6), back(6);
  for (const int i : {0, 1, 2}) {
    const float angle = 0.7f * static_cast<float>(i + 1);
    lldm::cuda::rope_pair(x.data(), y.data(), i, 3, std::cos(angle), std::sin(angle));
    lldm::cuda::rope_pair(y.data(), back.data(), i, 3, std::cos(angle), -std::sin(angle));
    const auto k = static_cast<std::size_t>(i);
    CHECK(y[k] == Approx(x[k] * std::cos(angle) - x[k + 3] * std::sin(angle)));
    CHECK(y[k + 3] == Approx(x[k + 3] * std::cos(angle) + x[k] * std::sin(angle)));
  }
  for (std::size_t i = 0; i < 6; ++i) CHECK(back[i] == Approx(x[i]).margin(1e-5));
}

TEST_CASE("swiglu and its backward agree with autograd", "[cuda][rows]") {
  const at::Tensor gate = leaf({101}), up = leaf({101}), dy = at::randn({101}, at::kDouble);
  const at::Tensor y = at::silu(gate) * up;
  (y * dy).sum().backward();
  const std::vector<float> gates = floats(gate), ups = floats(up), dys = floats(dy);
  std::vector<float> ys, dgates, dups;
  for (std::size_t i = 0; i < gates.size(); ++i) {
    ys.push_back(lldm::cuda::swiglu_value(gates[i], ups[i]));
    const auto gradient = lldm::cuda::swiglu_gradient(gates[i], ups[i], dys[i]);
    dgates.push_back(gradient.gate), dups.push_back(gradient.up);
  }
  CHECK(distance(ys, y) < 1e-5);
  CHECK(distance(dgates, gate.grad()) < 1e-5);
  CHECK(distance(dups, up.grad()) < 1e-5);
}

TEST_CASE("swiglu stays finite where the sigmoid saturates", "[cuda][rows]") {
  CHECK(lldm::cuda::swiglu_value(-200.0f, 3.0f) == 0.0f);
  CHECK(lldm::cuda::swiglu_value(200.0f, 3.0f) == 600.0f);
  const auto gradient = lldm::cuda::swiglu_gradient(-200.0f, 3.0f, 1.0f);
  CHECK(gradient.gate == 0.0f);
  CHECK(gradient.up == 0.0f);
}

TEST_CASE("heads are rotated where they lie in a row, for every layout", "[cuda][rows]") {
  for (const auto& [heads, kv_heads] : {std::pair(4, 4), {4, 2}, {6, 1}})
    for (const bool is_interleaved : {false, true}) {
      CAPTURE(heads, kv_heads, is_interleaved);
      constexpr std::int64_t kWidth = 8, kHalf = kWidth / 2, kTokens = 11;
      TransformerConfig config;
      config.width = heads * kWidth, config.heads = heads;
      config.kv_heads = kv_heads, config.max_length = 16;
      const auto tables = rope_tables(config, at::kFloat);
      BlockContext context{.parts = &operation_block_parts(),
                           .offsets = {0, 4, kTokens},
                           .visible = {},
                           .cosines = tables.cosines,
                           .sines = tables.sines,
                           .heads = heads,
                           .kv_heads = kv_heads,
                           .eps = 1e-5,
                           .compute = at::kFloat};
      context.runs = attention_runs(context);
      const at::Tensor rows = at::randn({kTokens, (heads + 2 * kv_heads) * kWidth});
      const AttentionHeads exact = rotated_heads(rows, context, is_interleaved);
      const at::Tensor cosines = context.runs->cosines.contiguous(),
                       sines = context.runs->sines.contiguous();
      // What the kernels do for every pair, and its way back.
      at::Tensor back = at::full_like(rows, std::numeric_limits<double>::quiet_NaN());
      const auto turn = [&](const cuda::HeadPlaces& places, std::int64_t count) {
        at::Tensor out = at::empty({kTokens, count, kWidth});
        for (std::int64_t row = 0; row < kTokens; ++row)
          for (int head = 0; head < count; ++head)
            for (int i = 0; i < kHalf; ++i) {
              const std::int64_t place =
                  row * rows.size(1) + cuda::place_of(places, head, static_cast<int>(kWidth));
              auto* own = out.mutable_data_ptr<float>() + (row * count + head) * kWidth;
              const float cosine = cosines.const_data_ptr<float>()[row * kHalf + i],
                          sine = sines.const_data_ptr<float>()[row * kHalf + i];
              cuda::rope_pair(rows.const_data_ptr<float>() + place, own, i, kHalf, cosine, sine);
              cuda::rope_pair(own, back.mutable_data_ptr<float>() + place, i, kHalf, cosine, -sine);
            }
        return out;
      };
      const auto q = turn(query_places(context, kWidth, is_interleaved), heads),
                 k = turn(key_places(context, kWidth, is_interleaved), kv_heads);
      value_heads(back, context, is_interleaved).copy_(value_heads(rows, context, is_interleaved));
      CHECK(distance(floats(q), exact.q) < 1e-6);
      CHECK(distance(floats(k), exact.k) < 1e-6);
      CHECK(distance(floats(value_heads(rows, context, is_interleaved)), exact.v) == 0);
      CHECK(distance(floats(back), rows) < 1e-6);  // every number of a row has been put back
    }
}
