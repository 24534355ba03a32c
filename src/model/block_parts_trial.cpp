// SPDX-License-Identifier: MIT
#include "model/block_parts_trial.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/ones.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>
#include <vector>

#include "lldm/errors.hpp"
#include "lldm/model/transformer_config.hpp"
#include "model/attention_by_operations.hpp"
#include "model/rope.hpp"
#include "model/tried.hpp"

namespace lldm {
namespace {

/// Numbers within 1.5 of zero that look like none of their neighbours, on the host.
at::Tensor numbers(at::IntArrayRef shape, double salt) {
  const std::int64_t count = c10::multiply_integers(shape);
  const auto i = at::arange(1, count + 1, at::kDouble);
  return (i.mul(0.7 + salt).sin() + i.mul(0.013 * (1 + salt)).cos().mul(0.5)).view(shape);
}

/// Where a table runs, and in what.
struct Side {
  const BlockParts& parts;
  at::Device device;
  at::ScalarType rows, compute;

  [[nodiscard]] at::Tensor operator()(const at::Tensor& exact) const {
    return exact.to(device, rows);
  }
  /// In the memory that attention reads.
  [[nodiscard]] at::Tensor columns(const at::Tensor& exact) const {
    auto columns =
        parts.columns(exact.size(0), exact.size(1), at::TensorOptions(rows).device(device));
    return columns.copy_((*this)(exact));
  }
};

using Results = std::vector<std::pair<const char*, at::Tensor>>;

Results norm_on(const Side& side) {
  const auto x = side(numbers({37, 256}, 0.1)), weight = side(numbers({256}, 0.2)),
             dy = side(numbers({37, 256}, 0.3)), residual = side(numbers({37, 256}, 0.4));
  constexpr double kEps = 1e-5;
  const auto out = side.parts.norm(x, weight, kEps);
  const auto slope = side.parts.norm_gradient(x, weight, out.scale, dy, residual);
  return {{"rows", out.rows},
          {"scale", out.scale},
          {"gradient of rows", slope.rows},
          {"gradient of the weight", slope.weight},
          {"rows again", slope.normed}};
}

Results swiglu_on(const Side& side) {
  const auto gate_up = side(numbers({37, 352}, 0.5)), dy = side(numbers({37, 176}, 0.6));
  const auto slope = side.parts.swiglu_gradient(gate_up, dy);
  return {{"product", side.parts.swiglu(gate_up)},
          {"gradient", slope.gate_up},
          {"product again", slope.y}};
}

Results attention_on(const TrialPack& pack, const Side& side) {
  const auto context = trial_context(pack, side.parts, side.device, side.rows, side.compute);
  const std::int64_t features = (pack.heads + 2 * pack.kv_heads) * pack.head_width;
  // Wide heads have sharp scores, which rounding moves most: as those of 64.
  const double size =
      std::sqrt(64.0 / static_cast<double>(std::max<std::int64_t>(64, pack.head_width)));
  const auto qkv = side.columns(numbers({features, TrialPack::kTokens}, 0.7) * size),
             upstream =
                 side.columns(numbers({pack.heads * pack.head_width, TrialPack::kTokens}, 0.8));
  const auto out = side.parts.attend(qkv, context, pack.is_interleaved);
  const auto slope = side.parts.attend_gradient(qkv, context, pack.is_interleaved, out, upstream);
  Results results = {{"output", out.columns}};
  // Head by head: the values' gradient is many times the queries'.
  for (std::int64_t head = 0; head < features / pack.head_width; ++head)
    results.emplace_back("gradient", slope.narrow(0, head * pack.head_width, pack.head_width));
  return results;
}

/// The largest distance beside the largest number; NaN where a number is none.
double distance(const at::Tensor& mine, const at::Tensor& wanted) {
  const auto there = mine.to(at::kCPU, at::kDouble), here = wanted.to(at::kDouble);
  if (there.sizes() != here.sizes()) return std::nan("");
  return ((there - here).abs().max() / here.abs().max()).item<double>();
}

/// Backward rounds more often than forward, and subtracts what is nearly equal.
constexpr double kMoreOfGradients = 5;

std::string compared(const std::string& of, const Results& mine, const Results& wanted,
                     double bound) {
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const std::string_view what = wanted[i].first;
    const double most = what.starts_with("gradient") ? kMoreOfGradients * bound : bound;
    if (const double off = distance(mine[i].second, wanted[i].second); !(off <= most))
      return message(of, ", ", what, ": off by ", off, " of the largest, ", most, " is right");
  }
  return "";
}

/// The part is named where an error of it says what is wrong.
std::string tried_part(const std::string& of, const std::function<std::string()>& work) {
  bool has_ended = false;
  const std::string wrong = tried([&] {
    std::string found = work();
    has_ended = true;
    return found;
  });
  return has_ended ? wrong : of + ": " + wrong;
}

std::string try_attention(const BlockParts& parts, at::Device device) {
  for (const auto& [compute, bound] :
       {std::pair{at::kFloat, 1e-4}, {at::kBFloat16, 4e-2}, {at::kHalf, 5e-3}})
    for (const TrialPack& pack :
         {TrialPack{4, 2, 64, false}, TrialPack{4, 2, 64, true}, TrialPack{2, 2, 128, false},
          TrialPack{2, 2, 16, false}, TrialPack{2, 1, 32, false}, TrialPack{2, 2, 96, false},
          TrialPack{2, 2, 192, false}, TrialPack{2, 1, 256, false}}) {
      const std::string of = message("attention in ", c10::toString(compute), " of ", pack.heads,
                                     " heads on ", pack.kv_heads, " of ", pack.head_width,
                                     pack.is_interleaved ? ", interleaved" : "");
      const std::string wrong = tried_part(of, [&, compute = compute, bound = bound] {
        return compared(
            of, attention_on(pack, {parts, device, at::kFloat, compute}),
            attention_on(pack, {operation_block_parts(), at::kCPU, at::kDouble, at::kDouble}),
            bound);
      });
      if (!wrong.empty()) return wrong;
    }
  return "";
}

}  // namespace

