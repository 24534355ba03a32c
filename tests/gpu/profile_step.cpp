// SPDX-License-Identifier: MIT
// Where the time of a block of the 8B shape goes: its parts and its products one by one, in
// bfloat16 with rows in float32, at the rows that the pairwise path gives a forward pass.
#include <ATen/TensorOperators.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/randn.h>
#include <c10/core/GradMode.h>

#include "check.hpp"
#include "model/attention_by_operations.hpp"
#include "model/block.hpp"
#include "model/rope.hpp"
#include "pair_problem.hpp"

namespace lldm::gpu_check {
namespace {

constexpr int kRepeats = 5;

BlockContext context_of(const Bench& bench, const BlockParts& parts, std::int64_t copies,
                        std::int64_t length) {
  const TransformerConfig config = large_config(bench.is_small, 1);
  const auto tables = rope_tables(config, at::kFloat);
  BlockContext context{.parts = &parts,
                       .offsets = {0},
                       .visible = {},
                       .cosines = tables.cosines.to(bench.at()),
                       .sines = tables.sines.to(bench.at()),
                       .heads = config.heads,
                       .kv_heads = config.kv_heads,
                       .eps = config.norm_eps,
                       .compute = at::kBFloat16};
  for (std::int64_t i = 0; i < copies; ++i)
    context.offsets.push_back(context.offsets.back() + length);
  parts.prepare(context);
  return context;
}

/// Seconds of each part of a table.
Json seconds_of(const Bench& bench, const BlockParts& parts, std::int64_t copies,
                std::int64_t length) {
  const TransformerConfig config = large_config(bench.is_small, 1);
  const std::int64_t rows = copies * length;
  const auto random = [&](std::int64_t columns) {
    return at::randn({rows, columns}, at::TensorOptions(at::kFloat).device(bench.at()));
  };
  const auto x = random(config.width), dy = random(config.width);
  const auto weight = random(config.width).select(0, 0).contiguous();
  const auto scale = parts.norm(x, weight, config.norm_eps).scale;
  const auto gate_up = random(2 * config.mlp_width), dmlp = random(config.mlp_width);
  const auto context = context_of(bench, parts, copies, length);
  const auto qkv = random(config.query_width() + 2 * config.kv_width()).t();
  const auto upstream = random(config.query_width()).t();
  const auto attended = parts.attend(qkv, context, false);
  const auto time = [&](const auto& work) { return bench.seconds(kRepeats, work); };
  return {{"norm", time([&] { (void)parts.norm(x, weight, config.norm_eps); })},
          {"norm_gradient", time([&] { (void)parts.norm_gradient(x, weight, scale, dy, dy); })},
          {"swiglu", time([&] { (void)parts.swiglu(gate_up); })},
          {"swiglu_gradient", time([&] { (void)parts.swiglu_gradient(gate_up, dmlp); })},
          {"attend", time([&] { (void)parts.attend(qkv, context, false); })},
          {"attend_gradient",
           time([&] { (void)parts.attend_gradient(qkv, context, false, attended, upstream); })},
          {"rotation alone", time([&] { (void)rotated_heads(qkv.t(), context, false); })}};
}

}  // namespace

void measure_parts(const Bench& bench, Report& report) {
  const c10::NoGradGuard guard;
  const TransformerConfig config = large_config(bench.is_small, 1);
  const std::int64_t copies = 4, length = bench.is_small ? 16 : 512, rows = copies * length;
  report.measure("rows", {{"rows", rows}, {"repeats", kRepeats}});
  for (const auto& [name, parts] :
       {std::pair("operations", &operation_block_parts()), {"fused", &fused_block_parts()}})
    report.attempt(name, [&, table = parts] {
      report.measure(name, seconds_of(bench, *table, copies, length));
    });
  report.attempt("products", [&] {
    Json seconds = Json::object();
    const auto product = [&](const char* name, std::int64_t inner, std::int64_t columns) {
      const auto a = at::randn({rows, inner}, at::TensorOptions(at::kFloat).device(bench.at()));
      const auto w = at::randn({columns, inner}, at::TensorOptions(at::kFloat).device(bench.at()))
                         .to(at::kBFloat16);
      const auto narrow = a.to(at::kBFloat16);
      seconds[name] = {
          {"product", bench.seconds(kRepeats, [&] { (void)at::mm(narrow, w.t()); })},
          {"rounding its input", bench.seconds(kRepeats, [&] { (void)a.to(at::kBFloat16); })},
          {"with both roundings", bench.seconds(kRepeats, [&] {
             (void)at::mm(a.to(at::kBFloat16), w.t()).to(at::kFloat);
           })}};
    };
    product("qkv", config.width, config.query_width() + 2 * config.kv_width());
    product("attn_out", config.query_width(), config.width);
    product("gate and up", config.width, 2 * config.mlp_width);
    product("ff_out", config.mlp_width, config.width);
    report.measure("products", seconds);
  });
}

}  // namespace lldm::gpu_check
