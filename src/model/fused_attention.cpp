// SPDX-License-Identifier: MIT
#include "model/fused_attention.hpp"

#include <ATen/core/Tensor.h>
#include <ATen/ops/_efficient_attention_backward.h>
#include <ATen/ops/_efficient_attention_forward.h>
#include <ATen/ops/_flash_attention_backward.h>
#include <ATen/ops/_flash_attention_forward.h>
#include <ATen/ops/empty.h>

#include <cstdint>
#include <memory>

#include "memory/cuda_library.hpp"
#include "model/attention_by_operations.hpp"
#include "model/block.hpp"
#include "model/head_places.hpp"

namespace lldm {
namespace {

enum class Kernel : std::uint8_t { none, flash, efficient };

/// By which of LibTorch's a pack is attended; none: by tensor operations.
Kernel kernel_for(const at::Tensor& qkv, const BlockContext& context) {
  const bool is_plain = qkv.is_cuda() && qkv.scalar_type() == at::kFloat &&
                        memory::loaded_cuda_functions() != nullptr &&
                        context.runs->offsets.defined() && !context.visible.defined() &&
                        context.patterns.empty() &&
                        is_fused_head(context.compute, 2 * context.cosines.size(0));
  if (!is_plain) return Kernel::none;
  return is_narrow(context.compute) ? Kernel::flash : Kernel::efficient;
}

/// Rotation between rows of projections and heads by themselves, which products of 16 bits read.
class Rotation {
 public:
  Rotation(const memory::CudaFunctions& cuda, const BlockContext& context, bool is_interleaved)
      : cuda_(cuda),
        context_(context),
        is_interleaved_(is_interleaved),
        width_(2 * context.cosines.size(0)) {}

  /// Queries, keys, values [N, H or K, W] of projections [N, (H + 2 K) W].
  [[nodiscard]] AttentionHeads heads(const at::Tensor& projections) const {
    return {rotated(projections, of_queries(), context_.heads),
            rotated(projections, of_keys(), context_.kv_heads),
            values(projections).to(context_.compute).contiguous()};
  }
  /// The gradient of projections.
  [[nodiscard]] at::Tensor projections(const at::Tensor& dq, const at::Tensor& dk,
                                       const at::Tensor& dv) const {
    const std::int64_t row = (context_.heads + 2 * context_.kv_heads) * width_;
    const auto slopes = at::empty({dq.size(0), row}, dq.options().dtype(at::kFloat));
    put(dq, of_queries(), slopes);
    put(dk, of_keys(), slopes);
    values(slopes).copy_(dv);
    return slopes;
  }

 private:
  [[nodiscard]] cuda::HeadPlaces of_queries() const {
    return query_places(context_, width_, is_interleaved_);
  }
  [[nodiscard]] cuda::HeadPlaces of_keys() const {
    return key_places(context_, width_, is_interleaved_);
  }
  [[nodiscard]] at::Tensor values(const at::Tensor& rows) const {
    return value_heads(rows, context_, is_interleaved_);
  }
  /// The kernels write float32 and bfloat16.
  [[nodiscard]] at::ScalarType kernel_type() const {
    return context_.compute == at::kBFloat16 ? at::kBFloat16 : at::kFloat;
  }
  [[nodiscard]] cuda::Rope rope(const at::Tensor& rows, const cuda::HeadPlaces& places,
                                std::int64_t heads) const {
    return {.type = kernel_type() == at::kBFloat16 ? cuda::ElementType::bfloat16
                                                   : cuda::ElementType::float32,
            .rows = rows.size(0),
            .heads = static_cast<int>(heads),
            .head_width = static_cast<int>(width_),
            .row_width = rows.size(1),
            .places = places,
            .cosines = context_.runs->cosines.const_data_ptr<float>(),
            .sines = context_.runs->sines.const_data_ptr<float>()};
  }
  [[nodiscard]] at::Tensor rotated(const at::Tensor& rows, const cuda::HeadPlaces& places,
                                   std::int64_t heads) const {
    const auto out = at::empty({rows.size(0), heads, width_}, rows.options().dtype(kernel_type()));
    cuda_.kernels.rope_forward(rope(rows, places, heads), rows.const_data_ptr<float>(),
                               out.mutable_data_ptr(), cuda_.current_stream());
    return out.to(context_.compute);
  }
  void put(const at::Tensor& slopes, const cuda::HeadPlaces& places, const at::Tensor& rows) const {
    const auto whole = slopes.to(kernel_type()).contiguous();
    cuda_.kernels.rope_backward(rope(rows, places, slopes.size(1)), whole.const_data_ptr(),
                                rows.mutable_data_ptr<float>(), cuda_.current_stream());
  }

