// SPDX-License-Identifier: MIT
// Every optimizer against float64 loops, closed forms, and itself on other ways.
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <cmath>
#include <functional>
#include <limits>
#include <memory>

#include "lldm/errors.hpp"
#include "lldm/memory/manager.hpp"
#include "lldm/train/adafactor.hpp"
#include "lldm/train/adamw.hpp"
#include "lldm/train/adamw_8bit.hpp"
#include "lldm/train/train_options.hpp"
#include "model/kernels/clones.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/resumed.hpp"
#include "support/slow_optimizers.hpp"

using namespace lldm;
using testing::contains;

namespace {

using Numbers = std::vector<double>;

Numbers numbers_of(const at::Tensor& tensor) {
  const at::Tensor wide = tensor.detach().to(at::kDouble).contiguous();
  return {wide.const_data_ptr<double>(), wide.const_data_ptr<double>() + wide.numel()};
}

/// Weights [rows, columns], and a gradient that depends on weights and step: a bowl with noise.
struct Bowl {
  std::int64_t rows = 40, columns = 150;
  at::ScalarType dtype = at::kFloat;
  at::Tensor start = at::randn({rows, columns}), goal = at::randn({rows, columns}),
             noise = at::randn({60, rows, columns});

  [[nodiscard]] NamedParameter parameter() const {
    return {"w", start.to(dtype).clone().requires_grad_(true)};
  }
  [[nodiscard]] at::Tensor slope(const at::Tensor& weights, int step) const {
    return (weights.detach().to(at::kFloat) - goal).mul_(0.02) + noise[step % 60].mul(0.01);
  }
  /// `steps` of `optimizer`, whose one parameter is `parameter`.
  void run(Optimizer& optimizer, const NamedParameter& parameter, int from, int to,
           double rate = 1e-2) const {
    for (int step = from; step < to; ++step) {
      at::Tensor(parameter.value).mutable_grad().copy_(slope(parameter.value, step));
      (void)optimizer.step(rate);
    }
  }
};

OptimizerOptions options_of(const std::string& type) {
  OptimizerOptions options;
  options.type = type;
  options.max_gradient_norm = 0.5;  // about half of the steps are clipped
  return options;
}

/// Mean distance of two runs over how far the first one went.
double share_of_way(const at::Tensor& got, const at::Tensor& wanted, const at::Tensor& start) {
  const at::Tensor wide = wanted.detach().to(at::kDouble);
  return ((got.detach().to(at::kDouble) - wide).norm() / (wide - start.to(at::kDouble)).norm())
      .item<double>();
}

}  // namespace

TEST_CASE("AdamW: 60 steps, half of them clipped, are those of float64 loops", "[train]") {
  const Bowl bowl;
  const NamedParameter parameter = bowl.parameter();
  AdamW optimizer({parameter}, {.max_gradient_norm = 0.5});
  testing::SlowAdamW slow{.options = {.max_gradient_norm = 0.5}, .first = {}, .second = {}};
  Numbers w = numbers_of(bowl.start);
  int clipped = 0;
  for (int step = 0; step < 60; ++step) {
    const at::Tensor slope = bowl.slope(parameter.value, step);
    at::Tensor(parameter.value).mutable_grad().copy_(slope);
    const double norm = optimizer.step(1e-2);
    CHECK(norm == Approx(slope.to(at::kDouble).norm().item<double>()).epsilon(1e-12));
    clipped += norm > 0.5 ? 1 : 0;
    slow.step(w, numbers_of(slope), 1e-2);
  }
  CHECK(clipped > 5);
  const Numbers got = numbers_of(parameter.value);
  double largest = 0;
  for (std::size_t i = 0; i < w.size(); ++i) largest = std::max(largest, std::abs(got[i] - w[i]));
  INFO(largest);
  CHECK(largest < 5e-6);
  CHECK(at::equal(parameter.value.grad(), at::zeros_like(parameter.value)));
}

