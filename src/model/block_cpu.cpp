// SPDX-License-Identifier: MIT
// A whole block as one autograd node: matrix products by ATen, everything else by our kernels.
// Kept for the backward pass: the rows, q k v, attention's output and log-sums, the middle rows,
// gate and up.  Normalised rows and the gated product are computed again.
#include <ATen/ops/addmm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/mm.h>
#include <torch/csrc/autograd/custom_function.h>

#include "lldm/memory/purpose.hpp"
#include "model/block.hpp"
#include "model/block_gradients.hpp"
#include "model/block_parts_cpu.hpp"
#include "model/block_saved.hpp"
#include "model/first_order.hpp"

namespace lldm {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// The matrices one below the other: without a copy where they already lie so.
at::Tensor joined(at::TensorList parts) {
  std::int64_t rows = 0;
  bool is_adjacent = true;
  for (const auto& part : parts) {
    is_adjacent &= part.is_contiguous() && part.storage().is_alias_of(parts[0].storage()) &&
                   part.storage_offset() == parts[0].storage_offset() + rows * parts[0].size(1);
    rows += part.size(0);
  }
  if (!is_adjacent) return at::cat(parts);
  return parts[0].detach().as_strided({rows, parts[0].size(1)}, {parts[0].size(1), 1},
                                      parts[0].storage_offset());
}

at::Tensor qkv_weight(const BlockWeights& weights) {
  if (weights.qkv_proj.defined()) return weights.qkv_proj.detach();
  return joined({weights.q_proj, weights.k_proj, weights.v_proj});
}

at::Tensor project_qkv(const BlockWeights& weights, const at::Tensor& normed) {
  const auto weight = qkv_weight(weights);
  auto qkv = columns(weight.size(0), normed.size(0), normed.options());
  if (weights.q_bias.defined())
    at::addmm_out(qkv, at::cat({weights.q_bias, weights.k_bias, weights.v_bias}).unsqueeze(1),
                  weight, normed.t());
  else
    at::mm_out(qkv, weight, normed.t());
  return qkv;
}

using W = BlockWeights;
using A = BlockAdapters;

class BlockFunction : public torch::autograd::Function<BlockFunction> {
 public:
  /// `variables` are those of the block: autograd looks for them among the arguments.
  static at::Tensor forward(AutogradContext* node, const at::Tensor& rows,
                            at::TensorList /*variables*/, const BlockContext& context,
                            const BlockWeights& weights, const BlockAdapters& adapters) {
    const PurposeScope purpose(MemoryPurpose::activations);
    BlockSaved saved;
    saved.rows = rows;
    saved.weights = weights;
    saved.adapters = adapters;
    const auto first = norm_forward(rows, weights.attn_norm, context.eps);
    saved.attn_scale = first.scale;
    saved.qkv = project_qkv(weights, first.rows);
    add_qkv_updates(saved.qkv, weights, adapters, first.rows);
    at::Tensor heads = saved.qkv;
    if (weights.q_norm.defined()) {
      const auto normed = heads_norm(saved.qkv, context, weights.q_norm, weights.k_norm);
      heads = normed.qkv;
      saved.heads_scale = normed.scale;
    }
    const auto attended = attend(heads, context, weights.qkv_proj.defined());
    saved.attended = attended.columns;
    saved.log_sums = attended.log_sums;
    saved.middle = at::addmm(rows, attended.columns.t(), weights.attn_out.t());
    if (weights.attn_out_bias.defined()) saved.middle.add_(weights.attn_out_bias);
    add_update(saved.middle, adapters.attn_out, attended.columns.t());
    const auto second = norm_forward(saved.middle, weights.ff_norm, context.eps);
    saved.ff_scale = second.scale;
    saved.gate_up = at::mm(second.rows, joined({weights.ff_proj, weights.up_proj}).t());
    if (weights.ff_bias.defined()) saved.gate_up.add_(at::cat({weights.ff_bias, weights.up_bias}));
    const std::int64_t mlp = weights.ff_out.size(1);
    add_update(saved.gate_up.narrow(1, 0, mlp), adapters.ff_proj, second.rows);
    add_update(saved.gate_up.narrow(1, mlp, mlp), adapters.up_proj, second.rows);
    const auto gated = swiglu(saved.gate_up);
    auto out = at::addmm(saved.middle, gated, weights.ff_out.t());
    add_update(out, adapters.ff_out, gated);
    if (weights.ff_out_bias.defined()) out.add_(weights.ff_out_bias);

    saved.cosines = context.cosines;
    saved.sines = context.sines;
    saved.visible = context.visible;
    node->save_for_backward(saved.list());
    node->saved_data["offsets"] = context.offsets;
    node->saved_data["heads"] = context.heads;
    node->saved_data["kv_heads"] = context.kv_heads;
    node->saved_data["scales"] = scales_of(adapters);
    return out;
  }

