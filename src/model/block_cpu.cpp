// SPDX-License-Identifier: MIT
// A whole block as one autograd node: matrix products by ATen, everything else by our kernels.
// Kept for the backward pass: the rows, q k v, attention's output and log-sums, the middle rows,
// gate and up.  Normalised rows and the gated product are computed again.
#include <ATen/Parallel.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <optional>

#include "lldm/memory/purpose.hpp"
#include "model/block.hpp"
#include "model/block_saved.hpp"
#include "model/first_order.hpp"
#include "model/kernels/attention.hpp"
#include "model/kernels/rows.hpp"

namespace lldm {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

template <class Work>
void with_type(const at::Tensor& like, const Work& work) {
  if (like.scalar_type() == at::kDouble)
    work(double{});
  else
    work(float{});
}

void parallel_rows(std::int64_t rows, std::int64_t width, const auto& work) {
  // Below this a second thread costs more than it brings.
  constexpr std::int64_t kElementsPerTask = 16384;
  at::parallel_for(0, rows, std::max<std::int64_t>(1, kElementsPerTask / width), work);
}

struct Normed {
  at::Tensor rows, scale;
};

Normed norm_forward(const at::Tensor& x, const at::Tensor& weight, double eps) {
  Normed out{at::empty_like(x), at::empty({x.size(0)}, x.options())};
  with_type(x, [&]<class T>(T) {
    const RmsNormForward<T> args{x.const_data_ptr<T>(),
                                 weight.const_data_ptr<T>(),
                                 out.rows.mutable_data_ptr<T>(),
                                 out.scale.mutable_data_ptr<T>(),
                                 x.size(1),
                                 static_cast<T>(eps)};
    parallel_rows(x.size(0), x.size(1), [&](std::int64_t begin, std::int64_t end) {
      rms_norm_forward(args, begin, end);
    });
  });
  return out;
}

struct NormGradient {
  at::Tensor rows, weight, normed;
};

NormGradient norm_backward(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& scale,
                           const at::Tensor& dy, const at::Tensor& residual) {
  const std::int64_t width = x.size(1);
  // One row of partial sums per thread, added in thread order: the same bits for the same thread
  // count.
  auto partial = at::zeros({at::get_num_threads(), width}, x.options());
  NormGradient out{at::empty_like(x), {}, at::empty_like(x)};
  with_type(x, [&]<class T>(T) {
    const RmsNormBackward<T> shared{x.const_data_ptr<T>(),
                                    weight.const_data_ptr<T>(),
                                    scale.const_data_ptr<T>(),
                                    dy.const_data_ptr<T>(),
                                    residual.defined() ? residual.const_data_ptr<T>() : nullptr,
                                    out.rows.mutable_data_ptr<T>(),
                                    out.normed.mutable_data_ptr<T>(),
                                    partial.mutable_data_ptr<T>(),
                                    width};
    parallel_rows(x.size(0), width, [&](std::int64_t begin, std::int64_t end) {
      auto args = shared;
      args.weight_gradient += at::get_thread_num() * width;
      rms_norm_backward(args, begin, end);
    });
  });
  out.weight = partial.sum(0);
  return out;
}

at::Tensor swiglu(const at::Tensor& gate_up) {
  const std::int64_t width = gate_up.size(1) / 2;
  auto y = at::empty({gate_up.size(0), width}, gate_up.options());
  with_type(y, [&]<class T>(T) {
    const SwigluForward<T> args{gate_up.const_data_ptr<T>(), y.mutable_data_ptr<T>(), width};
    parallel_rows(y.size(0), width,
                  [&](std::int64_t begin, std::int64_t end) { swiglu_forward(args, begin, end); });
  });
  return y;
}

struct SwigluGradient {
  at::Tensor gate_up, y;
};

SwigluGradient swiglu_gradient(const at::Tensor& gate_up, const at::Tensor& dy) {
  SwigluGradient out{at::empty_like(gate_up), at::empty_like(dy)};
  with_type(dy, [&]<class T>(T) {
    const SwigluBackward<T> args{gate_up.const_data_ptr<T>(), dy.const_data_ptr<T>(),
                                 out.gate_up.mutable_data_ptr<T>(), out.y.mutable_data_ptr<T>(),
                                 dy.size(1)};
    parallel_rows(dy.size(0), dy.size(1),
                  [&](std::int64_t begin, std::int64_t end) { swiglu_backward(args, begin, end); });
  });
  return out;
}

// Splits the units of attention into one contiguous range per thread, of about equal cost (length
// squared).
void parallel_units(const BlockContext& context, const auto& work) {
  const auto& offsets = context.offsets;
  const std::int64_t sequences = static_cast<std::int64_t>(offsets.size()) - 1;
  double total = 0;
  const auto cost = [&](std::int64_t s) {
    const auto length = static_cast<double>(offsets[static_cast<std::size_t>(s) + 1] -
                                            offsets[static_cast<std::size_t>(s)]);
    return length * (length + 16);
  };
  for (std::int64_t s = 0; s < sequences; ++s) total += cost(s);
  const std::int64_t parts = at::get_num_threads();
  std::vector<std::int64_t> cuts{0};
  double seen = 0;
  for (std::int64_t s = 0; s < sequences; ++s)
    for (std::int64_t head = 0; head < context.kv_heads; ++head) {
      seen += cost(s) / static_cast<double>(context.kv_heads);
      while (static_cast<std::int64_t>(cuts.size()) < parts &&
             seen * static_cast<double>(parts) >= total * static_cast<double>(cuts.size()))
        cuts.push_back(s * context.kv_heads + head + 1);
    }
  cuts.resize(static_cast<std::size_t>(parts), sequences * context.kv_heads);
  cuts.push_back(sequences * context.kv_heads);
  at::parallel_for(0, parts, 1, [&](std::int64_t begin, std::int64_t end) {
    work(cuts[static_cast<std::size_t>(begin)], cuts[static_cast<std::size_t>(end)]);
  });
}

// A feature-major matrix with the padding behind its last token that the kernels read over.
at::Tensor columns(std::int64_t features, std::int64_t tokens, const at::TensorOptions& options) {
  return at::empty({features, tokens + kAttentionPadding}, options).narrow(1, 0, tokens);
}

template <class T>
AttentionArgs<T> attention_args(const at::Tensor& qkv, const BlockContext& context,
                                const at::Tensor& out, const at::Tensor& log_sums) {
  AttentionArgs<T> args{};
  args.qkv = qkv.const_data_ptr<T>();
  args.cosines = context.cosines.const_data_ptr<T>();
  args.sines = context.sines.const_data_ptr<T>();
  args.offsets = context.offsets.data();
  args.visible = context.visible.defined() ? context.visible.const_data_ptr<bool>() : nullptr;
  args.heads = context.heads;
  args.kv_heads = context.kv_heads;
  args.head_width = 2 * context.cosines.size(0);
  args.stride = qkv.stride(0);
  args.table_stride = context.cosines.stride(0);
  args.out = out.mutable_data_ptr<T>();
  args.log_sums = log_sums.mutable_data_ptr<T>();
  return args;
}

struct Attended {
  at::Tensor columns, log_sums;  // [H W, N], [H, N]
};

Attended attend(const at::Tensor& qkv, const BlockContext& context) {
  const std::int64_t tokens = qkv.size(1), width = 2 * context.cosines.size(0);
  Attended out{columns(context.heads * width, tokens, qkv.options()),
               columns(context.heads, tokens, qkv.options())};
  with_type(qkv, [&]<class T>(T) {
    const auto args = attention_args<T>(qkv, context, out.columns, out.log_sums);
    parallel_units(context, [&](std::int64_t begin, std::int64_t end) {
      attention_forward(args, begin, end);
    });
  });
  return out;
}

at::Tensor attend_gradient(const at::Tensor& qkv, const BlockContext& context,
                           const Attended& attended, const at::Tensor& upstream) {
  auto result = columns(qkv.size(0), qkv.size(1), qkv.options());
  with_type(qkv, [&]<class T>(T) {
    auto args = attention_args<T>(qkv, context, attended.columns, attended.log_sums);
    args.out_gradient = upstream.const_data_ptr<T>();
    args.qkv_gradient = result.mutable_data_ptr<T>();
    parallel_units(context, [&](std::int64_t begin, std::int64_t end) {
      attention_backward(args, begin, end);
    });
  });
  return result;
}

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

class BlockFunction : public torch::autograd::Function<BlockFunction> {
 public:
  static at::Tensor forward(AutogradContext* node, const at::Tensor& rows,
                            const at::Tensor& attn_norm, const at::Tensor& q_proj,
                            const at::Tensor& k_proj, const at::Tensor& v_proj,
                            const at::Tensor& attn_out, const at::Tensor& ff_norm,
                            const at::Tensor& ff_proj, const at::Tensor& up_proj,
                            const at::Tensor& ff_out, const std::optional<at::Tensor>& q_bias,
                            const std::optional<at::Tensor>& k_bias,
                            const std::optional<at::Tensor>& v_bias, const BlockContext& context) {
    const PurposeScope purpose(MemoryPurpose::activations);
    const auto first = norm_forward(rows, attn_norm, context.eps);
    const auto qkv_weight = joined({q_proj, k_proj, v_proj});
    auto qkv = columns(qkv_weight.size(0), rows.size(0), rows.options());
    if (q_bias)
      at::addmm_out(qkv, at::cat({*q_bias, *k_bias, *v_bias}).unsqueeze(1), qkv_weight,
                    first.rows.t());
    else
      at::mm_out(qkv, qkv_weight, first.rows.t());
    const auto attended = attend(qkv, context);
    const auto middle = at::addmm(rows, attended.columns.t(), attn_out.t());
    const auto second = norm_forward(middle, ff_norm, context.eps);
    const auto gate_up = at::mm(second.rows, joined({ff_proj, up_proj}).t());
    const auto out = at::addmm(middle, swiglu(gate_up), ff_out.t());

    node->save_for_backward(BlockSaved{rows,
                                       attn_norm,
                                       q_proj,
                                       k_proj,
                                       v_proj,
                                       attn_out,
                                       ff_norm,
                                       ff_proj,
                                       up_proj,
                                       ff_out,
                                       first.scale,
                                       qkv,
                                       attended.columns,
                                       attended.log_sums,
                                       middle,
                                       second.scale,
                                       gate_up,
                                       context.cosines,
                                       context.sines,
                                       context.visible}
                                .list());
    node->saved_data["offsets"] = context.offsets;
    node->saved_data["heads"] = context.heads;
    node->saved_data["kv_heads"] = context.kv_heads;
    node->saved_data["has_bias"] = q_bias.has_value();
    return out;
  }