TEST_CASE("AdamW: the bits depend neither on threads nor on the processor's level", "[train]") {
  const auto end = [](int threads, CpuLevel level, const std::string& type, at::ScalarType dtype) {
    const int before = at::get_num_threads();
    at::set_num_threads(threads);
    limit_cpu_level(level);
    at::manual_seed(3);
    const Bowl bowl{.rows = 300, .columns = 501, .dtype = dtype};
    const NamedParameter parameter = bowl.parameter();
    const auto optimizer = make_optimizer({parameter}, options_of(type), Draws(7, "x"));
    for (int step = 0; step < 3; ++step) {
      at::Tensor(parameter.value).mutable_grad().copy_(bowl.noise[step]);
      (void)optimizer->step(1e-2);
    }
    limit_cpu_level(CpuLevel::avx512);
    at::set_num_threads(before);
    std::vector<at::Tensor> all{parameter.value.detach().clone()};
    for (const NamedParameter& state : optimizer->state()) all.push_back(state.value.clone());
    return all;
  };
  for (const char* type : {"adamw", "adamw_8bit", "adafactor"})
    for (const auto dtype : {at::kFloat, at::kBFloat16}) {
      INFO(type << ", " << at::toString(dtype));
      const auto wanted = end(1, CpuLevel::avx512, type, dtype);
      for (const auto& [threads, level] :
           {std::pair{2, CpuLevel::avx512}, std::pair{2, CpuLevel::avx2},
            std::pair{1, CpuLevel::baseline}}) {
        const auto got = end(threads, level, type, dtype);
        REQUIRE(got.size() == wanted.size());
        for (std::size_t i = 0; i < got.size(); ++i) CHECK(at::equal(got[i], wanted[i]));
      }
    }
}

TEST_CASE("AdamW: on a bowl the first step is the rate, and the last ones stand at its bottom",
          "[train]") {
  for (const char* type : {"adamw", "adamw_8bit", "adafactor"}) {
    INFO(type);
    const at::Tensor goal = at::full({80, 80}, 0.7);
    NamedParameter parameter{"w", at::zeros({80, 80}).requires_grad_(true)};
    OptimizerOptions options = options_of(type);
    options.weight_decay = 0, options.max_gradient_norm = 0;
    const auto optimizer = make_optimizer({parameter}, options, Draws(7, "x"));
    for (int step = 0; step < 400; ++step) {
      at::Tensor(parameter.value).mutable_grad().copy_(parameter.value.detach() - goal);
      (void)optimizer->step(step < 300 ? 0.01 : 0.0001);
      // The first step: m / sqrt(v) is the gradient's sign (Adafactor: U / RMS(U) is).
      if (step == 0) CHECK((parameter.value.detach() - 0.01).abs().max().item<double>() < 1e-6);
    }
    CHECK((parameter.value.detach() - goal).abs().max().item<double>() < 0.005);
  }
}

TEST_CASE("Adafactor: 60 steps are those of float64 loops; the states are rows and columns",
          "[train]") {
  for (const bool is_relative : {false, true}) {
    const Bowl bowl;
    const NamedParameter parameter = bowl.parameter();
    Adafactor optimizer(
        {parameter}, {.weight_decay = 0.1, .max_gradient_norm = 0, .relative_step = is_relative});
    testing::SlowAdafactor slow{.rows = bowl.rows,
                                .columns = bowl.columns,
                                .weight_decay = 0.1,
                                .relative_step = is_relative,
                                .row = {},
                                .column = {}};
    Numbers w = numbers_of(bowl.start);
    for (int step = 0; step < 60; ++step) {
      const at::Tensor slope = bowl.slope(parameter.value, step);
      at::Tensor(parameter.value).mutable_grad().copy_(slope);
      (void)optimizer.step(1e-2);
      slow.step(w, numbers_of(slope), 1e-2);
    }
    const Numbers got = numbers_of(parameter.value);
    double largest = 0;
    for (std::size_t i = 0; i < w.size(); ++i) largest = std::max(largest, std::abs(got[i] - w[i]));
    INFO(largest);
    CHECK(largest < 1e-5);
    std::int64_t numbers = 0;
    for (const NamedParameter& state : optimizer.state()) numbers += state.value.numel();
    CHECK(numbers == bowl.rows + bowl.columns);
  }
}

TEST_CASE("adamw_8bit: 300 steps stay within 2 % of AdamW's way; small tensors are AdamW's bits",
          "[train]") {
  const Bowl bowl;
  const NamedParameter coded = bowl.parameter(), plain = bowl.parameter();
  AdamW8Bit optimizer({coded}, {});
  AdamW wanted({plain}, {});
  bowl.run(optimizer, coded, 0, 300, 3e-3);
  bowl.run(wanted, plain, 0, 300, 3e-3);
  const double share = share_of_way(coded.value, plain.value, bowl.start);
  INFO(share);
  CHECK(share < 0.02);
  CHECK(share > 0);

  const Bowl small{.rows = 45, .columns = 91};  // 4095 numbers
  const NamedParameter a = small.parameter(), b = small.parameter();
  AdamW8Bit left({a}, {});
  AdamW right({b}, {});
  small.run(left, a, 0, 10);
  small.run(right, b, 0, 10);
  CHECK(at::equal(a.value.detach(), b.value.detach()));
}

