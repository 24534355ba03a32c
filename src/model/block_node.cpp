// SPDX-License-Identifier: MIT
// A whole block as one autograd node: matrix products by ATen, everything else by the device's
// parts.
// Kept for the backward pass: the rows, q k v, attention's output and log-sums, the middle rows,
// gate and up, less what recomputation drops.  Normalised rows and the gated product are always
// computed again.
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

#include "lldm/memory/purpose.hpp"
#include "model/block.hpp"
#include "model/block_gradients.hpp"
#include "model/block_heads_norm.hpp"
#include "model/block_parts.hpp"
#include "model/block_saved.hpp"
#include "model/first_order.hpp"
#include "model/held_signals.hpp"
#include "model/linear.hpp"
#include "model/repeated_rows.hpp"
#include "model/thin_products.hpp"

namespace lldm {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// A block's weights while they are held, and the parts of its forward and backward.
class Block {
 public:
  explicit Block(const BlockCall& call)
      : call_(call), held_(call.store->acquire(call.block)), weights_(*held_) {}

  [[nodiscard]] const BlockWeights& weights() const { return weights_; }

  /// Queries, keys and values of the normalised rows.
  void project(BlockSaved& saved) const {
    const auto normed = parts().norm(saved.rows, weights_.attn_norm, context().eps);
    saved.attn_scale = normed.scale;
    if (const auto* repeated = context().repeated.get())
      saved.qkv = repeated_columns(
          qkv().forward_columns(normed.rows.index_select(0, repeated->places)), *repeated);
    else
      saved.qkv = qkv().forward_columns(normed.rows);
    if (weights_.q_norm.defined()) saved.heads_scale = heads_scale(saved.qkv, context());
  }
  void attend(BlockSaved& saved) const {
    const auto attended = parts().attend(heads(saved), context(), is_fused());
    saved.attended = attended.columns;
    saved.log_sums = attended.log_sums;
    saved.middle = linear(kAttentionOut).forward(given(attended.columns.t()), given(saved.rows));
  }
  /// The MLP's gate and factor.
  void expand(BlockSaved& saved) const {
    const auto normed = parts().norm(saved.middle, weights_.ff_norm, context().eps);
    saved.ff_scale = normed.scale;
    saved.gate_up = linear(kGateUp).forward(normed.rows);
  }
  [[nodiscard]] at::Tensor contract(const BlockSaved& saved) const {
    return linear(kMlpOut).forward(parts().swiglu(saved.gate_up), saved.middle);
  }

  /// Returns the gradient of the middle rows.
  at::Tensor mlp_backward(const BlockSaved& saved, const at::Tensor& upstream,
                          Gradients& result) const {
    const Linear out = linear(kMlpOut), in = linear(kGateUp);
    const auto gated = parts().swiglu_gradient(saved.gate_up, out.input_gradient(upstream));
    out.gradients(gated.y, upstream, result);
    const auto wide = parts().norm_gradient(saved.middle, weights_.ff_norm, saved.ff_scale,
                                            in.input_gradient(gated.gate_up), upstream);
    in.gradients(wide.normed, gated.gate_up, result);
    result.set(&BlockWeights::ff_norm, wide.weight);
    return wide.rows;
  }
  /// Sets the gradient of the rows, where it is asked for.
  void attention_backward(const BlockSaved& saved, const at::Tensor& upstream,
                          Gradients& result) const {
    const Linear out = linear(kAttentionOut), in = qkv();
    out.gradients(given(saved.attended.t()), upstream, result);
    const auto slopes = heads_backward(saved, attended_gradient(out, upstream), result).t();
    if (!result.wants_rows() && !result.wants(&BlockWeights::attn_norm)) {
      // The first block beside an adapter: nothing below it asks.
      const auto normed = parts().norm(saved.rows, weights_.attn_norm, context().eps);
      in.gradients(normed.rows, slopes, result);
      return;
    }
    auto inner = in.input_gradient(row_major(slopes));
    const auto narrow = parts().norm_gradient(saved.rows, weights_.attn_norm, saved.attn_scale,
                                              inner, spread(upstream, saved.rows.size(0)));
    inner.reset();
    in.gradients(narrow.normed, slopes, result);
    result.set(&BlockWeights::attn_norm, narrow.weight);
    result.rows() = narrow.rows;
  }

