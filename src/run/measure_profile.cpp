// SPDX-License-Identifier: MIT
#include "run/measure_profile.hpp"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <chrono>
#include <limits>

#include "lldm/errors.hpp"
#include "lldm/memory/device.hpp"
#include "lldm/model/transformer.hpp"
#include "memory/machine_memory.hpp"
#include "model/block.hpp"
#include "model/block_parts.hpp"
#include "model/products.hpp"
#include "model/rope.hpp"
#include "model/wide_products.hpp"
#include "stage/step_time.hpp"

namespace lldm {
namespace {

/// Seconds of one call, the best of those that fit half a second, three at least.
template <class Work>
double seconds_of(const Work& work) {
  using Clock = std::chrono::steady_clock;
  work();  // allocations, first touches
  double best = std::numeric_limits<double>::infinity(), spent = 0;
  for (int i = 0; i < 3 || spent < 0.5; ++i) {
    const auto begin = Clock::now();
    work();
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    best = std::min(best, seconds);
    spent += seconds;
  }
  return best;
}

struct ProductSize {
  std::int64_t rows, in, out;
};

/// Of the three products of a layer that is trained, as its block makes them: its rows, the
/// gradient of its inputs, and that of its weight, where long sums meet few columns.
ProductRates product_rates(const ProductSize& size) {
  const double work =
      3 * 2e-12 * static_cast<double>(size.rows) * static_cast<double>(size.in * size.out);
  const at::Tensor rows = at::randn({size.rows, size.in}), weight = at::randn({size.out, size.in}),
                   slope = at::randn({size.rows, size.out});
  ProductRates rates;
  const ProductLibrary before = product_library();
  const auto rate_of = [&](ProductLibrary library) -> double {
    try {
      use_product_library(library);
    } catch (const ConfigError&) {
      return 0;  // this LibTorch has it not
    }
    return work / seconds_of([&] {
             static_cast<void>(rows_by(rows, weight));
             static_cast<void>(product(slope, weight));
             static_cast<void>(product(slope.t(), rows));
           });
  };
  rates.mkl_float32 = rate_of(ProductLibrary::mkl);
  rates.onednn_float32 = rate_of(ProductLibrary::onednn);
  use_product_library(before);
  rates.float32 = before == ProductLibrary::mkl ? rates.mkl_float32 : rates.onednn_float32;
  const at::Tensor short_rows = rows.to(at::kBFloat16), short_weight = weight.to(at::kBFloat16),
                   short_slope = slope.to(at::kBFloat16);
  rates.bfloat16 = work / seconds_of([&] {
                     if (!has_wide_products()) {  // widened, as a pass does it
                       static_cast<void>(rows_by(short_rows, short_weight));
                       static_cast<void>(product(short_slope, short_weight));
                       static_cast<void>(product(short_slope.t(), short_rows));
                       return;
                     }
                     static_cast<void>(at::mm(short_rows, short_weight.t()));
                     static_cast<void>(at::mm(short_slope, short_weight));
                     static_cast<void>(at::mm(short_slope.t(), short_rows));
                   });
  return rates;
}

/// TFLOP/s of the block's attention forward over 8 texts of 184 tokens, 12 heads of width 64.
double attention_rate() {
  constexpr std::int64_t kTexts = 8, kLength = 184, kHeads = 12, kWidth = 64;
  TransformerConfig config;
  config.width = kHeads * kWidth, config.heads = config.kv_heads = kHeads;
  config.max_length = kLength;
  const auto tables = rope_tables(config, at::kFloat);
  BlockContext context;
  context.parts = &cpu_block_parts();
  for (std::int64_t s = 0; s <= kTexts; ++s) context.offsets.push_back(s * kLength);
  context.cosines = tables.cosines, context.sines = tables.sines;
  context.heads = context.kv_heads = kHeads;
  const at::Tensor qkv =
      context.parts->columns(3 * kHeads * kWidth, kTexts * kLength, at::TensorOptions(at::kFloat));
  qkv.fill_(0.01);
  const double work = 4e-12 * static_cast<double>(kTexts * kLength * kLength * kHeads * kWidth);
  return work / seconds_of([&] { return context.parts->attend(qkv, context, false); });
}

/// GB/s of a sum in place, which reads two numbers and writes one.
double bandwidth() {
  constexpr std::int64_t kNumbers = std::int64_t{1} << 26;
  const at::Tensor sum = at::ones({kNumbers}), more = at::ones({kNumbers});
  return 12e-9 * static_cast<double>(kNumbers) / seconds_of([&] { sum.add_(more); });
}

/// 10^9 weights a second, a tile at a time as products decode them.
double decoding_rate(WeightStorage storage) {
  constexpr std::int64_t kRows = 4096, kColumns = 1024, kTile = 1024;
  const Matrix matrix = Matrix::zeros(kRows, kColumns, storage, at::kFloat, at::kCPU);
  return 1e-9 * static_cast<double>(kRows * kColumns) / seconds_of([&] {
           for (std::int64_t row = 0; row < kRows; row += kTile)
             static_cast<void>(matrix.dequantized(row, kTile, at::kFloat));
         });
}

/// GB/s of a block's norm and its activation, read and written.
double row_rate() {
  constexpr std::int64_t kTokens = 768, kWidth = 256, kMlpWidth = 640;
  const at::Tensor rows = at::randn({kTokens, kWidth}), weight = at::ones({kWidth}),
                   gate_up = at::randn({kTokens, 2 * kMlpWidth});
  const BlockParts& parts = cpu_block_parts();
  return 4e-9 * static_cast<double>(kTokens * (2 * kWidth + 3 * kMlpWidth)) / seconds_of([&] {
           static_cast<void>(parts.norm(rows, weight, 1e-5));
           static_cast<void>(parts.swiglu(gate_up));
         });
}

/// Of an operation of a block so small that its work is nothing.
double call_microseconds() {
  TransformerConfig config;
  config.width = 16, config.layers = 8, config.heads = config.kv_heads = 2, config.mlp_width = 16;
  config.vocabulary = config.logit_columns = 32, config.max_length = 64;
  const auto model = make_transformer(config, {}, Draws(1, "profile"));
  model->set_trainable(true);
  PackedTokens batch;
  batch.tokens = at::ones({32}, at::kLong);
  batch.offsets = {0, 32};
  const c10::AutoGradMode recording(true);
  const auto step = [&] { model->hidden(batch).sum().backward(); };
  return 1e6 * seconds_of(step) /
         static_cast<double>(config.layers * (kBlockCallsForward + kBlockCallsBackward));
}

std::string processor_name() {
  for (const EnvironmentFact& fact : environment_facts())
    if (fact.name == "processor") return fact.value;
  return "unknown";
}

}  // namespace

DeviceProfile measure_profile() {
  const c10::NoGradGuard no_grad;
  DeviceProfile profile;
  profile.name = "cpu";
  profile.kind = "cpu";
  profile.source = message("measured by lldm env --profile on ", processor_name(), ", ",
                           at::get_num_threads(), " threads, LibTorch ", loaded_libtorch_version());
  constexpr std::int64_t kContext = std::int64_t{200} << 20;  // code and mapped files of a run
  profile.memory = {{machine_memory_bytes()}, {kContext}};
  profile.products.large = product_rates({2048, 2048, 2048});
  profile.products.medium = product_rates({768, 512, 1280});
  profile.products.small = product_rates({768, 128, 320});
  const double bytes = bandwidth();
  profile.rates = {.attention_float32 = attention_rate(),
                   .attention_bfloat16 = 0,
                   .bandwidth = bytes,
                   .rows = row_rate(),
                   .decoding_int8 = decoding_rate(WeightStorage::int8),
                   .decoding_nf4 = decoding_rate(WeightStorage::nf4),
                   .transfer = bytes,  // the host is the device
                   .call = call_microseconds()};
  profile.rates.attention_bfloat16 = profile.rates.attention_float32;  // it is always in float32
  return profile;
}

}  // namespace lldm
