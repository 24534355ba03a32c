// SPDX-License-Identifier: MIT
#include "model/block_parts.hpp"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "model/block.hpp"
#include "model/kernels/attention.hpp"
#include "model/kernels/rows.hpp"

namespace lldm {
namespace {

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

template <class T>
AttentionArgs<T> attention_args(const at::Tensor& qkv, const BlockContext& context,
                                bool is_interleaved, const at::Tensor& out,
                                const at::Tensor& log_sums) {
  AttentionArgs<T> args{};
  args.qkv = qkv.const_data_ptr<T>();
  args.cosines = context.cosines.const_data_ptr<T>();
  args.sines = context.sines.const_data_ptr<T>();
  args.offsets = context.offsets.data();
  args.visible = context.visible.defined() ? context.visible.const_data_ptr<bool>() : nullptr;
  args.heads = context.heads;
  args.kv_heads = context.kv_heads;
  args.head_width = 2 * context.cosines.size(0);
  args.is_interleaved = is_interleaved;
  args.columns = qkv.size(1);
  args.stride = qkv.stride(0);
  args.table_stride = context.cosines.stride(0);
  args.out = out.mutable_data_ptr<T>();
  args.log_sums = log_sums.mutable_data_ptr<T>();
  return args;
}

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

// Products of attention read bfloat16 where those beside it do.
bool reads_bfloat16(const BlockContext& context, const at::Tensor& qkv) {
  return context.compute == at::kBFloat16 && qkv.scalar_type() == at::kFloat;
}

Attended attend(const at::Tensor& qkv, const BlockContext& context, bool is_interleaved) {
  const std::int64_t tokens = qkv.size(1), width = 2 * context.cosines.size(0);
  const BlockParts& parts = cpu_block_parts();
  Attended out{parts.columns(context.heads * width, tokens, qkv.options()),
               parts.columns(context.heads, tokens, qkv.options())};
  with_type(qkv, [&]<class T>(T) {
    const auto args = attention_args<T>(qkv, context, is_interleaved, out.columns, out.log_sums);
    parallel_units(context, [&](std::int64_t begin, std::int64_t end) {
      if constexpr (std::is_same_v<T, float>)
        if (reads_bfloat16(context, qkv)) return attention_forward_bfloat16(args, begin, end);
      attention_forward(args, begin, end);
    });
  });
  return out;
}

at::Tensor attend_gradient(const at::Tensor& qkv, const BlockContext& context, bool is_interleaved,
                           const Attended& attended, const at::Tensor& upstream) {
  auto result = cpu_block_parts().columns(qkv.size(0), qkv.size(1), qkv.options());
  with_type(qkv, [&]<class T>(T) {
    auto args =
        attention_args<T>(qkv, context, is_interleaved, attended.columns, attended.log_sums);
    args.out_gradient = upstream.const_data_ptr<T>();
    args.qkv_gradient = result.mutable_data_ptr<T>();
    parallel_units(context, [&](std::int64_t begin, std::int64_t end) {
      if constexpr (std::is_same_v<T, float>)
        if (reads_bfloat16(context, qkv)) return attention_backward_bfloat16(args, begin, end);
      attention_backward(args, begin, end);
    });
  });
  return result;
}

}  // namespace

const BlockParts& cpu_block_parts() {
  static constexpr BlockParts parts{
      /*is_feature_major=*/true, norm_forward, norm_backward,   swiglu,
      swiglu_gradient,           attend,       attend_gradient, nullptr};
  return parts;
}

}  // namespace lldm
