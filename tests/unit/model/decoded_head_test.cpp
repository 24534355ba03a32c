// SPDX-License-Identifier: MIT
// A head that is decoded by slices: its scores go by nothing that is beside a row.
#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <torch/csrc/autograd/autograd.h>

#include "model/head.hpp"
#include "support/catch.hpp"

using namespace lldm;

namespace {

constexpr std::int64_t kWidth = 512, kColumns = 20000, kRows = 700;

Matrix decoded_head() {
  auto head = Matrix::zeros(kColumns, kWidth, WeightStorage::bfloat16, at::kFloat, at::kCPU);
  at::Tensor(head.values()).copy_(at::randn({kColumns, kWidth}).mul(0.05));
  return head;
}

}  // namespace

TEST_CASE("decoded head: a row's bits are the same beside any number of others", "[model][head]") {
  static_assert(kWidth < kRows);  // more than one group of rows
  REQUIRE(sliced_head_columns(kWidth, 4, kHeadChunkBytes) < kColumns / 2);
  const Matrix head = decoded_head();
  const auto rows = at::randn({kRows, kWidth});
  const auto targets = at::randint(kColumns, {kRows}, at::kLong);
  const auto score = [&](std::int64_t first, std::int64_t count) {
    return head_log_probabilities(rows.narrow(0, first, count), head,
                                  targets.narrow(0, first, count), 7, at::kFloat);
  };
  const auto all = score(0, kRows);
  for (const auto& [first, count] : {std::pair<std::int64_t, std::int64_t>{0, 1},
                                     {3, 17},
                                     {100, 128},
                                     {0, 512},
                                     {5, 513},
                                     {650, 50}}) {
    INFO(count << " rows from " << first);
    CHECK(at::equal(score(first, count), all.narrow(0, first, count)));
  }
}

TEST_CASE("decoded head: scores and gradients are those of float64", "[model][head]") {
  Matrix head = decoded_head();
  const auto rows = at::randn({kRows, kWidth}).requires_grad_(true);
  const auto targets = at::randint(kColumns, {kRows}, at::kLong);
  const auto upstream = at::randn({kRows});
  at::Tensor weight = head.values();
  weight.requires_grad_(true);
  const auto scores = head_log_probabilities(rows, head, targets, std::nullopt, at::kFloat);
  const auto gradients =
      torch::autograd::grad({scores}, {rows, weight}, {upstream}, /*retain_graph=*/false);

  const auto wide_rows = rows.detach().to(at::kDouble).requires_grad_(true);
  const auto wide_weight = weight.detach().to(at::kDouble).requires_grad_(true);
  const auto wanted = at::log_softmax(wide_rows.matmul(wide_weight.t()), 1)
                          .gather(1, targets.unsqueeze(1))
                          .squeeze(1);
  const auto slow =
      torch::autograd::grad({wanted}, {wide_rows, wide_weight}, {upstream.to(at::kDouble)});
  const auto apart = [](const at::Tensor& a, const at::Tensor& b) {
    return ((a.to(at::kDouble) - b).norm() / b.norm()).item<double>();
  };
  CHECK((scores.detach().to(at::kDouble) - wanted.detach()).abs().max().item<double>() < 2e-5);
  CHECK(apart(gradients[0], slow[0]) < 1e-5);
  CHECK(apart(gradients[1], slow[1]) < 4e-3);  // rounded to bfloat16
}
