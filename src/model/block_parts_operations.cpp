// SPDX-License-Identifier: MIT
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/sigmoid.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include "model/attention_by_operations.hpp"
#include "model/block.hpp"
#include "model/block_parts.hpp"

namespace lldm {
namespace {

Normed norm(const at::Tensor& x, const at::Tensor& weight, double eps) {
  const auto scale = at::rsqrt(x.square().mean(1).add_(eps));
  return {x.mul(scale.unsqueeze(1)).mul_(weight), scale};
}

NormGradient norm_gradient(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& scale,
                           const at::Tensor& dy, const at::Tensor& residual) {
  const auto unit = x.mul(scale.unsqueeze(1));  // before the weight
  const auto slope = dy.mul(weight);
  // d(x r) / dx with r = (mean(x^2) + eps)^(-1/2)
  auto rows = slope.sub(unit.mul(slope.mul(unit).mean(1, /*keepdim=*/true)));
  rows.mul_(scale.unsqueeze(1));
  if (residual.defined()) rows.add_(residual);
  return {rows, dy.mul(unit).sum(0), unit.mul(weight)};
}

struct GateUp {
  explicit GateUp(const at::Tensor& both)
      : gate(both.narrow(1, 0, both.size(1) / 2)),
        up(both.narrow(1, both.size(1) / 2, both.size(1) / 2)) {}
  at::Tensor gate, up;
};

at::Tensor swiglu(const at::Tensor& gate_up) {
  const GateUp in(gate_up);
  return at::sigmoid(in.gate).mul_(in.gate).mul_(in.up);
}

SwigluGradient swiglu_gradient(const at::Tensor& gate_up, const at::Tensor& dy) {
  const GateUp in(gate_up);
  SwigluGradient out{at::empty_like(gate_up, at::MemoryFormat::Contiguous), {}};
  const GateUp slopes(out.gate_up);
  const auto share = at::sigmoid(in.gate);
  const auto silu = share.mul(in.gate);
  // silu' = s + silu (1 - s)
  at::Tensor(slopes.gate).copy_(silu.mul(share.neg().add_(1)).add_(share).mul_(in.up).mul_(dy));
  at::Tensor(slopes.up).copy_(silu.mul(dy));
  out.y = silu.mul(in.up);
  return out;
}

Attended attend(const at::Tensor& qkv, const BlockContext& context, bool is_interleaved) {
  return {attend_by_operations(qkv.t(), context, is_interleaved).t(), {}};
}

at::Tensor attend_gradient(const at::Tensor& qkv, const BlockContext& context, bool is_interleaved,
                           const Attended& /*attended*/, const at::Tensor& upstream) {
  const c10::AutoGradMode recording(true);
  const auto rows = qkv.t().detach().requires_grad_(true);
  const auto out = attend_by_operations(rows, context, is_interleaved);
  return torch::autograd::grad({out}, {rows}, {upstream.t()}).front().t();
}

void prepare(BlockContext& context) { context.runs = attention_runs(context); }

}  // namespace

const BlockParts& operation_block_parts() {
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

at::Tensor BlockParts::columns(std::int64_t features, std::int64_t tokens,
                               const at::TensorOptions& options) const {
  return is_feature_major ? at::empty({features, tokens}, options)
                          : at::empty({tokens, features}, options).t();
}

}  // namespace lldm
