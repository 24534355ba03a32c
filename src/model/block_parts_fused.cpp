// SPDX-License-Identifier: MIT
// A block's parts on a GPU in few launches: LibTorch's fused RMSNorm and its flash attention of a
// whole ragged pack by cumulative lengths, our kernels for rotation and SwiGLU.  Nothing of it
// exists on the CPU; what a part does not do is left to tensor operations.
#include <ATen/core/Tensor.h>
#include <ATen/ops/_flash_attention_backward.h>
#include <ATen/ops/_flash_attention_forward.h>
#include <ATen/ops/_fused_rms_norm.h>
#include <ATen/ops/_fused_rms_norm_backward.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include "memory/cuda_library.hpp"
#include "model/attention_by_operations.hpp"
#include "model/block.hpp"
#include "model/block_parts.hpp"
#include "model/head_places.hpp"

namespace lldm {
namespace {

const memory::CudaFunctions* cuda_of(const at::Tensor& x) {
  return x.is_cuda() && x.scalar_type() == at::kFloat ? memory::loaded_cuda_functions() : nullptr;
}

Normed norm(const at::Tensor& x, const at::Tensor& weight, double eps) {
  if (!cuda_of(x)) return operation_block_parts().norm(x, weight, eps);
  const auto [rows, scale] = at::_fused_rms_norm(x, {x.size(1)}, weight, eps);
  return {rows, scale.reshape({-1})};
}

NormGradient norm_gradient(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& scale,
                           const at::Tensor& dy, const at::Tensor& residual) {
  if (!cuda_of(x)) return operation_block_parts().norm_gradient(x, weight, scale, dy, residual);
  auto [rows, slope] = at::_fused_rms_norm_backward(dy.contiguous(), x, {x.size(1)},
                                                    scale.unsqueeze(1), weight, {true, true});
  if (residual.defined()) rows.add_(residual);
  return {rows, slope, x.mul(scale.unsqueeze(1)).mul_(weight)};
}

at::Tensor swiglu(const at::Tensor& gate_up) {
  const auto* cuda = cuda_of(gate_up);
  if (!cuda || !gate_up.is_contiguous()) return operation_block_parts().swiglu(gate_up);
  const std::int64_t width = gate_up.size(1) / 2;
  const auto y = at::empty({gate_up.size(0), width}, gate_up.options());
  cuda->kernels.swiglu_forward(gate_up.size(0), width, gate_up.const_data_ptr<float>(),
                               y.mutable_data_ptr<float>(), cuda->current_stream());
  return y;
}

SwigluGradient swiglu_gradient(const at::Tensor& gate_up, const at::Tensor& dy) {
  const auto* cuda = cuda_of(gate_up);
  if (!cuda || !gate_up.is_contiguous() || !dy.is_contiguous())
    return operation_block_parts().swiglu_gradient(gate_up, dy);
  const SwigluGradient out{at::empty_like(gate_up), at::empty_like(dy)};
  cuda->kernels.swiglu_backward(gate_up.size(0), dy.size(1), gate_up.const_data_ptr<float>(),
                                dy.const_data_ptr<float>(), out.gate_up.mutable_data_ptr<float>(),
                                out.y.mutable_data_ptr<float>(), cuda->current_stream());
  return out;
}

/// What flash attention does not do is left to tensor operations.
bool is_for_flash(const at::Tensor& qkv, const BlockContext& context) {
  constexpr std::int64_t kStep = 8, kMost = 256;  // of a head's width
  const std::int64_t width = 2 * context.cosines.size(0);
  return cuda_of(qkv) && is_narrow(context.compute) && context.runs->offsets.defined() &&
         !context.visible.defined() && context.patterns.empty() && width % kStep == 0 &&
         width <= kMost;
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

Attended attend(const at::Tensor& qkv, const BlockContext& context, bool is_interleaved) {
  if (!is_for_flash(qkv, context))
    return operation_block_parts().attend(qkv, context, is_interleaved);
  const AttentionRuns& runs = *context.runs;
  const Rotation rotation(*cuda_of(qkv), context, is_interleaved);
  const auto heads = rotation.heads(qkv.t().contiguous());
  const auto result = at::_flash_attention_forward(
      heads.q, heads.k, heads.v, runs.offsets, runs.offsets, runs.longest, runs.longest,
      /*dropout_p=*/0, /*is_causal=*/false, /*return_debug_mask=*/false);
  return {std::get<0>(result).reshape({qkv.size(1), -1}).to(qkv.scalar_type()).t(),
          std::get<1>(result)};
}

at::Tensor attend_gradient(const at::Tensor& qkv, const BlockContext& context, bool is_interleaved,
                           const Attended& attended, const at::Tensor& upstream) {
  if (!is_for_flash(qkv, context))
    return operation_block_parts().attend_gradient(qkv, context, is_interleaved, attended,
                                                   upstream);
  const AttentionRuns& runs = *context.runs;
  const Rotation rotation(*cuda_of(qkv), context, is_interleaved);
  const auto heads = rotation.heads(qkv.t().contiguous());
  const auto like_q = [&](const at::Tensor& columns) {  // exact: it was narrow before
    return columns.t().reshape(heads.q.sizes()).to(context.compute).contiguous();
  };
  // Of dropout, which there is none of.
  const auto state = at::empty({2}, at::TensorOptions(at::kLong).device(qkv.device()));
  const auto [dq, dk, dv] = at::_flash_attention_backward(
      like_q(upstream), heads.q, heads.k, heads.v, like_q(attended.columns), attended.log_sums,
      runs.offsets, runs.offsets, runs.longest, runs.longest, /*dropout_p=*/0, /*is_causal=*/false,
      state, state);
  return rotation.projections(dq, dk, dv).t();
}

/// The kernels read the angles of a token side by side.
void prepare(BlockContext& context) {
  auto runs = std::make_shared<AttentionRuns>(*attention_runs(context));
  runs->cosines = runs->cosines.contiguous();
  runs->sines = runs->sines.contiguous();
  context.runs = std::move(runs);
}

}  // namespace

const BlockParts& fused_block_parts() {
  static constexpr BlockParts parts{/*is_feature_major=*/false,
                                    norm,
                                    norm_gradient,
                                    swiglu,
                                    swiglu_gradient,
                                    attend,
                                    attend_gradient,
                                    prepare};
  return parts;
}

}  // namespace lldm