  static variable_list backward(AutogradContext* node, variable_list gradients) {
    refuse_second_derivative();
    const PurposeScope purpose(MemoryPurpose::activations);
    const BlockSaved saved = BlockSaved::of(node->get_saved_variables());
    const Attended attended{saved.attended, saved.log_sums};
    const BlockContext context{node->saved_data["offsets"].toIntVector(),
                               saved.visible,
                               saved.cosines,
                               saved.sines,
                               node->saved_data["heads"].toInt(),
                               node->saved_data["kv_heads"].toInt(),
                               0};
    const auto wants = [&](std::size_t index) { return node->needs_input_grad(index); };
    variable_list result(14);  // by argument of `forward`

    const auto upstream = gradients[0].contiguous();
    const auto gated = swiglu_gradient(saved.gate_up, at::mm(upstream, saved.ff_out));
    if (wants(9)) result[9] = at::mm(upstream.t(), gated.y);
    const auto wide =
        norm_backward(saved.middle, saved.ff_norm, saved.ff_scale,
                      at::mm(gated.gate_up, joined({saved.ff_proj, saved.up_proj})), upstream);
    result[6] = wide.weight;
    if (wants(7) || wants(8)) {
      const auto both = at::mm(gated.gate_up.t(), wide.normed);
      result[7] = both.narrow(0, 0, saved.ff_proj.size(0));
      result[8] = both.narrow(0, saved.ff_proj.size(0), saved.up_proj.size(0));
    }
    if (wants(5)) result[5] = at::mm(wide.rows.t(), attended.columns.t());
    auto attended_gradient =
        columns(saved.attn_out.size(1), saved.rows.size(0), saved.rows.options());
    at::mm_out(attended_gradient, saved.attn_out.t(), wide.rows.t());
    const auto qkv_gradient = attend_gradient(saved.qkv, context, attended, attended_gradient);
    const auto qkv_weight = joined({saved.q_proj, saved.k_proj, saved.v_proj});
    const auto narrow = norm_backward(saved.rows, saved.attn_norm, saved.attn_scale,
                                      at::mm(qkv_gradient.t(), qkv_weight), wide.rows);
    result[0] = narrow.rows;
    result[1] = narrow.weight;
    split_qkv(node, qkv_gradient, narrow.normed,
              {saved.q_proj.size(0), saved.k_proj.size(0), saved.v_proj.size(0)}, result);
    return result;
  }

