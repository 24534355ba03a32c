// SPDX-License-Identifier: MIT
// The table of a block's parts that the device runs, in float32, against the CPU's in float64;
// what is handed out unwritten holds NaN.
#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>

#include "check.hpp"
#include "lldm/errors.hpp"
#include "model/block.hpp"
#include "model/block_parts_trial.hpp"
#include "model/rope.hpp"

namespace lldm::gpu_check {
namespace {

constexpr double kBound = 1e-5;

/// Where a table runs, and in what.
struct Side {
  const BlockParts& parts;
  at::Device device;
  at::ScalarType dtype;

  [[nodiscard]] at::Tensor operator()(const at::Tensor& exact) const {
    return exact.to(device, dtype);
  }
  [[nodiscard]] at::Tensor columns(const at::Tensor& exact) const {
    auto columns =
        parts.columns(exact.size(0), exact.size(1), at::TensorOptions(dtype).device(device));
    columns.copy_((*this)(exact));
    return columns;
  }
};

at::Tensor random(at::IntArrayRef shape) { return at::randn(shape, at::kDouble); }

void check_attention(Report& report, const std::string& table, const TrialPack& shape,
                     const Side& here, const Side& exact) {
  const std::string name =
      message(table, "attention of ", shape.heads, " heads on ", shape.kv_heads, " of ",
              shape.head_width, shape.is_interleaved ? ", interleaved" : "",
              shape.hides_keys ? ", hidden keys" : "", shape.is_two_stream ? ", two streams" : "");
  report.attempt(name, [&] {
    const auto qkv = random({(shape.heads + 2 * shape.kv_heads) * shape.head_width, 160}),
               upstream = random({shape.heads * shape.head_width, 160});
    const auto run = [&](const Side& side) {
      const auto context = trial_context(shape, side.parts, side.device, side.dtype, side.dtype);
      const auto in = side.columns(qkv);
      const auto out = side.parts.attend(in, context, shape.is_interleaved);
      return std::pair(out.columns, side.parts.attend_gradient(in, context, shape.is_interleaved,
                                                               out, side.columns(upstream)));
    };
    const auto [mine, slope] = run(here);
    const auto [wanted, wanted_slope] = run(exact);
    report.within(name, distance(mine, wanted), kBound);
    report.within(name + ": gradient", distance(slope, wanted_slope), kBound);
  });
}

void check_rows(Report& report, const std::string& table, const Side& here, const Side& exact) {
  const auto x = random({37, 256}), weight = random({256}), dy = random({37, 256}),
             residual = random({37, 256}), gate_up = random({37, 352}),
             upstream = random({37, 176});
  report.attempt(table + "norm", [&] {
    const auto run = [&](const Side& side) {
      const auto out = side.parts.norm(side(x), side(weight), 1e-5);
      return std::pair(out, side.parts.norm_gradient(side(x), side(weight), out.scale, side(dy),
                                                     side(residual)));
    };
    const auto [mine, slope] = run(here);
    const auto [wanted, wanted_slope] = run(exact);
    report.within(table + "norm", distance(mine.rows, wanted.rows), kBound);
    report.within(table + "norm: scale", distance(mine.scale, wanted.scale), kBound);
    report.within(table + "norm: gradient of rows", distance(slope.rows, wanted_slope.rows),
                  kBound);
    report.within(table + "norm: gradient of the weight",
                  distance(slope.weight, wanted_slope.weight), kBound);
    report.within(table + "norm: again", distance(slope.normed, wanted_slope.normed), kBound);
  });
  report.attempt(table + "swiglu", [&] {
    const auto run = [&](const Side& side) {
      return std::pair(side.parts.swiglu(side(gate_up)),
                       side.parts.swiglu_gradient(side(gate_up), side(upstream)));
    };
    const auto [mine, slope] = run(here);
    const auto [wanted, wanted_slope] = run(exact);
    report.within(table + "swiglu", distance(mine, wanted), kBound);
    report.within(table + "swiglu: gradient", distance(slope.gate_up, wanted_slope.gate_up),
                  kBound);
    report.within(table + "swiglu: again", distance(slope.y, wanted_slope.y), kBound);
  });
}

/// Attention in bfloat16 at the 8B shape: LibTorch's choice and flash attention with cumulative
/// lengths, against tensor operations in float32 of the numbers before they are rounded, and their
/// time.
void check_narrow_attention(const Bench& bench, Report& report) {
  for (const bool is_ragged : {true, false}) {
    const std::int64_t heads = bench.is_small ? 2 : 32, length = 512,
                       copies = bench.is_small ? 1 : 8;
    const TrialPack shape =
        is_ragged ? TrialPack{4, 2, 64, false} : TrialPack{heads, heads, 128, false};
    const auto context_for = [&](const BlockParts& parts, at::ScalarType compute) {
      BlockContext context = trial_context(shape, parts, bench.at(), at::kFloat, compute);
      if (!is_ragged) {
        context.offsets = {0};
        for (std::int64_t i = 0; i < copies; ++i) context.offsets.push_back((i + 1) * length);
        const auto tables = rope_tables({.width = shape.heads * shape.head_width,
                                         .heads = shape.heads,
                                         .kv_heads = shape.kv_heads,
                                         .max_length = length},
                                        at::kFloat);
        context.cosines = tables.cosines.to(bench.at()),
        context.sines = tables.sines.to(bench.at());
        parts.prepare(context);
      }
      return context;
    };
    const std::int64_t tokens = is_ragged ? 160 : copies * length;
    const auto device = at::TensorOptions(at::kFloat).device(bench.at());
    const auto qkv =
        at::randn({tokens, (shape.heads + 2 * shape.kv_heads) * shape.head_width}, device).t();
    const auto upstream = at::randn({tokens, shape.heads * shape.head_width}, device).t();
    const auto run = [&](const BlockParts& parts, at::ScalarType compute) {
      const auto context = context_for(parts, compute);
      const auto out = parts.attend(qkv, context, false);
      return std::pair(out.columns, parts.attend_gradient(qkv, context, false, out, upstream));
    };
    const auto exact = run(operation_block_parts(), at::kFloat);
    for (const auto& [name, parts] :
         {std::pair("operations", &operation_block_parts()), {"fused", &fused_block_parts()}}) {
      const std::string of =
          message("attention in bfloat16 by ", name, is_ragged ? ", ragged" : "");
      report.attempt(of, [&, table = parts] {
        const auto mine = run(*table, at::kBFloat16);
        report.within(of, distance(mine.first, exact.first), 1e-2);
        report.within(of + ": gradient", distance(mine.second, exact.second), 2e-2);
        const auto again = run(*table, at::kBFloat16);
        report.require(of + ": the same bits twice", same_bits(mine.second, again.second));
        if (is_ragged) return;
        const auto context = context_for(*table, at::kBFloat16);
        const auto out = table->attend(qkv, context, false);
        report.measure(
            of,
            {{"forward_seconds",
              bench.seconds(5, [&] { (void)table->attend(qkv, context, false); })},
             {"backward_seconds",
              bench.seconds(
                  5, [&] { (void)table->attend_gradient(qkv, context, false, out, upstream); })},
             {"tokens", tokens}});
      });
    }
  }
}

}  // namespace

void check_parts(const Bench& bench, Report& report) {
  at::globalContext().setDeterministicAlgorithms(true, /*warn_only=*/false);
  at::globalContext().setDeterministicFillUninitializedMemory(true);
  std::vector<std::pair<std::string, const BlockParts*>> tables = {
      {"operations: ", &operation_block_parts()}, {"fused: ", &fused_block_parts()}};
  if (bench.at().is_cpu()) tables.emplace_back("cpu: ", &cpu_block_parts());
  for (const auto& [table, parts] : tables) {
    const Side here{*parts, bench.at(), at::kFloat};
    const auto exact = [&](bool has_patterns) {
      return Side{block_parts(at::kCPU, has_patterns), at::kCPU, at::kDouble};
    };
    check_rows(report, table, here, exact(false));
    for (const bool has_patterns : {false, true}) {
      if (has_patterns && parts == &cpu_block_parts()) continue;  // it has none
      for (const TrialPack& shape : {TrialPack{4, 4, 16, false, false, has_patterns},
                                     TrialPack{4, 2, 16, false, true, has_patterns},
                                     TrialPack{4, 2, 64, true, false, has_patterns},
                                     TrialPack{4, 2, 128, false, false, has_patterns}})
        check_attention(report, table, shape, here, exact(has_patterns));
    }
  }
  at::globalContext().setDeterministicFillUninitializedMemory(false);
  report.attempt("attention in bfloat16", [&] { check_narrow_attention(bench, report); });
  report.attempt("what models take", [&] {
    const TrustedParts taken = trusted_block_parts(fused_block_parts(), bench.at());
    report.measure("parts", {{"trial", taken.text}});
    report.require("fused parts pass their trial", taken.text == kFusedText);
  });
}

}  // namespace lldm::gpu_check
