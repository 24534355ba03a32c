// SPDX-License-Identifier: MIT
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include <limits>

#include "model/block.hpp"
#include "model/block_dropout.hpp"
#include "model/block_gradients.hpp"
#include "model/block_saved.hpp"
#include "model/first_order.hpp"
#include "model/two_stream_mask.hpp"

namespace lldm {
namespace {

bool is_two_stream(const BlockContext& context, std::size_t sequence) {
  return !context.patterns.empty() &&
         context.patterns[sequence].kind == AttentionPattern::Kind::two_stream;
}

// [N] positions within each sequence; of a two-stream one within each half.
at::Tensor positions_of(const BlockContext& context, const at::Device device) {
  std::vector<at::Tensor> parts;
  for (std::size_t s = 0; s + 1 < context.offsets.size(); ++s) {
    const std::int64_t length = context.offsets[s + 1] - context.offsets[s];
    const int halves = is_two_stream(context, s) ? 2 : 1;
    for (int half = 0; half < halves; ++half)
      parts.push_back(at::arange(length / halves, at::TensorOptions(at::kLong).device(device)));
  }
  return at::cat(parts);
}

// Rotates the halves of every head: (a, b) -> (a cos - b sin, b cos + a sin).  x [N, H, dh], tables
// [N, 1, dh/2].
at::Tensor rotate(const at::Tensor& x, const at::Tensor& cosines, const at::Tensor& sines) {
  const std::int64_t half = x.size(2) / 2;
  const auto a = x.narrow(2, 0, half), b = x.narrow(2, half, half);
  return at::cat({a * cosines - b * sines, b * cosines + a * sines}, 2);
}

// What is added to the scores of one run: [B or 1, 1, L or 1, L], the most negative finite number
// (as the original does) where a key is hidden; nothing where all see all.
std::optional<at::Tensor> hidden_keys(const at::Tensor& q, const at::Tensor& visible,
                                      const at::Tensor& allowed, std::int64_t batch) {
  if (!visible.defined() && !allowed.defined()) return std::nullopt;
  const std::int64_t length = q.size(0) / batch;
  at::Tensor seen = allowed.defined() ? allowed.view({1, 1, length, length}) : at::Tensor();
  if (visible.defined()) {
    const auto keys = visible.reshape({batch, 1, 1, length});
    seen = seen.defined() ? seen.logical_and(keys) : keys;
  }
  const double lowest = q.scalar_type() == at::kDouble
                            ? std::numeric_limits<double>::lowest()
                            : static_cast<double>(std::numeric_limits<float>::lowest());
  return at::zeros(seen.sizes(), q.options()).masked_fill(seen.logical_not(), lowest);
}

// Attention of one run of sequences of equal length.  q [B*L, H, dh], k and v [B*L, KV, dh] ->
// [B*L, H*dh].
at::Tensor attend_run(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                      const std::optional<at::Tensor>& mask, std::int64_t batch) {
  const auto by_head = [&](const at::Tensor& x) {
    const auto split =
        x.reshape({batch, -1, x.size(1), x.size(2)}).transpose(1, 2);  // [B, h, L, dh]
    const std::int64_t repeat = q.size(1) / x.size(1);
    return repeat == 1 ? split : split.repeat_interleave(repeat, 1);
  };
  const auto out = at::scaled_dot_product_attention(by_head(q), by_head(k), by_head(v), mask);
  return out.transpose(1, 2).reshape({q.size(0), -1});
}

// Consecutive sequences of equal length and pattern are one batch; nothing is padded.
at::Tensor attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                  const BlockContext& context) {
  const auto& offsets = context.offsets;
  const auto alike = [&](std::size_t a, std::size_t b) {
    return offsets[a + 1] - offsets[a] == offsets[b + 1] - offsets[b] &&
           (context.patterns.empty() || context.patterns[a] == context.patterns[b]);
  };
  std::vector<at::Tensor> parts;
  for (std::size_t first = 0; first + 1 < offsets.size();) {
    const std::int64_t length = offsets[first + 1] - offsets[first];
    std::size_t last = first + 1;
    while (last + 1 < offsets.size() && alike(first, last)) ++last;
    const std::int64_t begin = offsets[first], rows = offsets[last] - begin;
    const auto cut = [&](const at::Tensor& x) { return x.narrow(0, begin, rows); };
    const auto visible = context.visible.defined() ? cut(context.visible) : at::Tensor();
    const auto allowed = is_two_stream(context, first)
                             ? two_stream_mask(context.patterns[first], length).to(q.device())
                             : at::Tensor();
    parts.push_back(attend_run(cut(q), cut(k), cut(v),
                               hidden_keys(cut(q), visible, allowed, rows / length),
                               rows / length));
    first = last;
  }
  return parts.size() == 1 ? parts.front() : at::cat(parts);
}

}  // namespace

at::Tensor rms_norm_by_operations(const at::Tensor& rows, const at::Tensor& weight, double eps) {
  return rows * at::rsqrt(rows.pow(2).mean(-1, /*keepdim=*/true) + eps) * weight;
}

