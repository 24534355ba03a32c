// SPDX-License-Identifier: MIT
// Attention of a whole ragged pack in one call, forward and backward, in bfloat16 or float16:
// LibTorch's flash attention with cumulative lengths.  Nothing of it exists on the CPU.
#include <ATen/core/Tensor.h>
#include <ATen/ops/_flash_attention_backward.h>
#include <ATen/ops/_flash_attention_forward.h>
#include <ATen/ops/empty.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include "model/attention_by_operations.hpp"
#include "model/block.hpp"
#include "model/block_parts.hpp"

namespace lldm {
namespace {

/// What flash attention does not do is left to tensor operations.
bool is_for_flash(const BlockContext& context) {
  constexpr std::int64_t kStep = 8, kMost = 256;  // of a head's width
  const std::int64_t width = 2 * context.cosines.size(0);
  return is_narrow(context.compute) && context.runs->offsets.defined() &&
         !context.visible.defined() && context.patterns.empty() && width % kStep == 0 &&
         width <= kMost;
}

Attended attend(const at::Tensor& qkv, const BlockContext& context, bool is_interleaved) {
  if (!is_for_flash(context)) return operation_block_parts().attend(qkv, context, is_interleaved);
  const AttentionRuns& runs = *context.runs;
  const auto heads = rotated_heads(qkv.t(), context, is_interleaved);
  const auto narrow = [&](const at::Tensor& x) { return x.to(context.compute).contiguous(); };
  const auto result = at::_flash_attention_forward(
      narrow(heads.q), narrow(heads.k), narrow(heads.v), runs.offsets, runs.offsets, runs.longest,
      runs.longest, /*dropout_p=*/0, /*is_causal=*/false, /*return_debug_mask=*/false);
  return {std::get<0>(result).reshape({qkv.size(1), -1}).to(qkv.scalar_type()).t(),
          std::get<1>(result)};
}

at::Tensor attend_gradient(const at::Tensor& qkv, const BlockContext& context, bool is_interleaved,
                           const Attended& attended, const at::Tensor& upstream) {
  if (!is_for_flash(context))
    return operation_block_parts().attend_gradient(qkv, context, is_interleaved, attended,
                                                   upstream);
  const AttentionRuns& runs = *context.runs;
  const c10::AutoGradMode recording(true);  // of the rotation
  const auto rows = qkv.t().detach().requires_grad_(true);
  const auto heads = rotated_heads(rows, context, is_interleaved);
  const auto narrow = [&](const at::Tensor& x) { return x.to(context.compute).contiguous(); };
  std::vector<at::Tensor> slopes;
  {
    const c10::NoGradGuard guard;
    const auto like_q = [&](const at::Tensor& columns) {  // exact: it was narrow before
      return narrow(columns.t().reshape(heads.q.sizes()));
    };
    // Of dropout, which there is none of.
    const auto state = at::empty({2}, at::TensorOptions(at::kLong).device(qkv.device()));
    const auto [dq, dk, dv] = at::_flash_attention_backward(
        like_q(upstream), narrow(heads.q), narrow(heads.k), narrow(heads.v),
        like_q(attended.columns), attended.log_sums, runs.offsets, runs.offsets, runs.longest,
        runs.longest, /*dropout_p=*/0, /*is_causal=*/false, state, state);
    for (const auto& slope : {dq, dk, dv}) slopes.push_back(slope.to(qkv.scalar_type()));
  }
  return torch::autograd::grad({heads.q, heads.k, heads.v}, {rows}, slopes).front().t();
}

}  // namespace

const BlockParts& varlen_block_parts() {
  static const BlockParts parts = [] {
    BlockParts table = operation_block_parts();
    table.attend = attend;
    table.attend_gradient = attend_gradient;
    return table;
  }();
  return parts;
}

}  // namespace lldm
