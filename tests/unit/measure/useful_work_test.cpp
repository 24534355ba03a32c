// SPDX-License-Identifier: MIT
#include "lldm/measure/useful_work.hpp"

#include "lldm/measure/product_rate.hpp"
#include "lldm/measure/step_measurement.hpp"
#include "lldm/model/transformer_config.hpp"
#include "lldm/score/engine.hpp"
#include "support/catch.hpp"

using namespace lldm;

namespace {

/// One block of width 4: matrices of 4 x 4 (q, k, v, out) and three of 4 x 8: 160 numbers.
WorkShape small_shape() {
  TransformerConfig config;
  config.vocabulary = config.logit_columns = 10;
  config.width = 4;
  config.layers = 1;
  config.heads = config.kv_heads = 2;
  config.mlp_width = 8;
  return {.model = shape_of(config)};
}

ScorePlan plan_of(std::int64_t length, const std::vector<int>& queries_by_copy) {
  ScorePlan plan;
  plan.length = length;
  plan.tokens.assign(static_cast<std::size_t>(length) * queries_by_copy.size(), 0);
  for (std::size_t copy = 0; copy < queries_by_copy.size(); ++copy)
    for (int q = 0; q < queries_by_copy[copy]; ++q)
      plan.queries.push_back({static_cast<std::int32_t>(copy), q, 0, 1.0});
  return plan;
}

}  // namespace

TEST_CASE("forward_flops is 2 L P + 4 N L^2 A + 2 Q D V, worked by hand", "[measure]") {
  const WorkShape shape = small_shape();
  REQUIRE(shape.model.matrix_values == 160);
  REQUIRE(shape.model.attention_width == 4);
  // 5 tokens, 2 queried rows: 2*5*160 = 1600; 4*1*25*4 = 400; 2*2*4*10 = 160.
  CHECK(forward_flops(shape, 5, 2) == 2160);
  CHECK(backward_flops(shape, 5, 2) == 2 * 2160);
}

TEST_CASE("backward_flops of an adapter is one product of frozen weights, two of the updates",
          "[measure]") {
  WorkShape shape = small_shape();
  shape.adapter_values = 30;  // 2*5*30 = 300 of them in a forward
  CHECK(forward_flops(shape, 5, 2) == 2160 + 300);
  CHECK(backward_flops(shape, 5, 2) == 1600 + 160 + 2 * (400 + 300));
}

TEST_CASE("UsefulWork counts every copy once, and the reference's forward where it is computed",
          "[measure]") {
  WorkShape shape = small_shape();
  ScoreBatch batch;
  batch.group_size = 2;
  batch.plans = {plan_of(5, {2, 1}), plan_of(3, {3})};
  UsefulWork work;
  work.add(batch, shape);
  CHECK(work.evaluations == 3);
  CHECK(work.reference_evaluations == 0);
  CHECK(work.tokens == 13);
  CHECK(work.queries == 6);
  // (5, 2) 2160; (5, 1) 2080; (3, 3) 960 + 144 + 240 = 1344: 5584 forward.
  CHECK(work.flops == 3 * 5584);

  shape.asks_reference = true;
  batch.mismatched_plans = {plan_of(3, {3})};
  UsefulWork with_reference;
  with_reference.add(batch, shape);
  CHECK(with_reference.evaluations == 4);
  CHECK(with_reference.reference_evaluations == 4);
  CHECK(with_reference.tokens == 13);
  CHECK(with_reference.flops == 3 * 5584 + 1344 + 5584 + 1344);
}

TEST_CASE("product_shapes are the products of a forward pass, grouped keys included", "[measure]") {
  TransformerConfig config;
  config.vocabulary = config.logit_columns = 50;
  config.width = 32;
  config.layers = 3;
  config.heads = 4;
  config.kv_heads = 2;
  config.mlp_width = 40;
  const ModelShape model = shape_of(config);
  double flops = 0;
  for (const ProductShape& shape : product_shapes(model, 20, 6))
    flops += 2 * static_cast<double>(shape.count * shape.rows * shape.inner * shape.columns);
  CHECK(flops == 2 * 20 * model.matrix_values + 2 * 6 * 32 * 50);
  CHECK(product_shapes(model, 20, 6).front().columns == 32 + 2 * 16);
}

TEST_CASE("measure_products gives a rate and who reached it", "[measure]") {
  for (const at::ScalarType dtype : {at::kFloat, at::kDouble, at::kBFloat16}) {
    const ProductRate rate = measure_products({{64, 32, 48, 2}}, dtype, at::kCPU, 2);
    CHECK(rate.flops_per_second > 1e7);
    CHECK(rate.flops_per_second < 1e14);
    CHECK((rate.library == "MKL" || rate.library == "oneDNN"));
  }
  CHECK(measure_products({}, at::kFloat, at::kCPU).flops_per_second == 0);
}

TEST_CASE("seconds of a step are the median, of an even number too", "[measure]") {
  StepMeasurement measurement;
  CHECK(measurement.seconds_per_step() == 0);
  measurement.seconds = {4, 1, 2};
  CHECK(measurement.seconds_per_step() == 2);
  measurement.seconds = {4, 1, 2, 8};
  CHECK(measurement.seconds_per_step() == 3);
}
