// SPDX-License-Identifier: MIT
#include "run/measure_profile.hpp"

#include <ATen/Context.h>
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
#include "memory/cuda_library.hpp"
#include "memory/device_trouble.hpp"
#include "memory/machine_memory.hpp"
#include "model/block.hpp"
#include "model/device_parts.hpp"
#include "model/device_products.hpp"
#include "model/products.hpp"
#include "model/rope.hpp"
#include "model/wide_products.hpp"
#include "stage/step_time.hpp"

namespace lldm {
namespace {

/// Where rates are measured.
class Bench {
 public:
  explicit Bench(at::Device device)
      : device_(device), cuda_(device.is_cuda() ? memory::loaded_cuda_functions() : nullptr) {}

  [[nodiscard]] at::Device device() const { return device_; }
  [[nodiscard]] bool is_cpu() const { return device_.is_cpu(); }
  [[nodiscard]] at::TensorOptions numbers(at::ScalarType type = at::kFloat) const {
    return at::TensorOptions(type).device(device_);
  }
  [[nodiscard]] at::Tensor random(std::int64_t rows, std::int64_t columns) const {
    return at::randn({rows, columns}, numbers());
  }
  /// Of one call, with what it gave the device: the best of those that fit half a second, three at
  /// least.
  template <class Work>
  [[nodiscard]] double seconds(const Work& work) const {
    using Clock = std::chrono::steady_clock;
    const auto whole = [&] {
      work();
      if (cuda_ != nullptr) cuda_->synchronize();
    };
    whole();  // allocations, first touches
    double best = std::numeric_limits<double>::infinity(), spent = 0;
    for (int i = 0; i < 3 || spent < 0.5; ++i) {
      const auto begin = Clock::now();
      whole();
      const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
      best = std::min(best, seconds);
      spent += seconds;
    }
    return best;
  }

 private:
  at::Device device_;
  const memory::CudaFunctions* cuda_;
};

struct ProductSize {
  std::int64_t rows, in, out;
};

/// The three products of a layer that is trained, as its block makes them: its rows, the gradient
/// of its inputs, and that of its weight, where long sums meet few columns.
struct Layer {
  Layer(const Bench& bench, const ProductSize& size)
      : rows(bench.random(size.rows, size.in)),
        weight(bench.random(size.out, size.in)),
        slope(bench.random(size.rows, size.out)),
        tera(3 * 2e-12 * static_cast<double>(size.rows) * static_cast<double>(size.in * size.out)) {
  }

  void multiply() const {
    static_cast<void>(rows_by(rows, weight));
    static_cast<void>(product(slope, weight));
    static_cast<void>(product(slope.t(), rows));
  }
  [[nodiscard]] Layer in(at::ScalarType type) const {
    Layer other = *this;
    other.rows = rows.to(type), other.weight = weight.to(type), other.slope = slope.to(type);
    return other;
  }