 private:
  static void split_qkv(AutogradContext* node, const at::Tensor& gradient, const at::Tensor& normed,
                        std::array<std::int64_t, 3> sizes, variable_list& result) {
    const auto wants = [&](std::size_t index) { return node->needs_input_grad(index); };
    const bool has_bias = node->saved_data["has_bias"].toBool();
    at::Tensor weights, biases;
    if (wants(2) || wants(3) || wants(4)) weights = at::mm(gradient, normed);
    if (has_bias && (wants(10) || wants(11) || wants(12))) biases = gradient.sum(1);
    std::int64_t begin = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      if (weights.defined()) result[2 + i] = weights.narrow(0, begin, sizes[i]);
      if (biases.defined()) result[10 + i] = biases.narrow(0, begin, sizes[i]);
      begin += sizes[i];
    }
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

std::optional<at::Tensor> optional(const at::Tensor& tensor) {
  return tensor.defined() ? std::optional(tensor) : std::nullopt;
}

}  // namespace

at::Tensor rms_norm(const at::Tensor& rows, const at::Tensor& weight, double eps) {
  if (!rows.is_cpu()) return rms_norm_by_operations(rows, weight, eps);
  return NormFunction::apply(rows.contiguous(), weight, eps);
}

at::Tensor block_forward(const LladaBlock& block, const at::Tensor& rows,
                         const BlockContext& context) {
  if (!rows.is_cpu() || !context.patterns.empty()) return block_by_operations(block, rows, context);
  return BlockFunction::apply(rows.contiguous(), block.attn_norm, block.q_proj, block.k_proj,
                              block.v_proj, block.attn_out, block.ff_norm, block.ff_proj,
                              block.up_proj, block.ff_out, optional(block.q_bias),
                              optional(block.k_bias), optional(block.v_bias), context);
}

}  // namespace lldm
