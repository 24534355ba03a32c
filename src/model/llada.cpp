// SPDX-License-Identifier: MIT
#include "lldm/model/llada.hpp"

#include <ATen/ops/cat.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <limits>

#include "lldm/errors.hpp"
#include "lldm/memory/purpose.hpp"
#include "model/block.hpp"
#include "model/head.hpp"
#include "model/rope.hpp"
#include "model/two_stream_mask.hpp"

namespace lldm {
namespace {

// Matrices with the same number of columns, behind one another in one allocation.
std::vector<at::Tensor> stacked(const std::vector<std::int64_t>& rows, std::int64_t columns,
                                const at::TensorOptions& options) {
  std::int64_t total = 0;
  for (const auto count : rows) total += count;
  const auto whole = at::zeros({total, columns}, options);
  std::vector<at::Tensor> parts;
  std::int64_t begin = 0;
  for (const auto count : rows) {
    parts.push_back(whole.narrow(0, begin, count).detach());
    begin += count;
  }
  return parts;
}

LladaBlock make_block(const LladaConfig& config, const at::TensorOptions& options) {
  const std::int64_t width = config.d_model, kv = config.kv_width(), mlp = config.mlp_hidden_size;
  LladaBlock block;
  block.attn_norm = at::zeros({width}, options);
  const auto qkv = stacked({width, kv, kv}, width, options);
  block.q_proj = qkv[0], block.k_proj = qkv[1], block.v_proj = qkv[2];
  if (config.include_qkv_bias) {
    block.q_bias = at::zeros({width}, options);
    block.k_bias = at::zeros({kv}, options);
    block.v_bias = at::zeros({kv}, options);
  }
  block.attn_out = at::zeros({width, width}, options);
  block.ff_norm = at::zeros({width}, options);
  const auto wide = stacked({mlp, mlp}, width, options);
  block.ff_proj = wide[0], block.up_proj = wide[1];
  block.ff_out = at::zeros({width, mlp}, options);
  return block;
}

}  // namespace

Llada::Llada(const LladaConfig& config, at::ScalarType dtype, at::Device device) : config_(config) {
  check_config(config, "Llada");
  if (dtype != at::kFloat && dtype != at::kDouble)
    throw ShapeError(message("Llada: dtype must be float32 or float64, got ", at::toString(dtype)));
  const PurposeScope purpose(MemoryPurpose::weights);
  const auto options = at::TensorOptions(dtype).device(device);
  embedding_ = at::zeros({config.embedding_size, config.d_model}, options);
  for (std::int64_t i = 0; i < config.n_layers; ++i) blocks_.push_back(make_block(config, options));
  final_norm_ = at::zeros({config.d_model}, options);
  if (!config.weight_tying) head_ = at::zeros({config.embedding_size, config.d_model}, options);
  const auto tables =
      rope_tables(config.max_sequence_length, config.head_width(), config.rope_theta, dtype);
  cosines_ = tables.cosines.to(device);
  sines_ = tables.sines.to(device);
}

void Llada::check(const PackedTokens& batch) const {
  const auto fail = [](const auto&... parts) {
    throw ShapeError(message("Llada::hidden: ", parts...));
  };
  const auto& offsets = batch.offsets;
  if (offsets.size() < 2 || offsets.front() != 0)
    fail("offsets must start at 0 and name at least one sequence");
  if (!batch.tokens.defined() || batch.tokens.dim() != 1 ||
      batch.tokens.scalar_type() != at::kLong || batch.tokens.size(0) != offsets.back())
    fail("tokens must be int64 [N] with N = offsets.back() = ", offsets.back());
  if (!batch.patterns.empty() && batch.patterns.size() + 1 != offsets.size())
    fail("patterns must be one a sequence or none, got ", batch.patterns.size(), " of ",
         offsets.size() - 1);
  for (std::size_t s = 0; s + 1 < offsets.size(); ++s) {
    std::int64_t length = offsets[s + 1] - offsets[s];
    if (!batch.patterns.empty() && batch.patterns[s].kind == AttentionPattern::Kind::two_stream) {
      if (const std::string problem = two_stream_problem(batch.patterns[s], length);
          !problem.empty())
        fail("sequence ", s, ": ", problem);
      length /= 2;  // both halves lie at positions 0 .. L - 1
    }
    if (length < 1 || length > config_.max_sequence_length)
      fail("sequence ", s, " has ", length,
           " tokens, must be in [1, max_sequence_length = ", config_.max_sequence_length, "]");
  }
  if (batch.tokens.is_cpu()) {
    const auto* ids = batch.tokens.const_data_ptr<std::int64_t>();
    for (std::int64_t i = 0; i < offsets.back(); ++i)
      if (ids[i * batch.tokens.stride(0)] < 0 ||
          ids[i * batch.tokens.stride(0)] >= config_.embedding_size)
        fail("token ", i, " is ", ids[i * batch.tokens.stride(0)], ", must be in [0, ",
             config_.embedding_size, ")");
  }
  if (!batch.visible.defined()) return;
  if (batch.visible.dim() != 1 || batch.visible.scalar_type() != at::kBool ||
      batch.visible.size(0) != offsets.back())
    fail("visible must be bool [N] with N = ", offsets.back());
  const auto visible = batch.visible.to(at::kCPU).contiguous();
  const bool* flags = visible.const_data_ptr<bool>();
  for (std::size_t s = 0; s + 1 < offsets.size(); ++s) {
    bool any = false;
    for (std::int64_t i = offsets[s]; i < offsets[s + 1]; ++i) any |= flags[i];
    if (!any) fail("sequence ", s, " has no visible token");
  }
}

namespace {

/// MKL's float32 products have rows that do not depend on how many there are, from this many on;
/// for fewer it takes other kernels on some processors (seen on AMD with 1 and 3 rows, not with
/// 16).
constexpr std::int64_t kLeastRows = 16;

bool is_too_small(const at::Tensor& like, std::int64_t rows) {
  return like.is_cpu() && like.scalar_type() == at::kFloat && rows > 0 && rows < kLeastRows;
}

at::Tensor with_rows(const at::Tensor& rows, std::int64_t count) {
  return at::cat({rows, at::zeros({count - rows.size(0), rows.size(1)}, rows.options())});
}

}  // namespace

std::optional<PackedTokens> Llada::widened(const PackedTokens& batch) const {
  if (batch.offsets.size() < 2 || !is_too_small(embedding_, batch.num_tokens()))
    return std::nullopt;
  check(batch);
  PackedTokens wider = batch;
  const std::int64_t more = kLeastRows - batch.num_tokens();
  wider.tokens = at::cat({batch.tokens, at::zeros({more}, batch.tokens.options())});
  for (std::int64_t i = 0; i < more; ++i) wider.offsets.push_back(wider.offsets.back() + 1);
  if (batch.visible.defined())
    wider.visible = at::cat({batch.visible, at::ones({more}, batch.visible.options())});
  if (!batch.patterns.empty()) wider.patterns.resize(wider.offsets.size() - 1);
  return wider;
}

BlockContext Llada::block_context(const PackedTokens& batch) const {
  return {batch.offsets,
          batch.visible.defined() ? batch.visible.contiguous() : at::Tensor(),
          cosines_,
          sines_,
          config_.n_heads,
          config_.n_kv_heads,
          config_.rms_norm_eps,
          batch.patterns};
}

at::Tensor Llada::embed(const PackedTokens& batch) const {
  check(batch);
  return at::embedding(embedding_, batch.tokens);
}

std::vector<at::Tensor> Llada::hidden_states(const PackedTokens& batch) const {
  const PurposeScope purpose(MemoryPurpose::activations);
  std::vector<at::Tensor> states{embed(batch)};
  const auto context = block_context(batch);
  for (const auto& block : blocks_) states.push_back(block_forward(block, states.back(), context));
  states.back() = rms_norm(states.back(), final_norm_, config_.rms_norm_eps);
  return states;
}

at::Tensor Llada::hidden(const PackedTokens& batch) const {
  const PurposeScope purpose(MemoryPurpose::activations);
  if (const auto wider = widened(batch)) return hidden(*wider).narrow(0, 0, batch.num_tokens());
  auto rows = embed(batch);
  const auto context = block_context(batch);
  for (const auto& block : blocks_) rows = block_forward(block, rows, context);
  return rms_norm(rows, final_norm_, config_.rms_norm_eps);
}

at::Tensor Llada::logits(const at::Tensor& rows) const {
  const PurposeScope purpose(MemoryPurpose::logits);
  if (is_too_small(rows, rows.size(0)))
    return logits(with_rows(rows, kLeastRows)).narrow(0, 0, rows.size(0));
  const auto result = at::linear(rows, head());
  if (!excluded_logit_) return result;
  const auto hidden_column = at::zeros({config_.embedding_size}, result.options().dtype(at::kBool));
  hidden_column.select(0, *excluded_logit_).fill_(true);
  return result.masked_fill(hidden_column, -std::numeric_limits<double>::infinity());
}

at::Tensor Llada::log_probabilities(const at::Tensor& rows, const at::Tensor& targets) const {
  if (rows.dim() != 2 || rows.size(1) != config_.d_model || rows.scalar_type() != dtype())
    throw ShapeError(message("Llada::log_probabilities: rows must be [Q, ", config_.d_model, "] ",
                             at::toString(dtype()), ", got ", rows.sizes(), " ",
                             rows.scalar_type()));
  if (targets.dim() != 1 || targets.size(0) != rows.size(0) || targets.scalar_type() != at::kLong)
    throw ShapeError(message("Llada::log_probabilities: targets must be int64 [Q] with Q = ",
                             rows.size(0), ", got ", targets.sizes(), " ", targets.scalar_type()));
  if (targets.is_cpu()) {
    const auto ids = targets.contiguous();
    const auto* values = ids.const_data_ptr<std::int64_t>();
    for (std::int64_t i = 0; i < ids.size(0); ++i)
      if (values[i] < 0 || values[i] >= config_.embedding_size ||
          values[i] == excluded_logit_.value_or(-1))
        throw ShapeError(message("Llada::log_probabilities: target ", i, " is ", values[i],
                                 ", must be in [0, ", config_.embedding_size,
                                 ") and not the excluded id"));
  }
  if (!is_too_small(rows, rows.size(0)))
    return head_log_probabilities(rows, head(), targets, excluded_logit_);
  // The rows that are added ask for a legal token.
  const auto more =
      at::full({kLeastRows - rows.size(0)}, excluded_logit_ == 0 ? 1 : 0, targets.options());
  return head_log_probabilities(with_rows(rows, kLeastRows), head(), at::cat({targets, more}),
                                excluded_logit_)
      .narrow(0, 0, rows.size(0));
}

void Llada::exclude_logit(std::optional<std::int64_t> id) {
  if (id && (*id < 0 || *id >= config_.embedding_size))
    throw ConfigError(message("Llada::exclude_logit: id must be in [0, ", config_.embedding_size,
                              "), got ", *id));
  excluded_logit_ = id;
}

void Llada::set_trainable(bool is_trainable) {
  for (auto& parameter : parameters()) parameter.value.requires_grad_(is_trainable);
}

std::vector<NamedParameter> Llada::parameters() const {
  std::vector<NamedParameter> list{{"model.transformer.wte.weight", embedding_}};
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    const auto add = [&](const char* name, const at::Tensor& value) {
      if (value.defined())
        list.push_back({message("model.transformer.blocks.", i, ".", name), value});
    };
    const auto& block = blocks_[i];
    add("attn_norm.weight", block.attn_norm);
    add("q_proj.weight", block.q_proj);
    add("k_proj.weight", block.k_proj);
    add("v_proj.weight", block.v_proj);
    add("q_proj.bias", block.q_bias);
    add("k_proj.bias", block.k_bias);
    add("v_proj.bias", block.v_bias);
    add("attn_out.weight", block.attn_out);
    add("ff_norm.weight", block.ff_norm);
    add("ff_proj.weight", block.ff_proj);
    add("up_proj.weight", block.up_proj);
    list.back().is_followed = i == 0;  // as in VRPO's study of variances
    add("ff_out.weight", block.ff_out);
  }
  list.push_back({"model.transformer.ln_f.weight", final_norm_});
  if (head_.defined()) list.push_back({"model.transformer.ff_out.weight", head_});
  return list;
}

}  // namespace lldm
