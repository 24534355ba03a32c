// SPDX-License-Identifier: MIT
// A block's parts on a GPU in few launches: LibTorch's fused RMSNorm, our kernels for SwiGLU, and
// attention of a whole pack.  Nothing of it exists on the CPU; what a part does not do is left to
// tensor operations.
#include <ATen/core/Tensor.h>
#include <ATen/ops/_fused_rms_norm.h>
#include <ATen/ops/_fused_rms_norm_backward.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include "memory/cuda_library.hpp"
#include "model/block_parts.hpp"
#include "model/fused_attention.hpp"

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

}  // namespace

const BlockParts& fused_block_parts() {
  static constexpr BlockParts parts{/*is_feature_major=*/false,
                                    norm,
                                    norm_gradient,
                                    swiglu,
                                    swiglu_gradient,
                                    fused_attend,
                                    fused_attend_gradient,
                                    prepare_fused_attention};
  return parts;
}

}  // namespace lldm
