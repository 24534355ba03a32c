// SPDX-License-Identifier: MIT
// The weights of a transformer: made, named, counted.
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include "lldm/errors.hpp"
#include "lldm/memory/purpose.hpp"
#include "lldm/model/transformer.hpp"
#include "model/block_tensors.hpp"
#include "model/rope.hpp"
#include "model/streamed_store.hpp"

namespace lldm {
namespace {

using Shape = std::vector<std::int64_t>;

/// Makes the zero weights of one model.
struct Zeros {
  Precision precision;
  at::TensorOptions options;

  [[nodiscard]] at::Tensor vector(std::int64_t size) const { return at::zeros({size}, options); }
  [[nodiscard]] Matrix matrix(std::int64_t out, std::int64_t in) const {
    return Matrix::zeros(out, in, precision.storage, precision.rows(), options.device());
  }
  /// Of the embedding and the head.
  [[nodiscard]] Matrix table(std::int64_t out, std::int64_t in) const {
    const bool is_plain = precision.storage == WeightStorage::plain;
    return Matrix::zeros(out, in, is_plain ? WeightStorage::plain : WeightStorage::bfloat16,
                         precision.rows(), options.device());
  }
  /// With the same number of columns; plain ones behind one another in one allocation.
  [[nodiscard]] std::vector<Matrix> stacked(const Shape& rows, std::int64_t in) const {
    std::vector<Matrix> parts;
    if (precision.storage != WeightStorage::plain) {
      for (const auto count : rows) parts.push_back(matrix(count, in));
      return parts;
    }
    std::int64_t total = 0, begin = 0;
    for (const auto count : rows) total += count;
    const auto whole = at::zeros({total, in}, options);
    for (const auto count : rows) {
      parts.emplace_back(whole.narrow(0, begin, count).detach());
      begin += count;
    }
    return parts;
  }
};

BlockWeights make_block(const TransformerConfig& config, const Zeros& zeros) {
  const std::int64_t width = config.width, queries = config.query_width(), kv = config.kv_width(),
                     mlp = config.mlp_width;
  BlockWeights block;
  block.attn_norm = zeros.vector(width);
  if (config.fused_qkv) {
    block.qkv_proj = zeros.matrix(queries + 2 * kv, width);
  } else {
    const auto qkv = zeros.stacked({queries, kv, kv}, width);
    block.q_proj = qkv[0], block.k_proj = qkv[1], block.v_proj = qkv[2];
  }
  if (config.qkv_bias)
    block.q_bias = zeros.vector(queries), block.k_bias = zeros.vector(kv),
    block.v_bias = zeros.vector(kv);
  if (config.qk_norm)
    block.q_norm = zeros.vector(config.head_width()),
    block.k_norm = zeros.vector(config.head_width());
  block.attn_out = zeros.matrix(width, queries);
  if (config.output_bias) block.attn_out_bias = zeros.vector(width);
  block.ff_norm = zeros.vector(width);
  const auto wide = zeros.stacked({mlp, mlp}, width);
  block.ff_proj = wide[0], block.up_proj = wide[1];
  block.ff_out = zeros.matrix(width, mlp);
  if (config.mlp_bias)
    block.ff_bias = zeros.vector(mlp), block.up_bias = zeros.vector(mlp),
    block.ff_out_bias = zeros.vector(width);
  return block;
}

std::shared_ptr<const WeightStore> resident(const TransformerConfig& config, const Zeros& zeros) {
  auto store = std::make_shared<ResidentStore>();
  for (std::int64_t i = 0; i < config.layers; ++i) store->add(make_block(config, zeros));
  return store;
}

std::shared_ptr<const WeightStore> streamed(const TransformerConfig& config, const Zeros& zeros,
                                            const WeightPlacement& placement) {
  const Zeros shapes{zeros.precision, zeros.options.device(at::kMeta)};
  return std::make_shared<StreamedStore>(make_block(config, shapes), config.layers,
                                         zeros.options.device(), placement);
}

}  // namespace

Transformer::Transformer(const TransformerConfig& config, const Precision& precision,
                         at::Device device, const WeightPlacement& placement)
    : config_(config), precision_(precision), is_streamed_(placement.is_streamed()) {
  check_config(config, "Transformer");
  const at::ScalarType compute = precision.compute;
  if (compute != at::kFloat && compute != at::kDouble && compute != at::kBFloat16 &&
      compute != at::kHalf)
    throw ShapeError(
        message("Transformer: dtype must be float32, float64, bfloat16 or float16, got ",
                at::toString(compute)));
  const PurposeScope purpose(MemoryPurpose::weights);
  const Zeros zeros{precision, at::TensorOptions(precision.rows()).device(device)};
  embedding_ = zeros.table(config.embedding_rows(), config.width);
  store_ = is_streamed_ && !device.is_meta() ? streamed(config, zeros, placement)
                                             : resident(config, zeros);
  final_norm_ = zeros.vector(config.width);
  if (!config.tied_head) head_ = zeros.table(config.logit_columns, config.width);
  if (device.is_meta()) {  // shapes alone
    cosines_ = sines_ = at::empty({config.head_width() / 2, config.max_length},
                                  at::TensorOptions(precision.rows()).device(device));
    return;
  }
  const auto tables = rope_tables(config, precision.rows());
  cosines_ = tables.cosines.to(device);
  sines_ = tables.sines.to(device);
}

std::vector<NamedWeight> Transformer::weights() const {
  const TensorNames& names = family_of(config_.family).names;
  std::vector<NamedWeight> list{{message(names.embedding, ".weight"), embedding_, {}}};
  for (std::size_t i = 0; i < store_->size(); ++i) {
    const auto block = store_->stored(i);
    for (const auto& part : kBlockTensors) {
      const std::string name = message(names.block, i, ".", names.*part.module, part.ending);
      if (part.vector && ((*block).*part.vector).defined())
        list.push_back({name, {}, (*block).*part.vector});
      if (part.matrix && ((*block).*part.matrix).defined())
        list.push_back({name, (*block).*part.matrix, {}});
    }
  }
  list.push_back({message(names.final_norm, ".weight"), {}, final_norm_});
  if (head_.defined()) list.push_back({message(names.head, ".weight"), head_, {}});
  return list;
}

std::vector<NamedParameter> Transformer::base_parameters() const {
  const TensorNames& names = family_of(config_.family).names;
  // As in VRPO's study of variances.
  const std::string followed = message(names.block, 0, ".", names.up_proj, ".weight");
  std::vector<NamedParameter> list;
  for (const auto& weight : weights()) {
    if (weight.vector.defined())
      list.push_back({weight.name, weight.vector});
    else
      for (const auto& [ending, part] : weight.matrix.parts())
        list.push_back({weight.name + ending, part});
    list.back().is_followed = weight.name == followed && weight.matrix.has_numbers();
  }
  return list;
}

std::int64_t Transformer::weight_bytes() const {
  std::int64_t bytes = 0;
  for (const auto& parameter : base_parameters())
    bytes += static_cast<std::int64_t>(parameter.value.nbytes());
  return bytes;
}

}  // namespace lldm
