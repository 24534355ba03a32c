// SPDX-License-Identifier: MIT
// The mathematics that the kernels share with the host, against LibTorch's own autograd in float64.
#include "cuda/rows.cuh"

#include <ATen/TensorOperators.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/silu.h>

#include <cmath>
#include <vector>

#include "support/catch.hpp"

using lldm::cuda::OneLane;

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

TEST_CASE("rms_norm_row and its backward agree with autograd", "[cuda][rows]") {
  constexpr int kRows = 5, kWidth = 37;
  const at::Tensor x = leaf({kRows, kWidth}), w = leaf({kWidth}),
                   dy = at::randn({kRows, kWidth}, at::kDouble);
  const at::Tensor y = x * at::rsqrt((x * x).mean(-1, true) + 1e-5) * w;
  (y * dy).sum().backward();

  const std::vector<float> xs = floats(x), ws = floats(w), dys = floats(dy);
  std::vector<float> ys(xs.size()), dxs(xs.size()), dws(kWidth, 0.0f);
  for (std::size_t row = 0; row < kRows; ++row) {
    const std::size_t at = row * kWidth;
    const float r = rms_norm_row(&xs[at], ws.data(), &ys[at], kWidth, 1e-5f, OneLane{});
    rms_norm_row_backward(&xs[at], ws.data(), &dys[at], r, &dxs[at], dws.data(), kWidth, OneLane{});
  }
  CHECK(distance(ys, y) < 1e-5);
  CHECK(distance(dxs, x.grad()) < 1e-5);
  CHECK(distance(dws, w.grad()) < 1e-5);
}

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