BlockContext trial_context(const TrialPack& pack, const BlockParts& parts, at::Device device,
                           at::ScalarType rows, at::ScalarType compute) {
  constexpr std::int64_t kLongest = 128;
  const auto tables = rope_tables({.width = pack.head_width * pack.heads,
                                   .heads = pack.heads,
                                   .kv_heads = pack.kv_heads,
                                   .max_length = kLongest},
                                  rows);
  BlockContext context{.parts = &parts,
                       .offsets = {0, 5, 37, 69, 70, TrialPack::kTokens},
                       .visible = {},
                       .cosines = tables.cosines.to(device),
                       .sines = tables.sines.to(device),
                       .heads = pack.heads,
                       .kv_heads = pack.kv_heads,
                       .eps = 1e-5,
                       .compute = compute};
  if (pack.hides_keys) {
    context.visible = at::ones({TrialPack::kTokens}, at::TensorOptions(at::kBool).device(device));
    for (const std::int64_t hidden : {0, 1, 40, 100})
      context.visible.select(0, hidden).fill_(false);
  }
  if (pack.is_two_stream) {
    context.patterns.resize(context.offsets.size() - 1);
    context.patterns[1] = {AttentionPattern::Kind::two_stream, 4, 4};
  }
  if (parts.prepare != nullptr) parts.prepare(context);
  return context;
}

TrialFindings try_block_parts(const BlockParts& parts, at::Device device) {
  const c10::AutoGradMode no_graph(false);
  constexpr double kBound = 1e-5;
  const Side mine{parts, device, at::kFloat, at::kFloat},
      exact{operation_block_parts(), at::kCPU, at::kDouble, at::kDouble};
  return {
      tried_part("norm", [&] { return compared("norm", norm_on(mine), norm_on(exact), kBound); }),
      tried_part("SwiGLU",
                 [&] { return compared("SwiGLU", swiglu_on(mine), swiglu_on(exact), kBound); }),
      try_attention(parts, device)};
}

TrustedParts trusted_block_parts(const BlockParts& parts, at::Device device) {
  const TrialFindings wrong = try_block_parts(parts, device);
  TrustedParts result{operation_block_parts(), ""};
  BlockParts& taken = result.parts;
  taken.is_feature_major = parts.is_feature_major;
  if (wrong.norm.empty()) taken.norm = parts.norm, taken.norm_gradient = parts.norm_gradient;
  if (wrong.swiglu.empty())
    taken.swiglu = parts.swiglu, taken.swiglu_gradient = parts.swiglu_gradient;
  if (wrong.attention.empty())
    taken.attend = parts.attend, taken.attend_gradient = parts.attend_gradient,
    taken.prepare = parts.prepare;
  for (const std::string& why : {wrong.norm, wrong.swiglu, wrong.attention})
    if (!why.empty()) result.text += (result.text.empty() ? "by operations: " : "; ") + why;
  if (result.text.empty()) result.text = kFusedText;
  return result;
}

}  // namespace lldm