  at::Tensor rows, weight, slope;
  double tera;  // FLOPs of all three, in 10^12
};

/// By each library, and by the one that is in use.
void measure_float32(const Bench& bench, const Layer& layer, ProductRates& rates) {
  const ProductLibrary before = product_library();
  const auto rate_of = [&](ProductLibrary library) -> double {
    try {
      use_product_library(library);
    } catch (const ConfigError&) {
      return 0;  // this LibTorch has it not
    }
    return layer.tera / bench.seconds([&] { layer.multiply(); });
  };
  rates.mkl_float32 = rate_of(ProductLibrary::mkl);
  rates.onednn_float32 = rate_of(ProductLibrary::onednn);
  use_product_library(before);
  rates.float32 = before == ProductLibrary::mkl ? rates.mkl_float32 : rates.onednn_float32;
}

/// Of bfloat16 as a pass multiplies it: widened on a CPU without instructions for it, with float32
/// results on a GPU.
double bfloat16_rate(const Bench& bench, const Layer& layer) {
  const Layer narrow = layer.in(at::kBFloat16);
  return layer.tera / bench.seconds([&] {
    if (has_device_products(bench.device(), at::kBFloat16)) {
      const auto multiply = [](const at::Tensor& a, const at::Tensor& b) {
        static_cast<void>(device_product(a, b, at::kBFloat16));
      };
      multiply(narrow.rows, narrow.weight.t());
      multiply(narrow.slope, narrow.weight);
      multiply(narrow.slope.t(), narrow.rows);
    } else if (bench.is_cpu() && !has_wide_products()) {
      narrow.multiply();
    } else {
      static_cast<void>(at::mm(narrow.rows, narrow.weight.t()));
      static_cast<void>(at::mm(narrow.slope, narrow.weight));
      static_cast<void>(at::mm(narrow.slope.t(), narrow.rows));
    }
  });
}

ProductRates product_rates(const Bench& bench, const ProductSize& size) {
  const Layer layer(bench, size);
  ProductRates rates;
  if (bench.is_cpu())
    measure_float32(bench, layer, rates);
  else
    rates.float32 = layer.tera / bench.seconds([&] { layer.multiply(); });
  rates.bfloat16 = bfloat16_rate(bench, layer);
  return rates;
}

/// TFLOP/s of the block's attention forward over 8 texts: of 184 tokens and 12 heads of width 64 on
/// a CPU, of 512 and 32 of 128 on a GPU.
double attention_rate(const Bench& bench, at::ScalarType compute) {
  constexpr std::int64_t kTexts = 8;
  const std::int64_t length = bench.is_cpu() ? 184 : 512, heads = bench.is_cpu() ? 12 : 32,
                     width = bench.is_cpu() ? 64 : 128;
  TransformerConfig config;
  config.width = heads * width, config.heads = config.kv_heads = heads;
  config.max_length = length;
  const auto tables = rope_tables(config, at::kFloat);
  BlockContext context;
  context.parts = &block_parts(bench.device(), /*has_patterns=*/false);
  for (std::int64_t s = 0; s <= kTexts; ++s) context.offsets.push_back(s * length);
  context.cosines = tables.cosines.to(bench.device());
  context.sines = tables.sines.to(bench.device());
  context.heads = context.kv_heads = heads;
  context.compute = compute;
  if (context.parts->prepare != nullptr) context.parts->prepare(context);
  const at::Tensor qkv =
      context.parts->columns(3 * heads * width, kTexts * length, bench.numbers());
  qkv.fill_(0.01);
  const double work = 4e-12 * static_cast<double>(kTexts * length * length * heads * width);
  return work /
         bench.seconds([&] { static_cast<void>(context.parts->attend(qkv, context, false)); });
}

/// GB/s of a sum in place, which reads two numbers and writes one.
double bandwidth(const Bench& bench) {
  constexpr std::int64_t kNumbers = std::int64_t{1} << 26;
  const at::Tensor sum = at::ones({kNumbers}, bench.numbers()),
                   more = at::ones({kNumbers}, bench.numbers());
  return 12e-9 * static_cast<double>(kNumbers) / bench.seconds([&] { sum.add_(more); });
}

/// GB/s from locked memory of the host to a GPU.
double transfer_rate(const Bench& bench) {
  constexpr std::int64_t kBytes = std::int64_t{1} << 28;
  const at::Tensor host = at::ones({kBytes}, at::kByte).pin_memory(),
                   there = at::empty({kBytes}, bench.numbers(at::kByte));
  return 1e-9 * static_cast<double>(kBytes) /
         bench.seconds([&] { there.copy_(host, /*non_blocking=*/true); });
}

/// 10^9 weights a second, a tile at a time as products decode them.
double decoding_rate(const Bench& bench, WeightStorage storage) {
  const std::int64_t rows = 4096, columns = bench.is_cpu() ? 1024 : 4096,
                     tile = bench.is_cpu() ? 1024 : rows;
  const at::ScalarType read = bench.is_cpu() ? at::kFloat : at::kBFloat16;
  const Matrix matrix = Matrix::zeros(rows, columns, storage, at::kFloat, bench.device());
  return 1e-9 * static_cast<double>(rows * columns) / bench.seconds([&] {
    for (std::int64_t row = 0; row < rows; row += tile)
      static_cast<void>(matrix.dequantized(row, tile, read));
  });
}

/// GB/s of a block's norm and its activation, read and written.
double row_rate(const Bench& bench) {
  const std::int64_t tokens = bench.is_cpu() ? 768 : 4096, width = bench.is_cpu() ? 256 : 4096,
                     mlp_width = bench.is_cpu() ? 640 : 12288;
  const at::Tensor rows = bench.random(tokens, width), weight = at::ones({width}, bench.numbers()),
                   gate_up = bench.random(tokens, 2 * mlp_width);
  const BlockParts& parts = block_parts(bench.device(), /*has_patterns=*/false);
  return 4e-9 * static_cast<double>(tokens * (2 * width + 3 * mlp_width)) / bench.seconds([&] {
    static_cast<void>(parts.norm(rows, weight, 1e-5));
    static_cast<void>(parts.swiglu(gate_up));
  });
}

/// Of an operation of a block so small that its work is nothing.
double call_microseconds(const Bench& bench) {
  TransformerConfig config;
  config.width = 16, config.layers = 8, config.heads = config.kv_heads = 2, config.mlp_width = 16;
  config.vocabulary = config.logit_columns = 32, config.max_length = 64;
  const auto model = make_transformer(config, {}, Draws(1, "profile"), at::kFloat, bench.device());
  model->set_trainable(true);
  PackedTokens batch;
  batch.tokens = at::ones({32}, at::kLong);
  batch.offsets = {0, 32};
  const c10::AutoGradMode recording(true);
  const auto step = [&] { model->hidden(batch).sum().backward(); };
  return 1e6 * bench.seconds(step) /
         static_cast<double>(config.layers * (kBlockCallsForward + kBlockCallsBackward));
}

std::string fact(std::string_view name) {
  for (const EnvironmentFact& fact : environment_facts())
    if (fact.name == name) return fact.value;
  return "unknown";
}

void measure_rates(const Bench& bench, DeviceProfile& profile) {
  ProfileRates& rates = profile.rates;
  rates.attention_float32 = attention_rate(bench, at::kFloat);
  // On a CPU it is always in float32.
  rates.attention_bfloat16 =
      bench.is_cpu() ? rates.attention_float32 : attention_rate(bench, at::kBFloat16);
  rates.bandwidth = bandwidth(bench);
  rates.rows = row_rate(bench);
  rates.decoding_int8 = decoding_rate(bench, WeightStorage::int8);
  rates.decoding_nf4 = decoding_rate(bench, WeightStorage::nf4);
  rates.transfer = bench.is_cpu() ? rates.bandwidth : transfer_rate(bench);
  rates.call = call_microseconds(bench);
}

DeviceProfile cpu_profile(const Bench& bench) {
  DeviceProfile profile;
  profile.name = profile.kind = "cpu";
  profile.source = message("measured by lldm env --profile on ", fact("processor"), ", ",
                           at::get_num_threads(), " threads, LibTorch ", loaded_libtorch_version());
  constexpr std::int64_t kContext = std::int64_t{200} << 20;  // code and mapped files of a run
  profile.memory = {{machine_memory_bytes()}, {kContext}};
  profile.products.large = product_rates(bench, {2048, 2048, 2048});
  profile.products.medium = product_rates(bench, {768, 512, 1280});
  profile.products.small = product_rates(bench, {768, 128, 320});
  measure_rates(bench, profile);
  return profile;
}

DeviceProfile gpu_profile(const Bench& bench) {
  const memory::CudaFunctions& cuda = *memory::loaded_cuda_functions();
  const auto index = at::globalContext().getAcceleratorHooksInterface(at::kCUDA).getCurrentDevice();
  const memory::CudaDevice card = cuda.devices(nullptr).at(static_cast<std::size_t>(index));
  DeviceProfile profile;
  profile.kind = profile.name = "cuda";
  profile.products.large = product_rates(bench, {4096, 4096, 4096});
  profile.products.medium = product_rates(bench, {4096, 768, 2048});
  profile.products.small = product_rates(bench, {4096, 128, 320});
  measure_rates(bench, profile);
  const memory::CudaMemory now = cuda.memory();
  profile.memory = {{now.total_bytes},
                    {std::clamp<std::int64_t>(memory::outside(now), 0, memory::kLargestContext)}};
  profile.source =
      message("measured by lldm env --profile --device cuda on ", card.name, ", block parts ",
              device_parts_text(), ", products ", device_products_text(), ", LibTorch ",
              loaded_libtorch_version(), "; context: all that is not lldm's tensors");
  return profile;
}

}  // namespace

DeviceProfile measure_profile(const std::string& device) {
  const c10::NoGradGuard no_grad;
  const std::string chosen = select_device(device).device;
  const Bench bench{at::Device(chosen)};
  return bench.is_cpu() ? cpu_profile(bench) : gpu_profile(bench);
}

}  // namespace lldm
