// SPDX-License-Identifier: MIT
// What a model is made of, one by one, against float64 on the host.  Memory that an operation
// leaves unwritten holds NaN: LibTorch fills what it hands out, as asked below.
#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/zeros_like.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <limits>

#include "check.hpp"
#include "lldm/train/adamw.hpp"
#include "lldm/train/host_adamw.hpp"
#include "lldm/train/train_options.hpp"
#include "model/block.hpp"
#include "model/block_parts.hpp"
#include "model/device_products.hpp"
#include "model/head.hpp"
#include "model/quantized/dynamic_map.hpp"
#include "model/quantized/nf4.hpp"

namespace lldm::gpu_check {
namespace {

constexpr double kFloat32Bound = 2e-6, kGradientBound = 1e-5;

using Tensors = std::vector<at::Tensor>;

/// The outputs of `work` and the gradients of all floating inputs, of a weighted sum of outputs.
Tensors with_gradients(const Tensors& inputs, const std::function<Tensors(const Tensors&)>& work) {
  Tensors leaves, wanted;
  for (const auto& input : inputs) {
    leaves.push_back(input.detach().clone());
    if (input.is_floating_point()) wanted.push_back(leaves.back().requires_grad_(true));
  }
  Tensors results = work(leaves);
  at::Tensor loss;
  for (const auto& result : results) {
    // Made in float64: the same numbers in every dtype.
    const auto weights = at::arange(1, result.numel() + 1, at::kDouble)
                             .mul(0.1)
                             .sin()
                             .to(result.options().requires_grad(false));
    const auto part = (result.reshape({-1}) * weights).sum();
    loss = loss.defined() ? loss + part : part;
  }
  for (const auto& slope : torch::autograd::grad({loss}, wanted)) results.push_back(slope);
  return results;
}

/// `work` in float32 on the device against float64 on the host.
void compare(const Bench& bench, Report& report, const std::string& name, const Tensors& inputs,
             const std::function<Tensors(const Tensors&)>& work, std::size_t outputs = 1) {
  report.attempt(name, [&] {
    Tensors here, there;
    for (const auto& input : inputs) {
      const bool is_real = input.is_floating_point();
      here.push_back(is_real ? input.to(bench.at(), at::kFloat) : input.to(bench.at()));
      there.push_back(is_real ? input.to(at::kDouble) : input);
    }
    const Tensors got = with_gradients(here, work), wanted = with_gradients(there, work);
    for (std::size_t i = 0; i < got.size(); ++i)
      report.within(i < outputs ? name : name + ", gradient " + std::to_string(i - outputs),
                    distance(got[i], wanted[i]), i < outputs ? kFloat32Bound : kGradientBound);
  });
}

void check_norm(const Bench& bench, Report& report) {
  for (const std::int64_t width : {24, 64, 4096})
    compare(bench, report, "rms_norm of width " + std::to_string(width),
            {at::randn({37, width}), at::randn({width})}, [](const Tensors& in) {
              return Tensors{rms_norm(block_parts(in[0].device(), false), in[0], in[1], 1e-5)};
            });
}

void check_head(const Bench& bench, Report& report) {
  const std::int64_t vocabulary = bench.is_small ? 1000 : 126464, rows = bench.is_small ? 50 : 70,
                     width = bench.is_small ? 32 : 256;
  const auto targets = at::randint(1, vocabulary, {rows}, at::kLong);
  for (const bool excludes : {false, true})
    compare(bench, report,
            excludes ? "log-probabilities without an id" : "log-probabilities, in chunks",
            {at::randn({rows, width}), at::randn({vocabulary, width}), targets},
            [&](const Tensors& in) {
              return Tensors{head_log_probabilities(
                  in[0], Matrix(in[1]), in[2],
                  excludes ? std::optional<std::int64_t>(0) : std::nullopt, in[0].scalar_type())};
            });
  // A head in bfloat16 is read by slices; no gradient reaches it.
  const auto weight = at::randn({vocabulary, width}).to(at::kBFloat16);
  const auto sliced = [&](const at::Device& device, at::ScalarType plain) {
    const auto matrix = Matrix::zeros(vocabulary, width, WeightStorage::bfloat16, plain, device);
    matrix.assign(weight);
    return matrix;
  };
  const auto here = sliced(bench.at(), at::kFloat), there = sliced(at::kCPU, at::kDouble);
  compare(bench, report, "log-probabilities of a bfloat16 head",
          {at::randn({rows, width}), targets}, [&](const Tensors& in) {
            return Tensors{head_log_probabilities(in[0],
                                                  in[0].scalar_type() == at::kDouble ? there : here,
                                                  in[1], std::nullopt, in[0].scalar_type())};
          });
}

/// The head where products read 16 bits: of numbers that are rounded once, and sums that are not.
void check_narrow_head(const Bench& bench, Report& report) {
  const std::int64_t vocabulary = bench.is_small ? 1000 : 126464, rows = 70, width = 256;
  const auto targets = at::randint(1, vocabulary, {rows}, at::kLong);
  const auto weight = at::randn({vocabulary, width}, at::kDouble).mul(1.0 / 16);
  const auto inputs = at::randn({rows, width}, at::kDouble);
  for (const auto compute : {at::kBFloat16, at::kHalf}) {
    const std::string name = message("log-probabilities in ", c10::toString(compute));
    report.attempt(name, [&, compute = compute] {
      const auto run = [&](at::Device device, at::ScalarType type, at::ScalarType read) {
        return with_gradients(
            {inputs.to(device, type), weight.to(device, type), targets.to(device)},
            [&](const Tensors& in) {
              return Tensors{
                  head_log_probabilities(in[0], Matrix(in[1]), in[2], std::nullopt, read)};
            });
      };
      const Tensors got = run(bench.at(), at::kFloat, compute),
                    wanted = run(at::kCPU, at::kDouble, at::kDouble);
      constexpr double kBound = 2e-2;
      report.within(name, distance(got[0], wanted[0]), kBound);
      report.within(name + ", gradient of rows", distance(got[1], wanted[1]), kBound);
      report.within(name + ", gradient of the head", distance(got[2], wanted[2]), kBound);
    });
  }
  if (bench.cuda != nullptr)
    report.require("products of 16 bits give float32",
                   has_device_products(bench.at(), at::kBFloat16),
                   {{"trial", device_products_text()}});
}

void check_decoders(const Bench& bench, Report& report) {
  for (const WeightStorage storage :
       {WeightStorage::bfloat16, WeightStorage::int8, WeightStorage::nf4})
    for (const std::int64_t columns : {64, 100, 37}) {
      const auto values = at::randn({50, columns});
      const auto matrix_on = [&](at::Device device) {
        const auto matrix = Matrix::zeros(50, columns, storage, at::kFloat, device);
        matrix.assign(values);
        return matrix;
      };
      const auto here = matrix_on(bench.at()), there = matrix_on(at::kCPU);
      const std::string name = "storage " + std::to_string(static_cast<int>(storage)) + " of " +
                               std::to_string(columns) + " columns";
      for (const auto dtype : {at::kFloat, at::kBFloat16})
        report.require(
            name + (dtype == at::kFloat ? ", float32" : ", bfloat16"),
            same_bits(here.dequantized(dtype), there.dequantized(dtype)) &&
                same_bits(here.dequantized(7, 11, dtype), there.dequantized(7, 11, dtype)));
    }
}

void check_optimizer(const Bench& bench, Report& report) {
  const auto value = at::randn({300, 20}), slope = at::randn({300, 20});
  const auto steps = [&](at::Device device, at::ScalarType dtype) {
    NamedParameter parameter{"w", value.to(device, dtype).clone().requires_grad_(true)};
    AdamW optimizer({parameter}, {});
    double norm = 0;
    for (int step = 1; step <= 5; ++step) {
      parameter.value.mutable_grad().copy_(slope.to(device, dtype).mul(step));
      norm = optimizer.step(1e-2);
    }
    return std::pair(parameter.value, norm);
  };
  const auto [got, norm] = steps(bench.at(), at::kFloat);
  const auto [wanted, exact] = steps(at::kCPU, at::kDouble);
  report.within("five AdamW steps", distance(got, wanted), kFloat32Bound);
  report.within("the gradient norm", std::abs(norm - exact) / exact, kFloat32Bound);
}

/// Every other optimizer, in steps from one start, against the host's.
void check_other_optimizers(const Bench& bench, Report& report) {
  const auto value = at::randn({300, 200}), slope = at::randn({300, 200});
  const auto steps = [&](const std::string& type, at::Device device, at::ScalarType dtype,
                         bool is_on_host) {
    NamedParameter parameter{"w", value.to(device, dtype).clone().requires_grad_(true)};
    OptimizerOptions options;
    options.type = type;
    std::unique_ptr<Optimizer> optimizer = make_optimizer({parameter}, options, Draws(3, "gpu"));
    if (is_on_host)  // in pieces, as a model's tensors are
      optimizer = std::make_unique<HostAdamW>(std::vector{parameter}, HostAdamW::Options{},
                                              HostRing{nullptr, 3, 4096});
    for (int step = 1; step <= 5; ++step) {
      parameter.value.mutable_grad().copy_(slope.to(device, dtype).mul(step));
      (void)optimizer->step(1e-2);
    }
    return parameter.value.detach();
  };
  for (const char* type : {"adamw", "adamw_8bit", "adafactor"})
    for (const auto dtype : {at::kFloat, at::kBFloat16}) {
      const std::string name = message(type, dtype == at::kFloat ? ", float32" : ", bfloat16");
      // A last bit may turn a code, and a code moves a weight by a share of a step.
      const double bound =
          dtype == at::kBFloat16 || std::string(type) == "adamw_8bit" ? 0.02 : 1e-5;
      report.within(
          name,
          distance(steps(type, bench.at(), dtype, false), steps(type, at::kCPU, dtype, false)),
          bound);
    }
  for (const auto dtype : {at::kFloat, at::kBFloat16})
    report.require(
        message("adamw on the host, ", dtype == at::kFloat ? "float32" : "bfloat16"),
        same_bits(steps("adamw", bench.at(), dtype, true), steps("adamw", at::kCPU, dtype, true)));
}

/// Weights in bfloat16 beside norms in float32, as a model has them: rounded stochastically by our
/// kernel, with the host's bits; to the nearest by LibTorch's update, which takes one dtype a call.
void check_mixed_weights(const Bench& bench, Report& report) {
  const auto matrix = at::randn({300, 201}), norm = at::randn({777}), slope = at::randn({300, 201});
  const auto steps = [&](at::Device device, RoundingMode rounding) {
    std::vector<NamedParameter> parameters = {
        {"matrix", matrix.to(device, at::kBFloat16).clone().requires_grad_(true)},
        {"norm", norm.to(device).clone().requires_grad_(true)}};
    OptimizerOptions options;
    options.rounding = rounding;
    const auto optimizer = make_optimizer(parameters, options, Draws(5, "gpu"));
    for (int step = 1; step <= 5; ++step) {
      parameters[0].value.mutable_grad().copy_(slope.to(device, at::kBFloat16).mul(step));
      parameters[1].value.mutable_grad().copy_(norm.to(device).mul(step));
      (void)optimizer->step(1e-2);
    }
    return std::pair(parameters[0].value.detach(), parameters[1].value.detach());
  };
  const auto [rounded, beside] = steps(bench.at(), RoundingMode::stochastic);
  const auto [rounded_host, beside_host] = steps(at::kCPU, RoundingMode::stochastic);
  report.require("adamw, bfloat16, the host's bits", same_bits(rounded, rounded_host));
  report.within("adamw, float32 beside bfloat16", distance(beside, beside_host), 1e-5);
  const auto [nearest, other] = steps(bench.at(), RoundingMode::nearest);
  const auto [nearest_host, other_host] = steps(at::kCPU, RoundingMode::nearest);
  report.within("adamw, bfloat16 to the nearest", distance(nearest, nearest_host), 0.02);
  report.within("adamw, float32 beside the nearest", distance(other, other_host), 1e-5);
}

/// The decoders as kernels: bit by bit, and their time beside that of LibTorch's operations.
void check_decoding_kernels(const Bench& bench, Report& report) {
  const auto& kernels = bench.cuda->kernels;
  const std::int64_t rows = 4096, columns = 4096;
  const auto values = at::randn({rows, columns});
  for (const WeightStorage storage : {WeightStorage::int8, WeightStorage::nf4}) {
    const std::string name = storage == WeightStorage::int8 ? "int8" : "nf4";
    const auto matrix = Matrix::zeros(rows, columns, storage, at::kFloat, bench.at());
    matrix.assign(values);
    const auto host = Matrix::zeros(rows, columns, storage, at::kFloat, at::kCPU);
    host.assign(values);
    const auto parts = matrix.parts();
    cuda::Nf4 in;
    std::ranges::copy(kNf4Values, in.codebook.values);
    std::ranges::copy(dynamic_map(true), in.map.values);
    for (const auto type : {at::kFloat, at::kBFloat16}) {
      const auto element =
          type == at::kFloat ? cuda::ElementType::float32 : cuda::ElementType::bfloat16;
      auto out = at::full({rows, columns}, std::numeric_limits<double>::quiet_NaN(),
                          at::TensorOptions(type).device(bench.at()));
      const auto decode = [&](std::int64_t begin, std::int64_t count) {
        if (storage == WeightStorage::int8) {
          kernels.int8_decode(element,
                              parts[0].second.const_data_ptr<std::int8_t>() + begin * columns,
                              parts[1].second.const_data_ptr<float>() + begin, count, columns,
                              out.mutable_data_ptr(), nullptr);
          return;
        }
        in.bytes = parts[0].second.const_data_ptr<std::uint8_t>();
        in.scales = parts[1].second.const_data_ptr<std::uint8_t>();
        in.nested = parts[2].second.const_data_ptr<float>();
        in.begin = begin * columns, in.end = (begin + count) * columns;
        kernels.nf4_decode(element, in, out.mutable_data_ptr(), nullptr);
      };
      const std::string of = name + (type == at::kFloat ? ", float32" : ", bfloat16");
      decode(0, rows);
      report.require("kernel " + of, same_bits(out, host.dequantized(type)));
      decode(17, 5);
      report.require("kernel of some rows, " + of,
                     same_bits(out.view({-1}).narrow(0, 0, 5 * columns).view({5, columns}),
                               host.dequantized(17, 5, type)));
      report.measure("decoding, " + of,
                     {{"kernel_seconds", bench.seconds(5, [&] { decode(0, rows); })},
                      {"model_seconds", bench.seconds(5, [&] { (void)matrix.dequantized(type); })},
                      {"values", rows * columns}});
    }
  }
}

}  // namespace

void check_operators(const Bench& bench, Report& report) {
  at::globalContext().setDeterministicAlgorithms(true, /*warn_only=*/false);
  at::globalContext().setDeterministicFillUninitializedMemory(true);
  const auto unwritten = at::empty({4}, at::TensorOptions(at::kFloat).device(bench.at()));
  report.require("unwritten memory holds NaN", unwritten.isnan().all().item<bool>());
  check_norm(bench, report);
  check_head(bench, report);
  check_narrow_head(bench, report);
  report.attempt("decoders", [&] { check_decoders(bench, report); });
  report.attempt("AdamW", [&] { check_optimizer(bench, report); });
  report.attempt("optimizers", [&] { check_other_optimizers(bench, report); });
  report.attempt("optimizers, mixed weights", [&] { check_mixed_weights(bench, report); });
  if (bench.cuda == nullptr)
    report.skip("kernels", "they need a GPU; unit_cuda holds their mathematics to the host's here");
  else
    report.attempt("kernels", [&] { check_decoding_kernels(bench, report); });
}

}  // namespace lldm::gpu_check
