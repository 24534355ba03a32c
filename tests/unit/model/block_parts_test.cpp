// SPDX-License-Identifier: MIT
// The table of tensor operations, which other devices run, against the CPU's kernels.
#include "model/block_parts.hpp"

#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>

#include "model/attention_by_operations.hpp"
#include "model/block.hpp"
#include "model/rope.hpp"
#include "support/catch.hpp"

using namespace lldm;

namespace {

double distance(const at::Tensor& a, const at::Tensor& b) {
  REQUIRE(a.sizes() == b.sizes());
  return (a - b).abs().max().item<double>();
}

struct Both {
  const BlockParts &cpu = cpu_block_parts(), &operations = operation_block_parts();
};

at::Tensor random(at::IntArrayRef sizes) { return at::randn(sizes, at::kDouble); }

/// Values in the memory that a table wants.
at::Tensor in_columns(const BlockParts& parts, const at::Tensor& values) {
  auto columns = parts.columns(values.size(0), values.size(1), values.options());
  columns.copy_(values);
  return columns;
}

struct World {
  std::int64_t heads, kv_heads;
  bool is_interleaved, hides_keys;
};

BlockContext context_of(const World& world, const BlockParts& parts) {
  TransformerConfig config;
  config.width = 8 * world.heads, config.heads = world.heads, config.kv_heads = world.kv_heads;
  config.max_length = 16;
  const auto tables = rope_tables(config, at::kDouble);
  BlockContext context{.parts = &parts,
                       .offsets = {0, 5, 10, 11, 18},
                       .visible = {},
                       .cosines = tables.cosines,
                       .sines = tables.sines,
                       .heads = world.heads,
                       .kv_heads = world.kv_heads,
                       .eps = 1e-5,
                       .compute = at::kDouble};
  if (world.hides_keys) {
    context.visible = at::ones({18}, at::kBool);
    for (const auto hidden : {0, 1, 12}) context.visible.select(0, hidden).fill_(false);
  }
  if (parts.prepare) parts.prepare(context);
  return context;
}

}  // namespace

TEST_CASE("norm and SwiGLU are the same on every table, gradients too", "[model][parts]") {
  const Both table;
  const auto x = random({6, 24}), weight = random({24}), dy = random({6, 24}),
             residual = random({6, 24});
  const auto normed = table.operations.norm(x, weight, 1e-5),
             expected = table.cpu.norm(x, weight, 1e-5);
  CHECK(distance(normed.rows, expected.rows) < 1e-13);
  CHECK(distance(normed.scale, expected.scale) < 1e-13);
  for (const auto& beside : {residual, at::Tensor()}) {
    const auto slope = table.operations.norm_gradient(x, weight, normed.scale, dy, beside),
               wanted = table.cpu.norm_gradient(x, weight, expected.scale, dy, beside);
    CHECK(distance(slope.rows, wanted.rows) < 1e-12);
    CHECK(distance(slope.weight, wanted.weight) < 1e-12);
    CHECK(distance(slope.normed, wanted.normed) < 1e-13);
  }
  const auto gate_up = random({6, 40}), upstream = random({6, 20});
  CHECK(distance(table.operations.swiglu(gate_up), table.cpu.swiglu(gate_up)) < 1e-13);
  const auto slope = table.operations.swiglu_gradient(gate_up, upstream),
             wanted = table.cpu.swiglu_gradient(gate_up, upstream);
  CHECK(distance(slope.gate_up, wanted.gate_up) < 1e-12);
  CHECK(distance(slope.y, wanted.y) < 1e-13);
}

TEST_CASE("attention is the same on every table, gradients too", "[model][parts]") {
  const Both table;
  for (const World& world : {World{4, 4, false, false}, World{4, 2, false, true},
                             World{4, 2, true, false}, World{6, 3, true, true}}) {
    INFO(world.heads << " heads on " << world.kv_heads << ", interleaved " << world.is_interleaved
                     << ", hidden keys " << world.hides_keys);
    const auto qkv = random({(world.heads + 2 * world.kv_heads) * 8, 18}),
               upstream = random({world.heads * 8, 18});
    const auto run = [&](const BlockParts& parts) {
      const auto context = context_of(world, parts);
      const auto in = in_columns(parts, qkv);
      const auto out = parts.attend(in, context, world.is_interleaved);
      const auto slope = parts.attend_gradient(in, context, world.is_interleaved, out,
                                               in_columns(parts, upstream));
      return std::pair(out.columns, slope);
    };
    const auto [cpu, cpu_slope] = run(table.cpu);
    const auto [operations, slope] = run(table.operations);
    CHECK(distance(operations, cpu) < 1e-12);
    CHECK(distance(slope, cpu_slope) < 1e-12);
  }
}