  static variable_list backward(AutogradContext* node, variable_list gradients) {
    refuse_second_derivative();
    const PurposeScope purpose(MemoryPurpose::activations);
    BlockSaved saved = BlockSaved::of(node->get_saved_variables());
    set_scales(saved.adapters, node->saved_data["scales"].toDoubleVector());
    const BlockContext context{.offsets = node->saved_data["offsets"].toIntVector(),
                               .visible = saved.visible,
                               .cosines = saved.cosines,
                               .sines = saved.sines,
                               .heads = node->saved_data["heads"].toInt(),
                               .kv_heads = node->saved_data["kv_heads"].toInt()};
    Gradients result(*node, saved.weights, saved.adapters);
    const auto middle = mlp_backward(saved, gradients[0].contiguous(), result);
    attention_backward(saved, context, middle, result);
    return result.list();
  }

 private:
  /// Returns the gradient of the middle rows.
  static at::Tensor mlp_backward(const BlockSaved& saved, const at::Tensor& upstream,
                                 Gradients& result) {
    const BlockWeights& weights = saved.weights;
    const BlockAdapters& adapters = saved.adapters;
    const std::int64_t mlp = weights.ff_out.size(1);
    auto product = at::mm(upstream, weights.ff_out);
    add_input_gradient(product, adapters.ff_out, upstream);
    const auto gated = swiglu_gradient(saved.gate_up, product);
    result.set_update(&A::ff_out, adapters.ff_out, gated.y, upstream);
    if (result.wants(&W::ff_out)) result.set(&W::ff_out, at::mm(upstream.t(), gated.y));
    if (result.wants(&W::ff_out_bias)) result.set(&W::ff_out_bias, upstream.sum(0));
    const auto gate = gated.gate_up.narrow(1, 0, mlp), up = gated.gate_up.narrow(1, mlp, mlp);
    auto normed = at::mm(gated.gate_up, joined({weights.ff_proj, weights.up_proj}));
    add_input_gradient(normed, adapters.ff_proj, gate);
    add_input_gradient(normed, adapters.up_proj, up);
    const auto wide =
        norm_backward(saved.middle, weights.ff_norm, saved.ff_scale, normed, upstream);
    result.set_update(&A::ff_proj, adapters.ff_proj, wide.normed, gate);
    result.set_update(&A::up_proj, adapters.up_proj, wide.normed, up);
    result.set(&W::ff_norm, wide.weight);
    if (result.wants(&W::ff_proj) || result.wants(&W::up_proj))
      result.split(at::mm(gated.gate_up.t(), wide.normed), weights, {&W::ff_proj, &W::up_proj});
    if (result.wants(&W::ff_bias) || result.wants(&W::up_bias))
      result.split(gated.gate_up.sum(0), weights, {&W::ff_bias, &W::up_bias});
    return wide.rows;
  }