 private:
  [[nodiscard]] const BlockContext& context() const { return call_.context; }
  [[nodiscard]] const BlockParts& parts() const { return *call_.context.parts; }
  [[nodiscard]] bool is_fused() const { return weights_.qkv_proj.defined(); }
  /// One of those behind attention, which have the given rows alone.
  [[nodiscard]] Linear linear(Product product) const {
    return {weights_, call_.adapters, product, context(), context().queried};
  }
  [[nodiscard]] Linear qkv() const {
    return {weights_, call_.adapters, qkv_product(weights_), context()};
  }
  /// Of all rows those that the block gives.
  [[nodiscard]] at::Tensor given(const at::Tensor& rows) const {
    return context().queried.defined() ? rows.index_select(0, context().queried) : rows;
  }
  /// The reverse, of gradients: zeros in the others' places.
  [[nodiscard]] at::Tensor spread(const at::Tensor& rows, std::int64_t count) const {
    if (!context().queried.defined()) return rows;
    return at::zeros({count, rows.size(1)}, rows.options()).index_add_(0, context().queried, rows);
  }
  /// [H W, N]
  [[nodiscard]] at::Tensor attended_gradient(const Linear& out, const at::Tensor& upstream) const {
    if (!context().queried.defined()) return out.input_gradient_columns(upstream);
    const auto rows = spread(out.input_gradient(upstream), context().offsets.back());
    return parts().columns(rows.size(1), rows.size(0), rows.options()).copy_(rows.t());
  }
  /// After the norms of heads, where the family has them.
  [[nodiscard]] at::Tensor heads(const BlockSaved& saved) const {
    if (!weights_.q_norm.defined()) return saved.qkv;
    return heads_norm(saved.qkv, context(), weights_.q_norm, weights_.k_norm, saved.heads_scale);
  }
  /// The gradient of the projections, before the norms of heads.
  [[nodiscard]] at::Tensor heads_backward(const BlockSaved& saved, const at::Tensor& upstream,
                                          Gradients& result) const {
    const Attended attended{saved.attended, saved.log_sums};
    const auto slopes =
        parts().attend_gradient(heads(saved), context(), is_fused(), attended, upstream);
    if (!weights_.q_norm.defined()) return slopes;
    const auto norms = heads_norm_gradient(saved.qkv, context(), weights_.q_norm, weights_.k_norm,
                                           saved.heads_scale, slopes);
    result.set(&BlockWeights::q_norm, norms.q_norm);
    result.set(&BlockWeights::k_norm, norms.k_norm);
    return norms.qkv;
  }

