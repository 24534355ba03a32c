// SPDX-License-Identifier: MIT
// A step of 8-bit AdamW by a library's function on the host's memory, against ours.
#include "train/adamw_8bit_by_bitsandbytes.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include "lldm/train/adamw_8bit.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/fake_libraries.hpp"
#include "train/update_by_operations.hpp"

using namespace lldm;

namespace {

constexpr std::int64_t kCount = 256 * 40 + 100;
constexpr double kRate = 1e-2;

memory::Bitsandbytes library(const std::string& kind) {
  return memory::load_bitsandbytes(testing::fake_bitsandbytes(kind));
}

AdamW8BitStep step_of(const AdamW::Options& options, const at::Tensor& value) {
  const DynamicMap first(at::kCPU, true), second(at::kCPU, false);
  const auto zeros = [](std::int64_t count, at::ScalarType dtype) {
    return at::zeros({count}, dtype);
  };
  const std::int64_t count = value.numel(), blocks = (count + 255) / 256;
  return {options,
          kRate,
          1,
          0,
          false,
          value.clone(),
          at::zeros_like(value),
          zeros(count, at::kByte),
          zeros(count, at::kByte),
          zeros(blocks, at::kFloat),
          zeros(blocks, at::kFloat),
          first.values,
          second.values};
}

/// The mean and the largest |a - b|, in shares of a step's length.
std::pair<double, double> errors(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor error = (a.to(at::kFloat) - b.to(at::kFloat)).abs() / kRate;
  return {error.mean().item<double>(), error.max().item<double>()};
}

}  // namespace

TEST_CASE("Steps of adamw_8bit by the library's function are ours to a rounding, in any parts",
          "[cuda][adamw_8bit]") {
  const auto fake = library("whole");
  // Clipped, decayed; and left as they are.
  for (const auto& options :
       {AdamW::Options{.weight_decay = 0.3, .max_gradient_norm = 1.0},
        AdamW::Options{.beta2 = 0.999, .weight_decay = 0, .max_gradient_norm = 0}}) {
    const at::Tensor start = at::randn({kCount});
    const NamedParameter ours{"w", start.clone().requires_grad_(true)};
    AdamW8Bit optimizer({ours}, options);
    AdamW8BitStep whole = step_of(options, start), parts = step_of(options, start);
    for (int step = 1; step <= 6; ++step) {
      const at::Tensor slope = at::randn({kCount});
      ours.value.mutable_grad().copy_(slope);
      const double norm = optimizer.step(kRate);
      for (AdamW8BitStep* other : {&whole, &parts}) {
        other->gradient.copy_(slope);
        other->step = step;
        other->gradient_scale = options.max_gradient_norm > 0 ? 1 / (norm + 1e-6) : 1;
        adamw_8bit_by_bitsandbytes(fake, *other, other == &parts ? 256 * 7 : 1 << 24);
      }
      const auto [mean, largest] = errors(whole.value, ours.value.detach());
      INFO("step " << step << ", decay " << options.weight_decay);
      CHECK(mean < 1e-3);
      CHECK(largest < 0.1);  // where a last bit turned a code
      CHECK(at::equal(parts.value, whole.value));
      CHECK(at::equal(parts.first, whole.first));
      CHECK(at::equal(parts.second_scale, whole.second_scale));
      // Both end in the same codes, but for such ones.
      const auto state = optimizer.state();
      CHECK(whole.first.ne(state[0].value).sum().item<std::int64_t>() < kCount / 100);
      CHECK(whole.second.ne(state[1].value).sum().item<std::int64_t>() < kCount / 100);
    }
  }
}

TEST_CASE("A second moment above zero keeps a code above zero, one of zero does not",
          "[cuda][adamw_8bit]") {
  const auto fake = library("whole");
  AdamW8BitStep step = step_of({.weight_decay = 0, .max_gradient_norm = 0}, at::zeros({4096}));
  step.gradient[0] = 1.0;  // beside it the next one's square is far below the smallest code
  step.gradient[1] = 1e-4;
  step.step = 1;
  adamw_8bit_by_bitsandbytes(fake, step);
  CHECK(step.second[0].item<int>() == 255);
  CHECK(step.second[1].item<int>() == 1);
  CHECK(step.second[2].item<int>() == 0);
  // Nor is it lost while there is no gradient: what comes then would be divided by its root.
  step.gradient.zero_();
  step.step = 2;
  adamw_8bit_by_bitsandbytes(fake, step);
  CHECK(step.second[1].item<int>() >= 1);
  CHECK(step.second[2].item<int>() == 0);
}

TEST_CASE("bfloat16 weights that are rounded to the nearest are the library's, without decay",
          "[cuda][adamw_8bit]") {
  const auto fake = library("whole");
  const AdamW::Options options{.weight_decay = 0, .max_gradient_norm = 0};
  const at::Tensor start = at::randn({kCount}).to(at::kBFloat16);
  const NamedParameter ours{"w", start.clone().requires_grad_(true)};
  AdamW8Bit optimizer({ours}, options, {.is_stochastic = false});
  AdamW8BitStep other = step_of(options, start);
  CHECK(why_adamw_8bit_stays_ours(other).empty());
  for (int step = 1; step <= 3; ++step) {
    const at::Tensor slope = at::randn({kCount}).to(at::kBFloat16);
    ours.value.mutable_grad().copy_(slope);
    static_cast<void>(optimizer.step(kRate));
    other.gradient.copy_(slope);
    other.step = step;
    adamw_8bit_by_bitsandbytes(fake, other);
    // A last bit may round to the other neighbor: of numbers up to 4, a step and a half apart.
    CHECK(errors(other.value, ours.value.detach()).first < 0.01);
  }
  other.is_stochastic = true;
  CHECK(why_adamw_8bit_stays_ours(other) == "bfloat16 weights are rounded stochastically");
  other.is_stochastic = false;
  other.options.weight_decay = 0.1;
  CHECK(why_adamw_8bit_stays_ours(other) == "bfloat16 weights decay");
  other.gradient = other.gradient.to(at::kFloat);
  CHECK(why_adamw_8bit_stays_ours(other) == "the gradient has another dtype");
  CHECK(why_adamw_8bit_stays_ours(step_of(options, start.to(at::kDouble))) ==
        "neither float32 nor bfloat16");
}

TEST_CASE("A library whose steps are wrong fails its trial", "[cuda][adamw_8bit]") {
  CHECK(adamw_8bit_trial(library("whole"), at::kCPU).empty());
  auto wrong = library("whole");
  static const auto right = wrong.adam_float32;
  wrong.adam_float32 = [](void* value, void* gradient, unsigned char* first, unsigned char* second,
                          float beta1, float beta2, float beta3, float alpha, float epsilon,
                          int step, float rate, float* first_map, float* second_map,
                          float* first_scale, float* second_scale, float decay, float scale,
                          bool skips, int count) {
    right(value, gradient, first, second, beta1, beta2, beta3, alpha, epsilon, step, 2 * rate,
          first_map, second_map, first_scale, second_scale, decay, scale, skips, count);
  };
  const std::string said = adamw_8bit_trial(wrong, at::kCPU);
  CHECK(said.starts_with("step 1 of a trial of 8-bit Adam is "));
  CHECK_THAT(said, testing::contains(" of a step off on average, at most 0.05 is right"));
}

TEST_CASE("On the CPU no step is a library's", "[cuda][adamw_8bit]") {
  CHECK(bitsandbytes_for(step_of({}, at::randn({kCount}))) == nullptr);
}
