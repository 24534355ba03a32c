// SPDX-License-Identifier: MIT
#include "lldm/model/transformer.hpp"

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <limits>

#include "lldm/errors.hpp"
#include "lldm/memory/purpose.hpp"
#include "memory/upload.hpp"
#include "model/block.hpp"
#include "model/direct_gradients.hpp"
#include "model/embedding.hpp"
#include "model/head.hpp"
#include "model/kept_rows.hpp"
#include "model/products.hpp"
#include "model/repeated_rows.hpp"
#include "model/two_stream_mask.hpp"

namespace lldm {
void Transformer::check(const PackedTokens& batch) const {
  const auto fail = [](const auto&... parts) {
    throw ShapeError(message("Transformer::hidden: ", parts...));
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
      if (config_.shifted_logits)
        fail("sequence ", s, " is two-stream, which is not defined for shifted logits");
      length /= 2;  // both halves lie at positions 0 .. L - 1
    }
    if (length < 1 || length > config_.max_length)
      fail("sequence ", s, " has ", length,
           " tokens, must be in [1, max_length = ", config_.max_length, "]");
  }
  if (batch.tokens.is_cpu()) {
    const auto* ids = batch.tokens.const_data_ptr<std::int64_t>();
    for (std::int64_t i = 0; i < offsets.back(); ++i)
      if (ids[i * batch.tokens.stride(0)] < 0 ||
          ids[i * batch.tokens.stride(0)] >= config_.embedding_rows())
        fail("token ", i, " is ", ids[i * batch.tokens.stride(0)], ", must be in [0, ",
             config_.embedding_rows(), ")");
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

/// [N]: of every token the place of the one before it in its sequence; of the first its own.
at::Tensor places_before(const std::vector<std::int64_t>& offsets) {
  auto places = at::arange(offsets.back(), at::TensorOptions(at::kLong)).sub_(1);
  auto* values = places.mutable_data_ptr<std::int64_t>();
  for (std::size_t s = 0; s + 1 < offsets.size(); ++s) values[offsets[s]] = offsets[s];
  return places;
}

/// Rows that products like `like` take more than there are.
std::int64_t rows_to_add(const at::Tensor& like, std::int64_t rows) {
  return like.is_cpu() && like.scalar_type() == at::kFloat ? filled_up(rows) - rows : 0;
}

at::Tensor with_rows(const at::Tensor& rows, std::int64_t more) {
  return at::cat({rows, at::zeros({more, rows.size(1)}, rows.options())});
}

}  // namespace

std::optional<PackedTokens> Transformer::widened(const PackedTokens& batch) const {
  if (batch.offsets.size() < 2) return std::nullopt;
  const std::int64_t more = rows_to_add(final_norm_, batch.num_tokens());
  if (more == 0) return std::nullopt;
  check(batch);
  PackedTokens wider = batch;
  wider.tokens = at::cat({batch.tokens, at::zeros({more}, batch.tokens.options())});
  const std::int64_t end = batch.num_tokens() + more;
  while (wider.offsets.back() < end)
    wider.offsets.push_back(std::min(end, wider.offsets.back() + config_.max_length));
  if (batch.visible.defined())
    wider.visible = at::cat({batch.visible, at::ones({more}, batch.visible.options())});
  if (!batch.patterns.empty()) wider.patterns.resize(wider.offsets.size() - 1);
  return wider;
}

BlockContext Transformer::block_context(const PackedTokens& batch) const {
  BlockContext context{.parts = &block_parts(device(), !batch.patterns.empty()),
                       .offsets = batch.offsets,
                       .visible = batch.visible.defined()
                                      ? memory::uploaded(batch.visible, device()).contiguous()
                                      : at::Tensor(),
                       .cosines = cosines_,
                       .sines = sines_,
                       .heads = config_.heads,
                       .kv_heads = config_.kv_heads,
                       .eps = config_.norm_eps,
                       .compute = precision_.compute,
                       .recomputation = recomputation_,
                       .patterns = batch.patterns,
                       .dropout_keys = dropout_keys(batch),
                       .adds_gradients = DirectGradients::are_on(),
                       .kept_rows = kept_rows_};
  // In float32, where the bits of a row are its own; dropout would draw another mask for each.
  if (context.parts->is_feature_major && dtype() == at::kFloat &&
      precision_.compute == at::kFloat && context.dropout_keys.empty())
    context.repeated = repeated_rows(batch.tokens, config_.embedding_rows());
  if (context.parts->prepare) context.parts->prepare(context);
  return context;
}

std::vector<std::uint64_t> Transformer::dropout_keys(const PackedTokens& batch) const {
  if (!dropout_ || !has_adapter()) return {};
  const auto ids = batch.tokens.to(at::kCPU).contiguous();
  const auto* values = ids.const_data_ptr<std::int64_t>();
  std::vector<std::uint64_t> keys;
  for (std::size_t s = 0; s + 1 < batch.offsets.size(); ++s) {
    // FNV-1a over the ids, so that neighbours and the place in the pack do not matter.
    std::uint64_t key = 0xcbf29ce484222325ULL ^ *dropout_;
    for (std::int64_t i = batch.offsets[s]; i < batch.offsets[s + 1]; ++i)
      key = (key ^ static_cast<std::uint64_t>(values[i])) * 0x100000001b3ULL;
    keys.push_back(key);
  }
  return keys;
}

at::Tensor Transformer::embed(const PackedTokens& batch) const {
  check(batch);
  return embed_tokens(embedding_.values(), batch.tokens, dtype());
}

std::vector<at::Tensor> Transformer::hidden_states(const PackedTokens& batch) const {
  const PurposeScope purpose(MemoryPurpose::activations);
  std::vector<at::Tensor> states{embed(batch)};
  auto context = block_context(batch);
  for (std::size_t i = 0; i < store_->size(); ++i) {
    states.push_back(block_forward(*store_, i, adapters_of(i), states.back(), context));
    context.repeated.reset();
  }
  states.push_back(rms_norm(*context.parts, states.back(), final_norm_, config_.norm_eps));
  return states;
}

at::Tensor Transformer::last_rows(const PackedTokens& batch, const at::Tensor& queried) const {
  const PurposeScope purpose(MemoryPurpose::activations);
  auto rows = embed(batch);
  auto context = block_context(batch);
  for (std::size_t i = 0; i < store_->size(); ++i) {
    if (i + 1 == store_->size()) context.queried = queried;
    rows = block_forward(*store_, i, adapters_of(i), rows, context);
    context.repeated.reset();  // from here on rows depend on their neighbours
  }
  return rms_norm(*context.parts, rows, final_norm_, config_.norm_eps);
}

at::Tensor Transformer::raw_hidden(const PackedTokens& batch) const {
  if (const auto wider = widened(batch))
    return last_rows(*wider, {}).narrow(0, 0, batch.num_tokens());
  return last_rows(batch, {});
}

at::Tensor Transformer::hidden(const PackedTokens& batch) const {
  const auto rows = raw_hidden(batch);
  if (!config_.shifted_logits) return rows;
  const PurposeScope purpose(MemoryPurpose::activations);
  return rows.index_select(0, memory::uploaded(places_before(batch.offsets), rows.device()));
}

at::Tensor Transformer::hidden_at(const PackedTokens& batch, const at::Tensor& positions) const {
  const std::int64_t count = positions.size(0);
  if (count == 0 || count >= batch.num_tokens() || store_->size() == 0)
    return hidden(batch).index_select(0, positions);
  const PurposeScope purpose(MemoryPurpose::activations);
  auto places = positions;
  if (config_.shifted_logits)
    places = memory::uploaded(places_before(batch.offsets), positions.device())
                 .index_select(0, positions);
  // Rows that are added are the first one again.
  const std::int64_t more = rows_to_add(final_norm_, count);
  if (more > 0) places = at::cat({places, at::zeros({more}, places.options())});
  const auto wider = widened(batch);
  return last_rows(wider ? *wider : batch, places).narrow(0, 0, count);
}

std::optional<std::int64_t> Transformer::excluded_column() const {
  if (!excluded_logit_ || *excluded_logit_ >= config_.logit_columns) return std::nullopt;
  return excluded_logit_;
}

at::Tensor Transformer::logits(const at::Tensor& rows) const {
  const PurposeScope purpose(MemoryPurpose::logits);
  if (const std::int64_t more = rows_to_add(rows, rows.size(0)); more > 0)
    return logits(with_rows(rows, more)).narrow(0, 0, rows.size(0));
  constexpr double kNever = -std::numeric_limits<double>::infinity();
  auto result = head_logits(rows, head(), precision_.compute);
  if (config_.extra_rows > 0)
    result = at::cat(
        {result, at::full({rows.size(0), config_.extra_rows}, kNever, result.options())}, 1);
  if (!excluded_column()) return result;
  if (!result.requires_grad()) {  // nobody else has it: no copy
    result.select(1, *excluded_column()).fill_(kNever);
    return result;
  }
  const auto hidden_column = at::zeros({vocabulary_size()}, result.options().dtype(at::kBool));
  hidden_column.select(0, *excluded_column()).fill_(true);
  return result.masked_fill(hidden_column, kNever);
}

at::Tensor Transformer::log_probabilities(const at::Tensor& rows, const at::Tensor& targets) const {
  const auto fail = [](const auto&... parts) {
    throw ShapeError(message("Transformer::log_probabilities: ", parts...));
  };
  if (rows.dim() != 2 || rows.size(1) != config_.width || rows.scalar_type() != dtype())
    fail("rows must be [Q, ", config_.width, "] ", at::toString(dtype()), ", got ", rows.sizes(),
         " ", rows.scalar_type());
  if (targets.dim() != 1 || targets.size(0) != rows.size(0) || targets.scalar_type() != at::kLong)
    fail("targets must be int64 [Q] with Q = ", rows.size(0), ", got ", targets.sizes(), " ",
         targets.scalar_type());
  if (targets.is_cpu()) {
    const auto ids = targets.contiguous();
    const auto* values = ids.const_data_ptr<std::int64_t>();
    for (std::int64_t i = 0; i < ids.size(0); ++i)
      if (values[i] < 0 || values[i] >= config_.logit_columns ||
          values[i] == excluded_logit_.value_or(-1))
        fail("target ", i, " is ", values[i], ", must be in [0, ", config_.logit_columns,
             ") and not the excluded id");
  }
  const std::int64_t more = rows_to_add(rows, rows.size(0));
  if (more == 0)
    return head_log_probabilities(rows, head(), memory::uploaded(targets, rows.device()),
                                  excluded_column(), precision_.compute);
  // The rows that are added ask for a legal token.
  const auto legal = at::full({more}, excluded_logit_ == 0 ? 1 : 0, targets.options());
  return head_log_probabilities(with_rows(rows, more), head(), at::cat({targets, legal}),
                                excluded_column(), precision_.compute)
      .narrow(0, 0, rows.size(0));
}

void Transformer::set_recomputation(Recomputation recomputation) {
  recomputation_ = recomputation;
  if (recomputation != Recomputation::offload)
    kept_rows_.reset();
  else if (!kept_rows_)
    kept_rows_ = std::make_shared<KeptRows>(device());
}

void Transformer::exclude_logit(std::optional<std::int64_t> id) {
  if (id && (*id < 0 || *id >= vocabulary_size()))
    throw ConfigError(message("Transformer::exclude_logit: id must be in [0, ", vocabulary_size(),
                              "), got ", *id));
  excluded_logit_ = id;
}

}  // namespace lldm