  static void attention_backward(const BlockSaved& saved, const BlockContext& context,
                                 const at::Tensor& upstream, Gradients& result) {
    const BlockWeights& weights = saved.weights;
    if (result.wants(&W::attn_out))
      result.set(&W::attn_out, at::mm(upstream.t(), saved.attended.t()));
    if (result.wants(&W::attn_out_bias)) result.set(&W::attn_out_bias, upstream.sum(0));
    auto attended_gradient =
        columns(weights.attn_out.size(1), saved.rows.size(0), saved.rows.options());
    at::mm_out(attended_gradient, weights.attn_out.t(), upstream.t());
    add_input_gradient(attended_gradient.t(), saved.adapters.attn_out, upstream);
    result.set_update(&A::attn_out, saved.adapters.attn_out, saved.attended.t(), upstream);
    const auto qkv_gradient = heads_backward(saved, context, attended_gradient, result);
    auto normed = at::mm(qkv_gradient.t(), qkv_weight(weights));
    each_qkv_update(qkv_gradient, weights, saved.adapters,
                    [&](Lora A::*, const Lora& lora, const at::Tensor& slope) {
                      add_input_gradient(normed, lora, slope.t());
                    });
    const auto narrow =
        norm_backward(saved.rows, weights.attn_norm, saved.attn_scale, normed, upstream);
    each_qkv_update(qkv_gradient, weights, saved.adapters,
                    [&](Lora A::* member, const Lora& lora, const at::Tensor& slope) {
                      result.set_update(member, lora, narrow.normed, slope.t());
                    });
    result.rows() = narrow.rows;
    result.set(&W::attn_norm, narrow.weight);
    if (result.wants(&W::qkv_proj)) result.set(&W::qkv_proj, at::mm(qkv_gradient, narrow.normed));
    if (result.wants(&W::q_proj) || result.wants(&W::k_proj) || result.wants(&W::v_proj))
      result.split(at::mm(qkv_gradient, narrow.normed), weights,
                   {&W::q_proj, &W::k_proj, &W::v_proj});
    if (result.wants(&W::q_bias) || result.wants(&W::k_bias) || result.wants(&W::v_bias))
      result.split(qkv_gradient.sum(1), weights, {&W::q_bias, &W::k_bias, &W::v_bias});
  }

  /// The gradient of the projections, before the norms of heads.
  static at::Tensor heads_backward(const BlockSaved& saved, const BlockContext& context,
                                   const at::Tensor& upstream, Gradients& result) {
    const BlockWeights& weights = saved.weights;
    const Attended attended{saved.attended, saved.log_sums};
    const bool is_fused = weights.qkv_proj.defined();
    if (!weights.q_norm.defined())
      return attend_gradient(saved.qkv, context, is_fused, attended, upstream);
    const auto heads =
        heads_norm_again(saved.qkv, context, weights.q_norm, weights.k_norm, saved.heads_scale);
    const auto slopes =
        heads_norm_gradient(saved.qkv, context, weights.q_norm, weights.k_norm, saved.heads_scale,
                            attend_gradient(heads, context, is_fused, attended, upstream));
    result.set(&W::q_norm, slopes.q_norm);
    result.set(&W::k_norm, slopes.k_norm);
    return slopes.qkv;
  }
};

class NormFunction : public torch::autograd::Function<NormFunction> {
 public:
  static at::Tensor forward(AutogradContext* node, const at::Tensor& rows, const at::Tensor& weight,
                            double eps) {
    const PurposeScope purpose(MemoryPurpose::activations);
    const auto out = norm_forward(rows, weight, eps);
    node->save_for_backward({rows, weight, out.scale});
    return out.rows;
  }
  static variable_list backward(AutogradContext* node, variable_list gradients) {
    refuse_second_derivative();
    const PurposeScope purpose(MemoryPurpose::activations);
    const auto saved = node->get_saved_variables();
    const auto out = norm_backward(saved[0], saved[1], saved[2], gradients[0].contiguous(), {});
    return {out.rows, out.weight, at::Tensor()};
  }
};

}  // namespace

at::Tensor rms_norm(const at::Tensor& rows, const at::Tensor& weight, double eps) {
  if (!rows.is_cpu()) return rms_norm_by_operations(rows, weight, eps);
  return NormFunction::apply(rows.contiguous(), weight, eps);
}

at::Tensor block_forward(const BlockWeights& block, const BlockAdapters& adapters,
                         const at::Tensor& rows, const BlockContext& context) {
  if (!rows.is_cpu() || !context.patterns.empty())
    return block_by_operations(block, adapters, rows, context);
  const auto variables = variables_of(block, adapters);
  return BlockFunction::apply(rows.contiguous(), at::TensorList(variables), context, block,
                              adapters);
}

}  // namespace lldm
