// SPDX-License-Identifier: MIT
#include "stage/step_time.hpp"

#include <algorithm>
#include <cmath>

#include "model/attention_by_operations.hpp"
#include "model/head.hpp"
#include "model/products.hpp"
#include "model/wide_products.hpp"

namespace lldm {
namespace {

/// Work of one pass of a step's texts through the model.
struct PassWork {
  double products = 0;   // FLOPs of the blocks' matrices
  double updates = 0;    // of low-rank updates
  double attention = 0;  // FLOPs
  double head = 0;       // FLOPs
  double tokens = 0;
  double queries = 0;
  double passes = 0;  // packs
};

double as_double(std::int64_t value) { return static_cast<double>(value); }

PassWork work_of(const StepModel& model, const MicroBatchLoad& texts, const StepPlan& plan) {
  const ModelShape& shape = model.pass.shape;
  PassWork work;
  for (const TextLoad& text : texts) {
    const double tokens = as_double(text.tokens());
    work.tokens += tokens;
    // Queries times keys, probabilities times values.
    work.attention += 4 * tokens * as_double(text.length) *
                      as_double(shape.heads * shape.head_width * shape.layers);
    work.queries += as_double(text.queries);
    work.head += 2 * as_double(text.queries) * as_double(shape.width * shape.logit_columns);
  }
  work.products = 2 * work.tokens * shape.matrix_values;
  work.updates = 2 * work.tokens * as_double(model.pass.adapter_values);
  const double at_once = as_double(std::max<std::int64_t>(1, plan.tokens_per_forward));
  work.passes = std::max(1.0, work.tokens / at_once);
  return work;
}

const ProductRates& rates_of(const DeviceProfile& profile, std::int64_t width) {
  if (width >= 1536) return profile.products.large;
  return width >= 256 ? profile.products.medium : profile.products.small;
}

/// TFLOP/s of the library that this process multiplies by; of a profile without it the fastest.
double float32_rate(const ProductRates& products, bool is_on_cpu) {
  if (!is_on_cpu) return products.float32;
  const double own =
      product_library() == ProductLibrary::mkl ? products.mkl_float32 : products.onednn_float32;
  return own > 0 ? own : products.float32;
}

/// Share of a block's products that backward does again.
double recomputed_share(const PassModel& pass) {
  const ModelShape& s = pass.shape;
  const double d = as_double(s.width), f = as_double(s.mlp_width),
               q = as_double(s.heads * s.head_width),
               qkv = q + 2 * as_double(s.kv_heads * s.head_width);
  const double all = qkv * d + q * d + 3 * f * d;
  switch (pass.recomputation) {
    case Recomputation::none:
    case Recomputation::automatic:
      return 0;
    case Recomputation::selective:
      return (qkv * d + 2 * f * d) / all;
    case Recomputation::full:
    case Recomputation::offload:
      return (qkv * d + q * d + 2 * f * d) / all;
  }
  return 0;
}

/// Numbers of a token that a block's products read and give.
struct Sides {
  double in, out;
};
Sides sides_of(const ModelShape& shape) {
  const std::int64_t q = shape.heads * shape.head_width,
                     qkv = q + 2 * shape.kv_heads * shape.head_width;
  return {as_double(2 * shape.width + q + shape.mlp_width),
          as_double(qkv + 2 * shape.width + 2 * shape.mlp_width)};
}

/// Of a token, in all blocks of a forward pass: what products read in 16 bits (4 bytes read, 2
/// written), and what they give: on a GPU 4 bytes in the place of 2, elsewhere widened behind them.
double rounded_bytes(const ModelShape& shape, bool is_on_cpu) {
  const Sides sides = sides_of(shape);
  return as_double(shape.layers) * (6 * sides.in + (is_on_cpu ? 6 : 2) * sides.out);
}

/// The same of low-rank updates on a GPU, which add to what the base gave: read and written.  On
/// the CPU the rate of their products has it.
double updated_bytes(const StepModel& model) {
  if (model.pass.is_on_cpu || model.pass.adapter_values == 0) return 0;
  return 8 * as_double(model.pass.shape.layers) * sides_of(model.pass.shape).out;
}

/// Times that weights are decoded over one pass of all blocks, per second of the profile.
double decoding_seconds(const StepModel& model, const DeviceProfile& profile) {
  const double values = model.pass.shape.matrix_values;
  constexpr double kGiga = 1e9;
  switch (model.pass.precision.storage) {
    case WeightStorage::plain: {  // rounded to 16 bits; widened where a CPU has no such products
      const at::ScalarType compute = model.pass.precision.compute;
      if (!is_narrow(compute)) return 0;
      const bool has_products =
          !model.pass.is_on_cpu || (compute == at::kBFloat16 && has_wide_products());
      return (has_products ? 6 : 12) * values / (kGiga * profile.rates.bandwidth);
    }
    case WeightStorage::bfloat16:  // read and widened, unless the products take them as they are
      return model.pass.precision.compute == at::kBFloat16
                 ? 0
                 : 6 * values / (kGiga * profile.rates.bandwidth);
    case WeightStorage::int8:
      return values / (kGiga * profile.rates.decoding_int8);
    case WeightStorage::nf4:
      return values / (kGiga * profile.rates.decoding_nf4);
  }
  return 0;
}

/// Of the copies of a step those that a model reads before, while it walks its own path.
double walked_share(const StepSizes& sizes) {
  std::int64_t walked = 0, copies = 0;
  for (const MicroBatchLoad& texts : sizes.micro_batches)
    for (const TextLoad& text : texts) {
      walked += text.walked;
      copies += text.copies;
    }
  return copies > 0 ? as_double(walked) / as_double(copies) : 0;
}

/// Bytes between host and device in one step: every pass of all blocks whose weights are streamed,
/// and blocks' inputs, there and back.
double copied_bytes(const StepModel& model, const PassWork& work, double scored) {
  double bytes = 0;
  if (has_streamed(model)) {
    // Of an adapter the policy's passes too; else the reference's own weights alone.
    const double walks = model.pass.adapter_values > 0 ? 2 + scored : 1;
    bytes += as_double(model.matrix_bytes) * walks * work.passes;
  }
  if (model.pass.recomputation == Recomputation::offload)
    bytes += 2 *
             as_double(static_cast<std::int64_t>(c10::elementSize(model.pass.precision.rows()))) *
             as_double(model.pass.shape.width * model.pass.shape.layers) * work.tokens;
  return bytes;
}

/// Beside a GPU copies run while it computes: what is longer counts.
double copying_seconds(double bytes, double computing, const StepModel& model,
                       const DeviceProfile& profile) {
  constexpr double kGiga = 1e9;
  const double copying = bytes / (kGiga * profile.rates.transfer);
  return model.pass.is_on_cpu ? copying : std::max(0.0, copying - computing);
}

/// On the host the states are moved by its own memory, while gradients come and weights go.
double optimizer_seconds(const StepModel& model, double trained_bytes,
                         const DeviceProfile& profile) {
  constexpr double kGiga = 1e9;
  const double moved = model.optimizer_moves * as_double(model.trained);
  if (model.optimizer_host == 0) return moved / (kGiga * profile.rates.bandwidth);
  static const double host = find_profile("cpu").rates.bandwidth;
  return std::max(moved / (kGiga * host), 2 * trained_bytes / (kGiga * profile.rates.transfer));
}

}  // namespace

std::vector<std::pair<std::string_view, double>> step_seconds(const StepModel& model,
                                                              const StepSizes& sizes,
                                                              const StepPlan& plan,
                                                              const DeviceProfile& profile) {
  constexpr double kTera = 1e12, kGiga = 1e9, kMicro = 1e-6;
  const ModelShape& shape = model.pass.shape;
  const PassWork work = work_of(model, sizes.micro_batches.front(), plan);
  const ProductRates& products = rates_of(profile, shape.width);
  // The rates of the two types of 16 bits are one on a GPU; a CPU multiplies float16 in float32,
  // and bfloat16 where it has no instructions for it.
  const bool is_on_cpu = model.pass.is_on_cpu;
  const bool is_float16 = model.pass.precision.compute == at::kHalf;
  const bool is_bfloat16 = model.pass.precision.compute == at::kBFloat16;
  const bool has_narrow_products =
      is_on_cpu ? is_bfloat16 && has_wide_products() : is_bfloat16 || is_float16;
  const double plain = kTera * float32_rate(products, is_on_cpu);
  const double rate = has_narrow_products ? kTera * products.bfloat16 : plain;
  const bool is_fast_attention = has_narrow_products && !is_on_cpu;
  const double attention = kTera * (is_fast_attention ? profile.rates.attention_bfloat16
                                                      : profile.rates.attention_float32);
  const double number =
      as_double(static_cast<std::int64_t>(c10::elementSize(model.pass.precision.rows())));
  const bool trains_weights = model.pass.trains_weights;
  // Products of a low rank do little with what they read.
  constexpr std::int64_t kWideRank = 16;
  const double narrow =
      (is_on_cpu ? plain : rate) *
      as_double(std::clamp<std::int64_t>(model.pass.shape.adapter.rank, 1, kWideRank)) /
      as_double(kWideRank);
  // A pass without a graph, and what backward adds to it.
  const double forward = work.products / rate + work.updates / narrow;
  const double backward =
      (trains_weights ? 2 : 1) * work.products / rate + 2 * work.updates / narrow;
  const double head_rate = is_on_cpu ? plain : rate;
  const double head_forward = work.head / head_rate;
  // A frozen head's slopes go on in the forward pass; a trained one makes its logits again where
  // they are more than a chunk; one that is decoded always does.
  const bool is_plain =
      model.pass.precision.storage == WeightStorage::plain && (is_on_cpu || !has_narrow_products);
  const std::int64_t chunk =
      trains_weights && plan.settings.head_rows > 0
          ? plan.settings.head_rows
          : head_chunk_rows(shape.logit_columns, static_cast<std::int64_t>(number), trains_weights);
  const double chunks = std::ceil(work.queries / (work.passes * as_double(chunk)));
  const double head_products = !is_plain ? 2 : !trains_weights ? 1 : chunks <= 1 ? 2 : 3;
  const double head_backward = head_products * work.head / head_rate;
  const double again = recomputed_share(model.pass);
  const double decoding = decoding_seconds(model, profile);
  const bool is_attended_again = model.pass.recomputation == Recomputation::full ||
                                 model.pass.recomputation == Recomputation::offload;
  const double walks = model.has_reference ? 2 : 1;  // of the policy's path, and the reference's
  const double scored = (model.has_reference ? 1 : 0) +
                        (plan.settings.path == GradientPath::replay ? 1 : 0) +
                        walks * walked_share(sizes);
  // Norms, rotations, SwiGLU, residuals: numbers of a token and block that are read or written.
  const double row_rate =
      kGiga * (profile.rates.rows > 0 ? profile.rates.rows : profile.rates.bandwidth);
  const double moved = number * as_double(shape.layers) *
                       as_double(10 * shape.width + 6 * shape.mlp_width) * work.tokens / row_rate;
  const double rounded =
      (is_bfloat16 || is_float16 ? rounded_bytes(shape, is_on_cpu) : 0) * work.tokens / row_rate +
      updated_bytes(model) * work.tokens / row_rate;
  // Of logits: written by a product, read and written by the softmax, read by the next products.
  const double logits =
      number * as_double(shape.logit_columns) * work.queries / (kGiga * profile.rates.bandwidth);
  // Of every chunk a trained head reads its weights and adds to their gradient.
  const double head_sums = trains_weights && is_plain
                               ? 4 * number * as_double(shape.logit_columns * shape.width) *
                                     chunks * work.passes / (kGiga * profile.rates.bandwidth)
                               : 0;
  const double kCallsForward = as_double(kBlockCallsForward),
               kCallsBackward = as_double(kBlockCallsBackward);
  const double calls = kMicro * profile.rates.call * as_double(shape.layers) * work.passes;
  const double steps = as_double(sizes.micro_batches_per_step);
  const bool is_half_size =
      trains_weights && model.pass.precision.storage == WeightStorage::bfloat16;
  const double trained =
      is_half_size ? as_double(model.weight_bytes) : number * as_double(model.trained);
  std::vector<std::pair<std::string_view, double>> parts = {
      {"products", steps * (forward + backward)},
      {"head",
       steps * (head_forward + head_backward + (trains_weights ? 6 : 4) * logits + head_sums)},
      {"attention", steps * 3.5 * work.attention / attention},
      {"recomputation", steps * (again * work.products / rate +
                                 (is_attended_again ? work.attention / attention : 0))},
      {"scoring", steps * scored * (forward + head_forward + work.attention / attention)},
      {"decoding", steps * decoding * work.passes * (2 + again + scored)},
      {"memory", steps * (moved + rounded) * (3 + again + scored)},
      {"optimizer", optimizer_seconds(model, trained, profile)}};
  double computing = 0;  // the optimizer is none of it
  for (const auto& [what, seconds] : parts)
    if (what != "optimizer") computing += seconds;
  // A GPU computes while the host calls: what is longer counts.
  const double calling = steps * calls * (kCallsForward * (1 + again + scored) + kCallsBackward);
  parts.emplace_back("calls", is_on_cpu ? calling : std::max(0.0, calling - computing));
  computing += parts.back().second;
  parts.emplace_back("copies", copying_seconds(steps * copied_bytes(model, work, scored), computing,
                                               model, profile));
  return parts;
}

}  // namespace lldm