TEST_CASE("adamw_8bit: a number whose gradient ends is not thrown far", "[train]") {
  // Its second moment is far below its block's largest one, and gets the smallest code, not 0.
  NamedParameter parameter{"w", at::zeros({4096}).requires_grad_(true)};
  AdamW8Bit optimizer({parameter}, {.weight_decay = 0, .max_gradient_norm = 0});
  double largest = 0;
  for (int step = 0; step < 50; ++step) {
    at::Tensor slope = at::full({4096}, 1.0);
    slope.narrow(0, 0, 8).fill_(step == 0 ? 1e-4 : 0);
    at::Tensor(parameter.value).mutable_grad().copy_(slope);
    (void)optimizer.step(1e-3);
    largest = parameter.value.detach().narrow(0, 0, 8).abs().max().item<double>();
  }
  CHECK(largest < 0.05);  // AdamW takes 50 steps of 1e-3 at most
}

TEST_CASE("optimizers: states go through a checkpoint's tensors with equal bits", "[train]") {
  for (const char* type : {"adamw", "adamw_8bit", "adafactor"})
    for (const auto dtype : {at::kFloat, at::kBFloat16}) {
      INFO(type << ", " << at::toString(dtype));
      const Bowl bowl{.dtype = dtype};
      const NamedParameter whole = bowl.parameter();
      const auto optimizer = make_optimizer({whole}, options_of(type), Draws(7, "x"));
      bowl.run(*optimizer, whole, 0, 7);
      NamedParameter second{"w", whole.value.detach().clone().requires_grad_(true)};
      const auto resumed = make_optimizer({second}, options_of(type), Draws(7, "x"));
      testing::resume(*resumed, *optimizer);
      bowl.run(*optimizer, whole, 7, 12);
      bowl.run(*resumed, second, 7, 12);
      CHECK(at::equal(whole.value.detach(), second.value.detach()));
      CHECK(resumed->steps_done() == 12);
    }
}

TEST_CASE("optimizers: a gradient that is not finite changes nothing and is named", "[train]") {
  for (const char* type : {"adamw", "adamw_8bit", "adafactor"}) {
    INFO(type);
    const Bowl bowl;
    const NamedParameter parameter = bowl.parameter();
    const auto optimizer = make_optimizer({parameter}, options_of(type), Draws(7, "x"));
    bowl.run(*optimizer, parameter, 0, 2);
    const at::Tensor before = parameter.value.detach().clone();
    at::Tensor(parameter.value).mutable_grad()[3][4] = std::numeric_limits<float>::quiet_NaN();
    CHECK_THROWS_WITH(optimizer->step(1e-2), contains("first in w"));
    CHECK(at::equal(parameter.value.detach(), before));
    CHECK(optimizer->steps_done() == 2);
  }
}

TEST_CASE("optimizers: optimizer_bytes are the bytes that they take", "[train][memory]") {
  MemoryManager memory;
  std::vector<NamedParameter> parameters;
  std::vector<std::vector<std::int64_t>> sizes{{300, 200}, {77}, {64, 63}, {5000}};
  for (const auto& size : sizes)
    parameters.push_back({std::to_string(parameters.size()), at::randn(size).requires_grad_(true)});
  for (const char* type : {"adamw", "adamw_8bit", "adafactor"}) {
    INFO(type);
    const auto options = options_of(type);
    std::int64_t held = 0;
    const auto optimizer = make_optimizer(parameters, options, Draws(7, "x"));
    for (const NamedParameter& state : optimizer->state()) held += state.value.nbytes();
    const OptimizerBytes bytes = optimizer_bytes(options, sizes, 4, "cpu");
    CHECK(bytes.host == 0);
    CHECK(bytes.device >= held);
    CHECK(bytes.device - held < 2 * 64 * 4);
  }
  OptimizerOptions host = options_of("adamw");
  host.resident = OptimizerResidence::host;
  const OptimizerBytes there = optimizer_bytes(host, sizes, 2, "cuda");
  CHECK(there.device == 0);
  // Moments of all, and float32 copies of the matrices.
  CHECK(there.host ==
        optimizer_bytes(options_of("adamw"), sizes, 4, "cpu").device + 4 * (300 * 200 + 64 * 63));
  CHECK(there.staging == 3 * 2 * 2 * 60000);
}