namespace {

at::Tensor linear(const at::Tensor& x, const Matrix& matrix, const at::Tensor& bias,
                  const BlockContext& context, const BlockAdapters& adapters,
                  Lora BlockAdapters::* member) {
  const at::ScalarType compute = context.compute;
  const auto weight = matrix.dequantized(compute);
  at::Tensor y;
  if (compute == x.scalar_type()) {
    y = at::linear(x, weight, bias.defined() ? std::optional(bias) : std::nullopt);
  } else {
    y = at::linear(x.to(compute), weight).to(x.scalar_type());
    if (bias.defined()) y = y + bias;
  }
  const Lora& lora = adapters.*member;
  if (!lora.a.defined()) return y;
  const auto seen = dropped(x, dropout_mask(context, place_of(member), lora, x.options()));
  return y + at::linear(at::linear(seen, lora.a), lora.b) * lora.scale;
}

struct Heads {
  at::Tensor q, k, v;  // [N, H, W], [N, K, W] twice
};

Heads project(const BlockWeights& block, const BlockAdapters& adapters, const at::Tensor& x,
              const BlockContext& context) {
  const std::int64_t n = x.size(0), width = 2 * context.cosines.size(0),
                     group = context.heads / context.kv_heads;
  using A = BlockAdapters;
  const auto by_head = [&](const Matrix& weight, const at::Tensor& bias, Lora A::* lora) {
    return linear(x, weight, bias, context, adapters, lora).view({n, -1, width});
  };
  if (!block.qkv_proj.defined())
    return {by_head(block.q_proj, block.q_bias, &A::q_proj),
            by_head(block.k_proj, block.k_bias, &A::k_proj),
            by_head(block.v_proj, block.v_bias, &A::v_proj)};
  const auto whole =
      by_head(block.qkv_proj, {}, &A::qkv_proj).view({n, context.kv_heads, group + 2, width});
  return {whole.narrow(2, 0, group).reshape({n, context.heads, width}), whole.select(2, group),
          whole.select(2, group + 1)};
}

}  // namespace

at::Tensor block_by_operations(const BlockWeights& block, const BlockAdapters& adapters,
                               const at::Tensor& rows, const BlockContext& context) {
  using A = BlockAdapters;
  const auto positions = positions_of(context, rows.device());
  const auto cosines = context.cosines.index_select(1, positions).t().unsqueeze(1);
  const auto sines = context.sines.index_select(1, positions).t().unsqueeze(1);
  const auto turned = [&](const at::Tensor& heads, const at::Tensor& norm) {
    return rotate(norm.defined() ? rms_norm_by_operations(heads, norm, context.eps) : heads,
                  cosines, sines);
  };

  const auto normed = rms_norm_by_operations(rows, block.attn_norm, context.eps);
  const auto heads = project(block, adapters, normed, context);
  const auto q = turned(heads.q, block.q_norm), k = turned(heads.k, block.k_norm);
  const auto middle = rows + linear(attend(q, k, heads.v, context), block.attn_out,
                                    block.attn_out_bias, context, adapters, &A::attn_out);

  const auto wide = rms_norm_by_operations(middle, block.ff_norm, context.eps);
  const auto gated =
      at::silu(linear(wide, block.ff_proj, block.ff_bias, context, adapters, &A::ff_proj)) *
      linear(wide, block.up_proj, block.up_bias, context, adapters, &A::up_proj);
  return middle + linear(gated, block.ff_out, block.ff_out_bias, context, adapters, &A::ff_out);
}

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// A block that keeps its input alone.
class RecomputedBlock : public torch::autograd::Function<RecomputedBlock> {
 public:
  static at::Tensor forward(AutogradContext* node, const at::Tensor& rows,
                            at::TensorList /*variables*/,
                            const c10::intrusive_ptr<BlockCall>& call) {
    node->save_for_backward({rows});
    node->saved_data["call"] = c10::IValue::make_capsule(call);
    return run(*call, rows);
  }
  static variable_list backward(AutogradContext* node, variable_list gradients) {
    refuse_second_derivative();
    const auto held = node->saved_data["call"].toCapsule();
    const auto& call = static_cast<const BlockCall&>(*held);
    const auto weights = call.store->acquire(call.block);
    call.require_unchanged(*weights);
    const auto rows =
        node->get_saved_variables()[0].detach().requires_grad_(node->needs_input_grad(0));
    variable_list inputs{rows}, wanted;
    for (const auto& variable : variables_of(*weights, call.adapters)) inputs.push_back(variable);
    for (const auto& input : inputs)
      if (input.requires_grad()) wanted.push_back(input);
    const c10::AutoGradMode recording(true);
    const auto slopes = torch::autograd::grad({run(call, rows)}, wanted, {gradients[0]});
    variable_list result(inputs.size() + 1);
    for (std::size_t i = 0, next = 0; i < inputs.size(); ++i)
      if (inputs[i].requires_grad()) result[i] = slopes.at(next++);
    return result;
  }

 private:
  static at::Tensor run(const BlockCall& call, const at::Tensor& rows) {
    const auto weights = call.store->acquire(call.block);
    return block_by_operations(*weights, call.adapters, rows, call.context);
  }
};

}  // namespace

at::Tensor block_by_operations(const WeightStore& store, std::size_t block,
                               const BlockAdapters& adapters, const at::Tensor& rows,
                               const BlockContext& context) {
  const auto weights = store.acquire(block);
  auto own = context;
  own.block = block;
  if (context.recomputation == Recomputation::none || !c10::GradMode::is_enabled())
    return block_by_operations(*weights, adapters, rows, own);
  const auto variables = variables_of(*weights, adapters);
  return RecomputedBlock::apply(rows, at::TensorList(variables),
                                c10::make_intrusive<BlockCall>(store, block, adapters, context));
}

}  // namespace lldm
