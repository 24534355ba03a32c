// SPDX-License-Identifier: MIT
#include "model/attention_by_operations.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "memory/upload.hpp"
#include "model/two_stream_mask.hpp"

namespace lldm {
namespace {

bool is_two_stream(const BlockContext& context, std::size_t sequence) {
  return !context.patterns.empty() &&
         context.patterns[sequence].kind == AttentionPattern::Kind::two_stream;
}

std::int64_t length_of(const BlockContext& context, std::size_t sequence) {
  return context.offsets[sequence + 1] - context.offsets[sequence];
}

/// [N] positions within each sequence; of a two-stream one within each half.
at::Tensor positions_of(const BlockContext& context) {
  std::vector<std::int64_t> positions(static_cast<std::size_t>(context.offsets.back()));
  for (std::size_t s = 0; s + 1 < context.offsets.size(); ++s) {
    const int halves = is_two_stream(context, s) ? 2 : 1;
    const std::int64_t part = length_of(context, s) / halves;
    for (int half = 0; half < halves; ++half) {
      const auto first = positions.begin() + context.offsets[s] + half * part;
      std::iota(first, first + part, 0);
    }
  }
  return memory::uploaded(at::tensor(positions, at::kLong), context.cosines.device());
}

/// The most negative finite number (as the original does) where a key is hidden.
std::optional<at::Tensor> mask_of(const BlockContext& context, std::size_t sequence,
                                  const AttentionRuns::Run& run) {
  const bool has_pattern = is_two_stream(context, sequence);
  if (!context.visible.defined() && !has_pattern) return std::nullopt;
  const std::int64_t length = run.rows / run.batch;
  at::Tensor seen;
  if (has_pattern)
    seen = two_stream_mask_on(context.cosines.device(), context.patterns[sequence], length)
               .view({1, 1, length, length});
  if (context.visible.defined()) {
    const auto keys =
        context.visible.narrow(0, run.begin, run.rows).reshape({run.batch, 1, 1, length});
    seen = seen.defined() ? seen.logical_and(keys) : keys;
  }
  const double lowest = context.cosines.scalar_type() == at::kDouble
                            ? std::numeric_limits<double>::lowest()
                            : static_cast<double>(std::numeric_limits<float>::lowest());
  return at::zeros(seen.sizes(), context.cosines.options()).masked_fill(seen.logical_not(), lowest);
}

/// Rotates the halves of every head: (a, b) -> (a cos - b sin, b cos + a sin).  x [N, H, W].
at::Tensor rotate(const at::Tensor& x, const AttentionRuns& runs) {
  const std::int64_t half = x.size(2) / 2;
  const auto a = x.narrow(2, 0, half), b = x.narrow(2, half, half);
  return at::cat({a * runs.cosines - b * runs.sines, b * runs.cosines + a * runs.sines}, 2);
}

AttentionHeads split(const at::Tensor& qkv, const BlockContext& context, bool is_interleaved) {
  const std::int64_t n = qkv.size(0), width = 2 * context.cosines.size(0), heads = context.heads,
                     kv = context.kv_heads, group = heads / kv;
  if (is_interleaved) {
    const auto whole = qkv.view({n, kv, group + 2, width});
    return {whole.narrow(2, 0, group).reshape({n, heads, width}), whole.select(2, group),
            whole.select(2, group + 1)};
  }
  const auto whole = qkv.view({n, heads + 2 * kv, width});
  return {whole.narrow(1, 0, heads), whole.narrow(1, heads, kv), whole.narrow(1, heads + kv, kv)};
}

/// [batch, h, L, W] -> the same.  Where a GPU computes in bfloat16 or float16 its attention reads
/// it, too, and sums in float32: its products of float32 have a tenth of the rate.  Without a mask
/// it is flash attention, which reads grouped keys where they are.
at::Tensor attend_run(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                      const std::optional<at::Tensor>& mask, const BlockContext& context) {
  if (!q.is_cuda() || !is_narrow(context.compute))
    return at::scaled_dot_product_attention(q, k, v, mask);
  const auto narrow = [&](const at::Tensor& x) { return x.to(context.compute); };
  // The most negative float32 would be -infinity, and a row that sees nothing NaN.
  const double lowest = context.compute == at::kHalf ? std::numeric_limits<at::Half>::lowest()
                                                     : std::numeric_limits<at::BFloat16>::lowest();
  const auto narrow_mask = mask ? std::optional(narrow(mask->clamp_min(lowest))) : std::nullopt;
  return at::scaled_dot_product_attention(narrow(q), narrow(k), narrow(v), narrow_mask,
                                          /*dropout_p=*/0, /*is_causal=*/false,
                                          /*scale=*/std::nullopt,
                                          /*enable_gqa=*/k.size(1) != q.size(1))
      .to(q.scalar_type());
}

/// Whether attention reads grouped keys and values without copies of them for every head.
bool reads_groups(const at::Tensor& x, const BlockContext& context, const AttentionRuns::Run& run) {
  return x.is_cuda() && is_narrow(context.compute) && !run.mask;
}

}  // namespace

std::shared_ptr<const AttentionRuns> attention_runs(const BlockContext& context) {
  auto result = std::make_shared<AttentionRuns>();
  const auto positions = positions_of(context);
  result->cosines = context.cosines.index_select(1, positions).t().unsqueeze(1);
  result->sines = context.sines.index_select(1, positions).t().unsqueeze(1);
  for (std::size_t s = 0; s + 1 < context.offsets.size(); ++s)
    result->longest = std::max(result->longest, length_of(context, s));
  if (context.cosines.is_cuda())
    result->offsets =
        memory::uploaded(at::tensor(context.offsets, at::kInt), context.cosines.device());
  const auto alike = [&](std::size_t a, std::size_t b) {
    return length_of(context, a) == length_of(context, b) &&
           (context.patterns.empty() || context.patterns[a] == context.patterns[b]);
  };
  for (std::size_t first = 0; first + 1 < context.offsets.size();) {
    std::size_t last = first + 1;
    while (last + 1 < context.offsets.size() && alike(first, last)) ++last;
    AttentionRuns::Run run{context.offsets[first],
                           context.offsets[last] - context.offsets[first],
                           static_cast<std::int64_t>(last - first),
                           {}};
    run.mask = mask_of(context, first, run);
    result->runs.push_back(std::move(run));
    first = last;
  }
  return result;
}

AttentionHeads rotated_heads(const at::Tensor& qkv, const BlockContext& context,
                             bool is_interleaved) {
  const auto heads = split(qkv, context, is_interleaved);
  return {rotate(heads.q, *context.runs), rotate(heads.k, *context.runs), heads.v};
}

at::Tensor attend_by_operations(const at::Tensor& qkv, const BlockContext& context,
                                bool is_interleaved) {
  const AttentionRuns& runs = *context.runs;
  const auto heads = rotated_heads(qkv, context, is_interleaved);
  const std::int64_t repeat = context.heads / context.kv_heads;
  std::vector<at::Tensor> parts;
  for (const auto& run : runs.runs) {
    const auto by_head = [&](const at::Tensor& x) {  // [batch, h, L, W]
      const auto rows = x.narrow(0, run.begin, run.rows)
                            .reshape({run.batch, -1, x.size(1), x.size(2)})
                            .transpose(1, 2);
      const bool is_whole = reads_groups(x, context, run) || x.size(1) == context.heads;
      return is_whole ? rows : rows.repeat_interleave(repeat, 1);
    };
    parts.push_back(
        attend_run(by_head(heads.q), by_head(heads.k), by_head(heads.v), run.mask, context)
            .transpose(1, 2)
            .reshape({run.rows, -1}));
  }
  return parts.size() == 1 ? parts.front() : at::cat(parts);
}

}  // namespace lldm