  const memory::CudaFunctions& cuda_;
  const BlockContext& context_;
  bool is_interleaved_;
  std::int64_t width_;
};

/// What attention by cumulative lengths takes besides queries, keys and values.
struct Lengths {
  const at::Tensor& offsets;
  std::int64_t longest;
};

/// Of dropout, which there is none of.
at::Tensor no_state(const at::Tensor& like, at::IntArrayRef shape) {
  return at::empty(shape, at::TensorOptions(at::kLong).device(like.device()));
}

struct Output {
  at::Tensor rows, log_sums;  // [N, H, W], as the kernel's backward reads them
};

Output flash(const AttentionHeads& heads, const Lengths& of) {
  const auto result = at::_flash_attention_forward(
      heads.q, heads.k, heads.v, of.offsets, of.offsets, of.longest, of.longest,
      /*dropout_p=*/0, /*is_causal=*/false, /*return_debug_mask=*/false);
  return {std::get<0>(result), std::get<1>(result)};
}
AttentionHeads flash_gradient(const AttentionHeads& heads, const Lengths& of, const Output& out,
                              const at::Tensor& slopes) {
  const auto [dq, dk, dv] = at::_flash_attention_backward(
      slopes, heads.q, heads.k, heads.v, out.rows, out.log_sums, of.offsets, of.offsets, of.longest,
      of.longest, /*dropout_p=*/0, /*is_causal=*/false, no_state(slopes, {2}),
      no_state(slopes, {}));
  return {dq, dk, dv};
}

/// The efficient kernels want as many keys as queries, and a batch of one.
AttentionHeads with_repeated_keys(const AttentionHeads& heads) {
  const std::int64_t group = heads.q.size(1) / heads.k.size(1);
  const auto all = [&](const at::Tensor& x) {
    return (group == 1 ? x : x.repeat_interleave(group, 1)).unsqueeze(0);
  };
  return {heads.q.unsqueeze(0), all(heads.k), all(heads.v)};
}
constexpr std::int64_t kNoMask = 0;

Output efficient(const AttentionHeads& heads, const Lengths& of) {
  const auto whole = with_repeated_keys(heads);
  const auto result = at::_efficient_attention_forward(
      whole.q, whole.k, whole.v, /*bias=*/{}, of.offsets, of.offsets, of.longest, of.longest,
      /*dropout_p=*/0, kNoMask, /*compute_log_sumexp=*/true);
  return {std::get<0>(result).squeeze(0), std::get<1>(result)};
}
AttentionHeads efficient_gradient(const AttentionHeads& heads, const Lengths& of, const Output& out,
                                  const at::Tensor& slopes) {
  const auto whole = with_repeated_keys(heads);
  const auto [dq, dk, dv, bias] = at::_efficient_attention_backward(
      slopes.unsqueeze(0), whole.q, whole.k, whole.v, /*bias=*/{}, out.rows.unsqueeze(0),
      of.offsets, of.offsets, of.longest, of.longest, out.log_sums, /*dropout_p=*/0,
      no_state(slopes, {}), no_state(slopes, {}), kNoMask, /*bias_requires_grad=*/false,
      /*scale=*/{}, /*num_splits_key=*/1);         // one: sums in one order, the same bits twice
  const auto grouped = [&](const at::Tensor& x) {  // [1, N, H, W] -> [N, K, W]
    const auto& k = heads.k;
    return x.view({k.size(0), k.size(1), -1, k.size(2)}).sum(2);
  };
  return {dq.squeeze(0), grouped(dk), grouped(dv)};
}

}  // namespace

bool is_fused_head(at::ScalarType compute, std::int64_t head_width) {
  constexpr std::int64_t kFlashStep = 8, kEfficientStep = 4, kMost = 256;  // widest tried
  if (head_width > kMost) return false;
  if (is_narrow(compute)) return head_width % kFlashStep == 0;
  return compute == at::kFloat && head_width % kEfficientStep == 0;
}

Attended fused_attend(const at::Tensor& qkv, const BlockContext& context, bool is_interleaved) {
  const Kernel kernel = kernel_for(qkv, context);
  if (kernel == Kernel::none) return operation_block_parts().attend(qkv, context, is_interleaved);
  const Rotation rotation(*memory::loaded_cuda_functions(), context, is_interleaved);
  const auto heads = rotation.heads(qkv.t().contiguous());
  const Lengths of{context.runs->offsets, context.runs->longest};
  const Output out = kernel == Kernel::flash ? flash(heads, of) : efficient(heads, of);
  return {out.rows.reshape({qkv.size(1), -1}).to(qkv.scalar_type()).t(), out.log_sums};
}

at::Tensor fused_attend_gradient(const at::Tensor& qkv, const BlockContext& context,
                                 bool is_interleaved, const Attended& attended,
                                 const at::Tensor& upstream) {
  const Kernel kernel = kernel_for(qkv, context);
  if (kernel == Kernel::none)
    return operation_block_parts().attend_gradient(qkv, context, is_interleaved, attended,
                                                   upstream);
  const Rotation rotation(*memory::loaded_cuda_functions(), context, is_interleaved);
  const auto heads = rotation.heads(qkv.t().contiguous());
  const auto by_head = [&](const at::Tensor& columns) {  // exact of what attention gave
    return columns.t().reshape(heads.q.sizes()).to(heads.q.scalar_type()).contiguous();
  };
  const Lengths of{context.runs->offsets, context.runs->longest};
  const Output out{by_head(attended.columns), attended.log_sums};
  const auto slopes = by_head(upstream);
  const auto [dq, dk, dv] = kernel == Kernel::flash ? flash_gradient(heads, of, out, slopes)
                                                    : efficient_gradient(heads, of, out, slopes);
  return rotation.projections(dq, dk, dv).t();
}

/// The kernels read the angles of a token side by side.
void prepare_fused_attention(BlockContext& context) {
  auto runs = std::make_shared<AttentionRuns>(*attention_runs(context));
  runs->cosines = runs->cosines.contiguous();
  runs->sines = runs->sines.contiguous();
  context.runs = std::move(runs);
}

}  // namespace lldm