  const BlockCall& call_;
  std::shared_ptr<const BlockWeights> held_;
  const BlockWeights& weights_;
};

/// Drops what the backward pass computes again, bit by bit the same.
void drop(BlockSaved& saved, Recomputation recomputation) {
  if (recomputation == Recomputation::none || recomputation == Recomputation::automatic) return;
  using S = BlockSaved;
  for (const auto member : {&S::attn_scale, &S::qkv, &S::heads_scale, &S::ff_scale, &S::gate_up})
    (saved.*member).reset();
  if (recomputation == Recomputation::full || recomputation == Recomputation::offload)
    for (const auto member : {&S::attended, &S::log_sums, &S::middle}) (saved.*member).reset();
}

void restore(BlockSaved& saved, const Block& block) {
  if (!saved.qkv.defined()) block.project(saved);
  if (!saved.middle.defined()) block.attend(saved);
  if (!saved.gate_up.defined()) block.expand(saved);
}

class BlockFunction : public torch::autograd::Function<BlockFunction> {
 public:
  /// `variables` are those of the block: autograd looks for them among the arguments.
  static at::Tensor forward(AutogradContext* node, const at::Tensor& rows,
                            at::TensorList /*variables*/,
                            const c10::intrusive_ptr<BlockCall>& call) {
    const PurposeScope purpose(MemoryPurpose::activations);
    const HeldSignals held_signals;
    const Block block(*call);
    // They leave while the block is computed.
    at::Tensor host;
    if (call->context.kept_rows && call->has_graph)
      call->kept = call->context.kept_rows->put(rows, host);
    BlockSaved saved;
    saved.rows = rows;
    block.project(saved);
    block.attend(saved);
    block.expand(saved);
    auto out = block.contract(saved);
    drop(saved, call->context.recomputation);
    if (call->kept) saved.rows.reset();
    auto list = saved.list();
    list.push_back(host);
    node->save_for_backward(list);
    node->saved_data["call"] = c10::IValue::make_capsule(call);
    return out;
  }

  static variable_list backward(AutogradContext* node, variable_list gradients) {
    refuse_second_derivative();
    const PurposeScope purpose(MemoryPurpose::activations);
    const HeldSignals held_signals;
    const auto held = node->saved_data["call"].toCapsule();
    node->saved_data.erase("call");  // the node may outlive this, and masks with it
    const auto& call = static_cast<const BlockCall&>(*held);
    const Block block(call);
    call.require_unchanged(block.weights());
    const auto list = node->get_saved_variables();
    BlockSaved saved = BlockSaved::of(list);
    if (call.kept) saved.rows = call.context.kept_rows->take(call.kept, list.back());
    restore(saved, block);
    Gradients result(*node, block.weights(), call.adapters, call.context.adds_gradients);
    const auto middle = block.mlp_backward(saved, gradients[0].contiguous(), result);
    block.attention_backward(saved, middle, result);
    return result.list();
  }
};

class NormFunction : public torch::autograd::Function<NormFunction> {
 public:
  static at::Tensor forward(AutogradContext* node, const at::Tensor& rows, const at::Tensor& weight,
                            const BlockParts* parts, double eps) {
    const PurposeScope purpose(MemoryPurpose::activations);
    const auto out = parts->norm(rows, weight, eps);
    node->save_for_backward({rows, weight, out.scale});
    node->saved_data["parts"] = reinterpret_cast<std::int64_t>(parts);
    return out.rows;
  }
  static variable_list backward(AutogradContext* node, variable_list gradients) {
    refuse_second_derivative();
    const PurposeScope purpose(MemoryPurpose::activations);
    const auto saved = node->get_saved_variables();
    const auto* parts = reinterpret_cast<const BlockParts*>(node->saved_data["parts"].toInt());
    const auto out =
        parts->norm_gradient(saved[0], saved[1], saved[2], gradients[0].contiguous(), {});
    return {out.rows, out.weight, at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor rms_norm(const BlockParts& parts, const at::Tensor& rows, const at::Tensor& weight,
                    double eps) {
  return NormFunction::apply(rows.contiguous(), weight, &parts, eps);
}

at::Tensor block_forward(const WeightStore& store, std::size_t block, const BlockAdapters& adapters,
                         const at::Tensor& rows, const BlockContext& context) {
  const auto weights = store.acquire(block);
  const auto variables = variables_of(*weights, adapters);
  auto call = c10::make_intrusive<BlockCall>(store, block, adapters, context);
  const auto is_trained = [](const at::Tensor& tensor) { return tensor.requires_grad(); };
  call->has_graph = at::GradMode::is_enabled() &&
                    (rows.requires_grad() || std::ranges::any_of(variables, is_trained));
  return BlockFunction::apply(rows.contiguous(), at::TensorList(variables), call);
}

}  // namespace lldm
