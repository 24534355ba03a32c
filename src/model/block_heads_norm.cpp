// SPDX-License-Identifier: MIT
#include "model/block_heads_norm.hpp"

#include <ATen/ops/cat.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/rsqrt.h>

#include "model/block_parts.hpp"

namespace lldm {
namespace {

/// Queries and keys of [(H + 2 K) W, N] as [H + K, W, N].
at::Tensor heads_of(const at::Tensor& qkv, const BlockContext& context) {
  const std::int64_t heads = context.heads + context.kv_heads, width = 2 * context.cosines.size(0);
  return qkv.narrow(0, 0, heads * width).view({heads, width, qkv.size(1)});
}

/// [H + K, W, 1]: the norm's weight of every head.
at::Tensor weights_of(const BlockContext& context, const at::Tensor& q_norm,
                      const at::Tensor& k_norm) {
  return at::cat({q_norm.unsqueeze(0).expand({context.heads, -1}),
                  k_norm.unsqueeze(0).expand({context.kv_heads, -1})})
      .unsqueeze(2);
}

}  // namespace

at::Tensor heads_norm(const at::Tensor& qkv, const BlockContext& context, const at::Tensor& q_norm,
                      const at::Tensor& k_norm, const at::Tensor& scale) {
  const auto weights = weights_of(context, q_norm, k_norm);
  auto result = context.parts->columns(qkv.size(0), qkv.size(1), qkv.options());
  const std::int64_t values = context.kv_heads * 2 * context.cosines.size(0);
  result.narrow(0, qkv.size(0) - values, values).copy_(qkv.narrow(0, qkv.size(0) - values, values));
  auto own = heads_of(result, context);
  at::mul_out(own, heads_of(qkv, context), scale);
  own.mul_(weights);
  return result;
}

at::Tensor heads_scale(const at::Tensor& qkv, const BlockContext& context) {
  return at::rsqrt(heads_of(qkv, context).square().mean(1, /*keepdim=*/true).add_(context.eps));
}

HeadsNormGradient heads_norm_gradient(const at::Tensor& qkv, const BlockContext& context,
                                      const at::Tensor& q_norm, const at::Tensor& k_norm,
                                      const at::Tensor& scale, const at::Tensor& upstream) {
  const auto x = heads_of(qkv, context), dy = heads_of(upstream, context);
  const auto normed = x.mul(scale);           // before the weight
  const auto weight = dy.mul(normed).sum(2);  // [H + K, W]
  const auto slope = dy.mul(weights_of(context, q_norm, k_norm));
  // d(x r) / dx with r = (mean(x^2) + eps)^(-1/2)
  const auto dx = slope.sub(normed.mul(slope.mul(normed).mean(1, true))).mul_(scale);
  auto result = context.parts->columns(qkv.size(0), qkv.size(1), qkv.options());
  result.copy_(upstream);
  heads_of(result, context).copy_(dx);
  return {result, weight.narrow(0, 0, context.heads).sum(0),
          weight.narrow(0, context.heads, context.kv_heads).sum(0)};
}

}  // namespace lldm
